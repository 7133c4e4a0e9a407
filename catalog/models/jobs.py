"""Work done in the background as a row: queued, running with progress, done, failed with the reason, stopped.

Imports, forecast runs and plan runs are all jobs. A job is claimed with one UPDATE, so two workers never
do the same one, and it is taken up again when its worker falls silent (killed, say), on any broker. What
happens to it is kept, line by line, as its log.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MAX_ATTEMPTS = 3


class JobLostError(Exception):
    """Another worker has taken this job up: whoever gets this must stop and write nothing."""


class JobLine(models.Model):
    """What happened to a job. `what` is a code and `data` its values: the words are the reader's language.

    `kind` is the name of the job's model, `job_id` its key: a log outlives neither by more than its pruning.
    """

    class Level(models.TextChoices):
        INFO = "info", _("Information")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    kind = models.CharField(_("kind"), max_length=24)
    job_id = models.BigIntegerField(_("number"))
    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True)
    level = models.CharField(_("level"), max_length=7, choices=Level, default=Level.INFO)
    what = models.CharField(_("what happened"), max_length=16)
    data = models.JSONField(_("data"), default=dict, blank=True)

    class Meta:
        verbose_name = _("line of a job's log")
        verbose_name_plural = _("lines of jobs' logs")
        ordering = ["pk"]
        indexes = [models.Index(fields=["kind", "job_id"], name="job_line_job")]

    def __str__(self) -> str:
        return f"{self.kind} {self.job_id}: {self.what}"


class Job(models.Model):
    """A piece of background work and its state. `claim` is the worker's own token while it runs."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.QUEUED, db_index=True)
    step = models.CharField(_("step"), max_length=80, blank=True)
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("Share done, 0 to 1."))
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, db_index=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    # What else is as new when it is done once more.
    RETRY_VALUES: ClassVar[dict[str, Any]] = {}

    class Meta:
        abstract = True

    @classmethod
    def note(
        cls,
        pk: int,
        what: str,
        *,
        level: str = JobLine.Level.INFO,
        at: datetime | None = None,
        **data: object,
    ) -> None:
        """Write a line into the job's log."""
        JobLine.objects.create(
            kind=cls._meta.model_name or "",
            job_id=pk,
            at=at or timezone.now(),
            level=level,
            what=what,
            data=data,
        )

    @classmethod
    def note_steps(cls, pk: int, steps: Iterable[tuple[str, datetime]]) -> None:
        """Write when each of these steps began."""
        kind = cls._meta.model_name or ""
        JobLine.objects.bulk_create(
            JobLine(kind=kind, job_id=pk, at=at, what="step", data={"step": step}) for step, at in steps
        )

    @property
    def can_retry(self) -> bool:
        """Whether it may be done once more as it was asked for: it failed, or was stopped."""
        return self.state in {self.State.FAILED, self.State.STOPPED}

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {self.State.DONE, self.State.FAILED, self.State.STOPPED}

    @classmethod
    def stale_ids(cls) -> list[int]:
        """Jobs to dispatch (again): queued for a while and never begun, or running but silent."""
        silent_since = timezone.now() - timedelta(seconds=settings.FORESTOCK_STALE_AFTER_SECONDS)
        return list(
            cls._base_manager.filter(
                Q(state=cls.State.QUEUED, created_at__lt=silent_since)
                | Q(state=cls.State.RUNNING, heartbeat_at__lt=silent_since)
            ).values_list("pk", flat=True)
        )

    @classmethod
    def take(cls, pk: int) -> uuid.UUID | None:
        """Claim the job for this worker; None if it is finished, or another worker is alive on it.

        A job that has lost its worker `MAX_ATTEMPTS` times is failed instead of being tried for ever.
        """
        now = timezone.now()
        silent_since = now - timedelta(seconds=settings.FORESTOCK_STALE_AFTER_SECONDS)
        free = cls._base_manager.filter(pk=pk).filter(
            Q(state=cls.State.QUEUED) | Q(state=cls.State.RUNNING, heartbeat_at__lt=silent_since)
        )
        error = str(_("Its worker was lost %d times.") % MAX_ATTEMPTS)
        lost = free.filter(attempts__gte=MAX_ATTEMPTS).update(
            state=cls.State.FAILED, error=error, finished_at=now
        )
        if lost:
            cls.note(pk, "lost", level=JobLine.Level.WARNING, attempt=MAX_ATTEMPTS)
            cls.note(pk, "failed", level=JobLine.Level.ERROR, error=error)
            return None
        claim = uuid.uuid4()
        taken = free.update(
            state=cls.State.RUNNING,
            claim=claim,
            attempts=F("attempts") + 1,
            heartbeat_at=now,
            started_at=now,
            progress=0.0,
            step="",
            error="",
        )
        if not taken:
            return None
        attempt = cls._base_manager.values_list("attempts", flat=True).get(pk=pk)
        if attempt > 1:
            cls.note(pk, "lost", level=JobLine.Level.WARNING, attempt=attempt - 1)
        cls.note(pk, "taken", attempt=attempt)
        return claim

    @classmethod
    def beat(
        cls, pk: int, claim: uuid.UUID, *, step: str | None = None, progress: float | None = None
    ) -> None:
        """Say that the job is alive, and how far. Raises `JobLostError` if another worker has it now."""
        values: dict[str, object] = {"heartbeat_at": timezone.now()}
        if step is not None:
            values["step"] = step[:80]
        if progress is not None:
            values["progress"] = min(max(progress, 0.0), 1.0)
        if not cls._base_manager.filter(pk=pk, claim=claim, state=cls.State.RUNNING).update(**values):
            raise JobLostError(f"{cls.__name__} {pk}")

    @classmethod
    def finish(cls, pk: int, claim: uuid.UUID, **values: object) -> None:
        """Mark it done, with its results; call in the transaction that writes them. Raises `JobLostError`."""
        values |= {"state": cls.State.DONE, "progress": 1.0, "step": "", "finished_at": timezone.now()}
        if not cls._base_manager.filter(pk=pk, claim=claim, state=cls.State.RUNNING).update(**values):
            raise JobLostError(f"{cls.__name__} {pk}")
        cls.note(pk, "done")

    @classmethod
    def fail(cls, pk: int, claim: uuid.UUID, error: str) -> None:
        """Mark it failed, with the reason in words; nothing if it was lost to another worker."""
        failed = cls._base_manager.filter(pk=pk, claim=claim, state=cls.State.RUNNING).update(
            state=cls.State.FAILED, error=error, finished_at=timezone.now()
        )
        if failed:
            cls.note(pk, "failed", level=JobLine.Level.ERROR, error=error[:1000])

    @classmethod
    def stop(cls, pk: int, reason: str) -> bool:
        """End it on somebody's word; False if it had ended before.

        A worker that is at it gets `JobLostError` at its next beat, and writes nothing.
        """
        unfinished = cls._base_manager.filter(pk=pk, state__in=[cls.State.QUEUED, cls.State.RUNNING])
        stopped = unfinished.update(
            state=cls.State.STOPPED, error=reason, claim=None, finished_at=timezone.now()
        )
        if stopped:
            cls.note(pk, "stopped", level=JobLine.Level.WARNING, reason=reason)
        return bool(stopped)

    @classmethod
    def retry(cls, pk: int, who: str) -> bool:
        """Queue it once more, as it was asked for; False where it has not failed and was not stopped.

        One UPDATE, so that a second click finds it queued. Whoever calls this dispatches the task.
        """
        if not cls._base_manager.get(pk=pk).can_retry:
            return False
        again = cls._base_manager.filter(pk=pk, state__in=[cls.State.FAILED, cls.State.STOPPED]).update(
            state=cls.State.QUEUED,
            step="",
            progress=0.0,
            error="",
            attempts=0,
            claim=None,
            heartbeat_at=None,
            started_at=None,
            finished_at=None,
            **cls.RETRY_VALUES,
        )
        if again:
            cls.note(pk, "retried", who=who)
        return bool(again)
