"""The kinds of background work: what each is called in an address, its page, and who may see and stop it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog.models import ImportBatch, Job
from catalog.selectors import partner_scope
from forecasting.models import ForecastRun, SignalRun, SignalTrial
from replenishment.models import PlanRun, ReplayRun


@dataclass(frozen=True)
class JobKind:
    """One kind: whoever may start such jobs may stop them. `page` is a list where a job has no page."""

    model: type[Job]
    page: str
    has_page: bool = True

    def may(self, user: User | AnonymousUser, verb: str) -> bool:
        """Whether the person may "view" or "add" such jobs; partners never do."""
        meta = self.model._meta
        if user.is_anonymous or partner_scope(user) is not None:
            return False
        return user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}")

    def address(self, pk: int) -> str:
        """Where its result is looked at."""
        return reverse(self.page, args=[pk]) if self.has_page else reverse(self.page)


KINDS: dict[str, JobKind] = {
    "import": JobKind(ImportBatch, "catalog:import-detail"),
    "signals": JobKind(SignalRun, "forecasting:signal-run-list", has_page=False),
    "trial": JobKind(SignalTrial, "forecasting:signal-trial"),
    "forecast": JobKind(ForecastRun, "forecasting:run-detail"),
    "plan": JobKind(PlanRun, "replenishment:plan-detail"),
    "replay": JobKind(ReplayRun, "replenishment:replay-detail"),
}


def job_stop(*, kind: str, pk: int, acting_user: User) -> bool:
    """Stop a job in this person's name; False if it had ended before."""
    with transaction.atomic():
        return KINDS[kind].model.stop(pk, _("Stopped by %s.") % acting_user.get_username())


def jobs_ended(names: list[str], user: User | AnonymousUser) -> list[tuple[str, Job, str]]:
    """Of jobs "kind:pk" those that have ended (or never were): name, job and address; what may be seen."""
    wanted: dict[str, list[int]] = {}
    for name in names:
        kind, _colon, pk = name.partition(":")
        if kind in KINDS and pk.isdecimal() and len(pk) <= 18 and KINDS[kind].may(user, "view"):
            wanted.setdefault(kind, []).append(int(pk))
    return [
        (f"{kind}:{job.pk}", job, KINDS[kind].address(job.pk))
        for kind, pks in wanted.items()
        for job in KINDS[kind].model._base_manager.filter(pk__in=pks)
        if job.is_finished
    ]
