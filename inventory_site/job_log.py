"""What a job's panel shows: how far it is, how long it takes, and its log in the reader's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import ImportBatch, Job, JobLine
from inventory_site.jobs import KINDS, kind_of

_MOST_LINES = 200
_LIVE_LINES = 8
# Before so much is done its share says little about the rest: earlier jobs of the kind say more.
_SHARE_TELLS = 0.15
_JOBS_LOOKED_AT = 5
# So long a worker may take to see a job that was sent to it, in seconds.
_WORKER_ANSWERS = 15
# What begins or ends a step.
_BOUNDARIES = frozenset({"step", "done", "failed", "stopped", "lost", "taken", "retried"})


@dataclass(frozen=True)
class LogLine:
    """A line of a log; `seconds` is how long the step took that began there (None: none began)."""

    at: datetime
    level: str
    text: str
    seconds: float | None


@dataclass(frozen=True)
class JobPanel:
    """A job as its panel shows it; times in seconds, `remaining` None where there is nothing to tell by.

    `lines` has the newest line first while the job is on its way, the oldest first once it has ended.
    """

    kind: str
    job: Job
    failed: str
    step: str
    elapsed: float | None
    remaining: float | None
    lines: Sequence[LogLine]
    may_stop: bool
    may_retry: bool


def job_panel(job: Job, user: User | AnonymousUser) -> JobPanel:
    """What of a job this person is shown."""
    kind = kind_of(job)
    lines = job_lines(kind, job)
    may_act = KINDS[kind].may(user, "add")
    return JobPanel(
        kind=kind,
        job=job,
        failed=_failed(kind, job),
        step=KINDS[kind].step_name(job.step) if job.step else "",
        elapsed=job_seconds(job),
        remaining=_remaining(job),
        lines=lines if job.is_finished else lines[::-1][:_LIVE_LINES],
        may_stop=may_act and not job.is_finished,
        may_retry=may_act and job.can_retry,
    )


def _failed(kind: str, job: Job) -> str:
    if isinstance(job, ImportBatch) and job.kind == ImportBatch.PHOTOS:
        return _("It ended before all photos were taken in.")
    return str(KINDS[kind].failed)


def job_waits(job: Job) -> str:
    """What a queued job waits for: "busy" workers, or one that is "silent"; "" where it was just queued."""
    if job.state != Job.State.QUEUED:
        return ""
    kind = JobLine.objects.filter(kind=job._meta.model_name or "", job_id=job.pk)
    since = kind.order_by("-pk").values_list("at", flat=True).first() or job.created_at
    if (timezone.now() - max(since, job.created_at)).total_seconds() < _WORKER_ANSWERS:
        return ""
    alive = timezone.now() - timedelta(seconds=settings.FORESTOCK_STALE_AFTER_SECONDS)
    running = {"state": Job.State.RUNNING, "heartbeat_at__gte": alive}
    is_busy = any(one.model._base_manager.filter(**running).exists() for one in KINDS.values())
    return "busy" if is_busy else "silent"


def job_seconds(job: Job) -> float | None:
    """How long the job took, or has taken so far; None before it begins."""
    if job.started_at is None:
        return None
    return max(((job.finished_at or timezone.now()) - job.started_at).total_seconds(), 0.0)


def job_lines(kind: str, job: Job) -> list[LogLine]:
    """The newest lines of a job's log, the oldest of them first."""
    rows = list(
        JobLine.objects.filter(kind=type(job)._meta.model_name, job_id=job.pk).order_by("-pk")[:_MOST_LINES]
    )[::-1]
    now = timezone.now()
    found = []
    for place, row in enumerate(rows):
        seconds = None
        if row.what == "step":
            ends = next((later.at for later in rows[place + 1 :] if later.what in _BOUNDARIES), None)
            if ends is not None or not job.is_finished:
                seconds = max(((ends or now) - row.at).total_seconds(), 0.0)
        found.append(LogLine(row.at, row.level, _words(kind, row), seconds))
    return found


def _words(kind: str, row: JobLine) -> str:
    data = row.data
    if row.what == "step":
        return KINDS[kind].step_name(str(data.get("step", "")))
    if row.what in {"failed", "stopped"}:
        said = str(data.get("error") or data.get("reason") or "")
        return _(said) if said else str(Job.State(row.what).label)
    if row.what == "step-failed":
        return _("%(step)s failed: %(error)s") % {
            "step": KINDS[kind].step_name(str(data.get("step", ""))),
            "error": data.get("error", ""),
        }
    texts = {
        "taken": _("A worker began (attempt %(attempt)s)"),
        "lost": _("The worker of attempt %(attempt)s was lost: no sign of life for %(limit)s s"),
        "again": _("Orders were made meanwhile: it begins once more"),
        "rejected": _("Rows rejected: %(rows)s"),
        "chain-ended": _("What was to follow it was left undone; a retry goes on with it"),
        "retried": _("Asked for once more by %(who)s"),
        "done": _("Done"),
    }
    values = {"limit": f"{settings.FORESTOCK_STALE_AFTER_SECONDS:g}"} | data
    return texts[row.what] % values if row.what in texts else row.what


def _remaining(job: Job) -> float | None:
    """Seconds that a running job will still take: by its share, at its beginning by earlier jobs."""
    elapsed = job_seconds(job)
    if job.state != Job.State.RUNNING or elapsed is None:
        return None
    if job.progress >= _SHARE_TELLS:
        return elapsed / job.progress - elapsed
    usual = usual_seconds(type(job))
    return usual - elapsed if usual is not None and usual > elapsed else None


def usual_seconds(model: type[Job]) -> float | None:
    """How long the last jobs of a kind took, their median; None where there is none."""
    times = model._base_manager.filter(
        state=Job.State.DONE, started_at__isnull=False, finished_at__isnull=False
    ).order_by("-pk")[:_JOBS_LOOKED_AT]
    found = [
        (ends - begun).total_seconds()
        for begun, ends in times.values_list("started_at", "finished_at")
        if begun is not None and ends is not None
    ]
    return median(found) if found else None
