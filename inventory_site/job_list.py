"""All background work, of every kind, in one list: what is on its way and what ended lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import ImportBatch, Job
from inventory_site.jobs import KINDS, JobKind

SHOWN_DAYS = 30
# What the list can be narrowed to, in the order of its tabs.
STATES = {
    "all": (_("All"), tuple(Job.State.values)),
    "unfinished": (_("On their way"), (Job.State.QUEUED, Job.State.RUNNING)),
    "failed": (_("Failed or stopped"), (Job.State.FAILED, Job.State.STOPPED)),
    "done": (_("Done"), (Job.State.DONE,)),
}
_COLUMNS = (
    "job_kind",
    "pk",
    "about",
    "state",
    "step",
    "progress",
    "error",
    "created_at",
    "started_at",
    "finished_at",
    "who",
)


@dataclass(frozen=True)
class JobRow:
    """A job of whatever kind, as the list shows it."""

    kind: str
    pk: int
    about: str
    state: str
    step: str
    progress: float
    error: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    who: str | None
    may_act: bool

    @property
    def label(self) -> str:
        """What kind of job it is."""
        return str(KINDS[self.kind].label)

    @property
    def address(self) -> str:
        """Where it is looked at."""
        if KINDS[self.kind].has_page:
            return KINDS[self.kind].address(self.pk)
        return reverse("job", args=[self.kind, self.pk])

    @property
    def step_name(self) -> str:
        """Its step in words."""
        return KINDS[self.kind].step_name(self.step) if self.step else ""

    @property
    def state_label(self) -> str:
        """Its state in words."""
        return str(Job.State(self.state).label)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in STATES["unfinished"][1]

    @property
    def may_retry(self) -> bool:
        """Whether it may be done once more by this person."""
        return self.may_act and self.state in STATES["failed"][1]

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far."""
        if self.started_at is None:
            return None
        return max(((self.finished_at or timezone.now()) - self.started_at).total_seconds(), 0.0)


def jobs_list(kinds: Mapping[str, JobKind], *, state: str = "all") -> QuerySet[Any, dict[str, Any]]:
    """Jobs of these kinds, the newest first, as dicts of `_COLUMNS`.

    What is on its way, however old, and the last `SHOWN_DAYS`; rows sent by the API are no background work.
    """
    since = timezone.now() - timedelta(days=SHOWN_DAYS)
    parts: list[QuerySet[Any, dict[str, Any]]] = []
    text: CharField[str, str] = CharField(max_length=255)
    for name, seen in kinds.items():
        jobs: QuerySet[Any] = seen.model._base_manager.all()
        about: Any = Value("", output_field=text)
        if seen.model is ImportBatch:
            jobs = ImportBatch.objects.exclude(options__has_key="api").exclude(options__has_key="draft")
            about = F("file_name")
        found = jobs.filter(
            Q(created_at__gte=since) | Q(state__in=STATES["unfinished"][1]), state__in=STATES[state][1]
        ).order_by()
        parts.append(
            found.annotate(
                job_kind=Value(name, output_field=text), about=about, who=F("created_by__username")
            ).values(*_COLUMNS)
        )
    return parts[0].union(*parts[1:], all=True).order_by("-created_at", "-pk")


def job_rows(rows: Sequence[Mapping[str, Any]], may_act: Collection[str]) -> list[JobRow]:
    """Rows of `jobs_list`; `may_act`: the kinds that the reader may stop and retry."""
    found = []
    for row in rows:
        values = dict(row)
        kind = values.pop("job_kind")
        found.append(JobRow(kind=kind, may_act=kind in may_act, **values))
    return found
