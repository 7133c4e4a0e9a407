"""How a chain of jobs ends at one that fails, and goes on from there when somebody retries it.

How far the chain is stands in the log of the failed job, written while the job's row is locked: so a retry
either finds it there, or the chain still lives and finds the job queued once more, never both.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from catalog.models import Job, JobLine

_ENDED = "chain-ended"


class ChainStoppedError(Exception):
    """A step of the chain failed, so the steps after it are not done."""


def has_ended(model: type[Job], pk: int | None, stand: dict[str, Any]) -> bool:
    """Whether there is nothing to wait for. Raises `ChainStoppedError` when the job failed.

    `stand` is how far the chain is: what `chain_run` takes to go on.
    """
    if pk is None:
        return True
    with transaction.atomic():
        job = model._base_manager.select_for_update(of=("self",)).get(pk=pk)
        has_failed = job.can_retry
        if has_failed:
            model.note(pk, _ENDED, level=JobLine.Level.WARNING, **stand)
    if has_failed:
        raise ChainStoppedError(f"{model.__name__} {pk} {job.state}: {job.error}")
    return job.state == Job.State.DONE


def chain_left(model: type[Job], pk: int) -> dict[str, Any] | None:
    """How far the chain was that ended at this job; None where none did since its last retry.

    Call it in the transaction that retries the job, which locks the row, before that is noted in its log.
    """
    model._base_manager.select_for_update(of=("self",)).get(pk=pk)
    told = JobLine.objects.filter(kind=model._meta.model_name or "", job_id=pk, what__in=(_ENDED, "retried"))
    last = told.order_by("-pk").first()
    return last.data if last is not None and last.what == _ENDED else None
