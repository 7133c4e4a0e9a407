"""Work in the background."""

from __future__ import annotations

from celery import shared_task

from replenishment import services


@shared_task(name="replenishment.tasks.plan_execute_task")
def plan_execute_task(plan_id: int) -> None:
    """Execute a plan run; harmless when it was done, or is being done, already."""
    services.plan_execute(plan_id=plan_id)


@shared_task(name="replenishment.tasks.replay_execute_task")
def replay_execute_task(replay_id: int) -> None:
    """Execute a replay; harmless when it was done, or is being done, already."""
    services.replay_execute(replay_id=replay_id)


@shared_task(name="replenishment.tasks.snoozes_end_task")
def snoozes_end_task() -> None:
    """Wake what was snoozed until today; harmless when run too often."""
    services.snoozes_end_due()
