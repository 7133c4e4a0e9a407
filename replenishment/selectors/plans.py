"""The plan that counts, and its suggestions."""

from __future__ import annotations

from replenishment.models import PlanRun


def plan_latest() -> PlanRun | None:
    """The newest plan that is done, with its forecast run: only its suggestions may be acted on.

    The reports of both, long JSON, are read when somebody asks for them.
    """
    done = PlanRun.objects.filter(state=PlanRun.State.DONE).select_related("forecast_run")
    return done.defer("report", "forecast_run__report").order_by("-pk").first()


def plan_before(plan: PlanRun) -> PlanRun | None:
    """The newest plan that was done before this one was made, as of the same day or an earlier one."""
    done = PlanRun.objects.filter(state=PlanRun.State.DONE, pk__lt=plan.pk, as_of__lte=plan.as_of)
    return done.order_by("-pk").first()
