"""Work done in the background as a row: queued, running with progress, done, failed with the reason, stopped.

Imports, forecast runs and plan runs are all jobs. A job is claimed with one UPDATE, so two workers never
do the same one, and it is taken up again when its worker falls silent (killed, say), on any broker.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MAX_ATTEMPTS = 3


class JobLostError(Exception):
    """Another worker has taken this job up: whoever gets this must stop and write nothing."""


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

    class Meta:
        abstract = True

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
        lost = free.filter(attempts__gte=MAX_ATTEMPTS).update(
            state=cls.State.FAILED, error=_("Its worker was lost %d times.") % MAX_ATTEMPTS, finished_at=now
        )
        if lost:
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
        return claim if taken else None

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

    @classmethod
    def fail(cls, pk: int, claim: uuid.UUID, error: str) -> None:
        """Mark it failed, with the reason in words; nothing if it was lost to another worker."""
        cls._base_manager.filter(pk=pk, claim=claim, state=cls.State.RUNNING).update(
            state=cls.State.FAILED, error=error, finished_at=timezone.now()
        )

    @classmethod
    def stop(cls, pk: int, reason: str) -> bool:
        """End it on somebody's word; False if it had ended before.

        A worker that is at it gets `JobLostError` at its next beat, and writes nothing.
        """
        unfinished = cls._base_manager.filter(pk=pk, state__in=[cls.State.QUEUED, cls.State.RUNNING])
        return bool(
            unfinished.update(state=cls.State.STOPPED, error=reason, claim=None, finished_at=timezone.now())
        )
