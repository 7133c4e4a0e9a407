"""The plan that counts, and its suggestions."""

from __future__ import annotations

from replenishment.models import PlanRun


def plan_latest() -> PlanRun | None:
    """The newest plan that is done: only its suggestions may be acted on."""
    return PlanRun.objects.filter(state=PlanRun.State.DONE).order_by("-pk").first()


def plan_before(plan: PlanRun) -> PlanRun | None:
    """The newest plan that was done before this one was made, as of the same day or an earlier one."""
    done = PlanRun.objects.filter(state=PlanRun.State.DONE, pk__lt=plan.pk, as_of__lte=plan.as_of)
    return done.order_by("-pk").first()
