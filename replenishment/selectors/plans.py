"""The plan that counts, and its suggestions."""

from __future__ import annotations

from replenishment.models import PlanRun


def plan_latest() -> PlanRun | None:
    """The newest plan that is done: only its suggestions may be acted on."""
    return PlanRun.objects.filter(state=PlanRun.State.DONE).order_by("-pk").first()
