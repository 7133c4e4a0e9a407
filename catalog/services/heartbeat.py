"""The sign of life of a job while its worker computes."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from catalog.models.jobs import Job, JobLostError

logger = logging.getLogger(__name__)

_LONGEST_SILENCE = 5.0
_SHORTEST_STEP = 1.0


def hold(job: Job) -> None:
    """Begin a transaction that writes for a claimed job: nobody can take or stop the job until it ends.

    Raises `JobLostError` if somebody has. A job that no worker has claimed is not held.
    """
    if job.claim is not None:
        type(job).beat(job.pk, job.claim)


class Heartbeat:
    """Beats for a claimed job from a thread with a database connection of its own, until the block ends.

    The work calls `report` as it goes and gets `JobLostError` there once another worker has the job. The
    block must end before the results are written: the writer's own transaction begins with `Job.beat`, which
    locks the row and makes sure of the claim, and nobody can take the job until that transaction ends.

    When each step begins goes into the job's log.

    Inside an atomic block no other connection can see that the job was taken: there it beats from `report`.
    """

    def __init__(self, job: type[Job], pk: int, claim: uuid.UUID) -> None:
        self._job, self._pk, self._claim = job, pk, claim
        self._interval = min(_LONGEST_SILENCE, settings.FORESTOCK_STALE_AFTER_SECONDS / 4)
        self._news: tuple[str, float] | None = None
        self._step = ""
        self._begun: deque[tuple[str, datetime]] = deque()
        self._sent_at = time.monotonic()
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not transaction.get_connection().in_atomic_block:
            self._thread = threading.Thread(
                target=self._run, name=f"heartbeat {self._job.__name__} {self._pk}", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._begun and not transaction.get_connection().needs_rollback and self._has_claim():
            self._steps_note()

    def report(self, step: str, progress: float) -> None:
        """Say how far the work is (0 to 1). Cheap: call it as often as you like. Raises `JobLostError`."""
        if self._lost.is_set():
            raise JobLostError(f"{self._job.__name__} {self._pk}")
        if step != self._step:
            self._step = step
            self._begun.append((step, timezone.now()))
        self._news = (step, progress)
        if self._thread is None and time.monotonic() - self._sent_at >= min(_SHORTEST_STEP, self._interval):
            self._beat()

    def _beat(self) -> None:
        news, self._news = self._news, None
        step, progress = news or (None, None)
        self._job.beat(self._pk, self._claim, step=step, progress=progress)
        self._steps_note()
        self._sent_at = time.monotonic()

    def _has_claim(self) -> bool:
        """Whether the job is still this worker's: a lost or stopped one gets no more steps."""
        return self._job._base_manager.filter(pk=self._pk, claim=self._claim).exists()

    def _steps_note(self) -> None:
        steps = [self._begun.popleft() for _ in range(len(self._begun))]
        if steps:
            self._job.note_steps(self._pk, steps)

    def _run(self) -> None:
        try:
            while not self._stop.wait(min(_SHORTEST_STEP, self._interval)):
                if self._news is None and time.monotonic() - self._sent_at < self._interval:
                    continue
                try:
                    self._beat()
                except JobLostError:
                    self._lost.set()
                    return
                except DatabaseError:
                    # A database that is away for a moment loses no work: what counts is the claim at the end.
                    logger.warning("No heartbeat for %s %d", self._job.__name__, self._pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()
