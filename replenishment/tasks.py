"""Work in the background."""

from __future__ import annotations

from celery import shared_task

from replenishment import services


@shared_task(name="replenishment.tasks.plan_execute_task")
def plan_execute_task(plan_id: int) -> None:
    """Execute a plan run, then search for exceptions; harmless when done, or being done, already."""
    if services.plan_execute(plan_id=plan_id).is_finished:
        services.exceptions_find()


@shared_task(name="replenishment.tasks.exceptions_daily_task")
def exceptions_daily_task() -> None:
    """Search for exceptions, then send everybody's e-mail of the day; harmless when done already."""
    services.exceptions_find()
    services.digests_send()


@shared_task(name="replenishment.tasks.replay_execute_task")
def replay_execute_task(replay_id: int) -> None:
    """Execute a replay; harmless when it was done, or is being done, already."""
    services.replay_execute(replay_id=replay_id)


@shared_task(name="replenishment.tasks.bulk_act_execute_task")
def bulk_act_execute_task(act_id: int) -> None:
    """Do an act on many suggestions; harmless when it was done, or is being done, already."""
    services.bulk_act_execute(act_id=act_id)


@shared_task(name="replenishment.tasks.snoozes_end_task")
def snoozes_end_task() -> None:
    """Wake what was snoozed until today; harmless when run too often."""
    services.snoozes_end_due()
