"""The kinds of background work: what each is called, its page and steps, who may see, stop and retry it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import ImportBatch, Job
from catalog.selectors import partner_scope
from forecasting.models import ForecastRun, SignalRun, SignalTrial
from forecasting.words import SIGNAL_STEPS, STEPS, TRIAL_STEPS, name_of
from inventory_site.chains import chain_left
from inventory_site.tasks import chain_run, dispatchers
from inventory_site.templatetags.replenishment_words import act_step_name, plan_step_name, replay_step_name
from replenishment.models import BulkAct, PlanRun, ReplayRun

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class JobKind:
    """One kind: whoever may start such jobs may stop and retry them. `page` is a list where a job has none.

    `step_name` gives the words for a step's code, `failed` the sentence for a job that failed.
    """

    model: type[Job]
    label: _StrPromise
    page: str
    step_name: Callable[[str], str]
    failed: _StrPromise
    has_page: bool = True

    def may(self, user: User | AnonymousUser, verb: str) -> bool:
        """Whether the person may "view" or "add" such jobs; partners never do."""
        return self.is_permitted(user, verb) and partner_scope(user) is None

    def is_permitted(self, user: User | AnonymousUser, verb: str) -> bool:
        """Whether the person holds the permission, be it a partner or not."""
        meta = self.model._meta
        return user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}")

    def address(self, pk: int) -> str:
        """Where its result is looked at."""
        return reverse(self.page, args=[pk]) if self.has_page else reverse(self.page)


KINDS: dict[str, JobKind] = {
    "import": JobKind(
        ImportBatch,
        gettext_lazy("Import"),
        "catalog:import-detail",
        # (A batch keeps its steps in words.)
        lambda step: _(step),
        gettext_lazy("Nothing was loaded."),
    ),
    "signals": JobKind(
        SignalRun,
        gettext_lazy("Signals"),
        "forecasting:signal-run-list",
        lambda step: name_of(SIGNAL_STEPS, step),
        gettext_lazy("The reading of signals failed."),
        has_page=False,
    ),
    "trial": JobKind(
        SignalTrial,
        gettext_lazy("Trial of signals"),
        "forecasting:signal-trial",
        lambda step: name_of(TRIAL_STEPS, step),
        gettext_lazy("The trial failed."),
    ),
    "forecast": JobKind(
        ForecastRun,
        gettext_lazy("Forecast"),
        "forecasting:run-detail",
        lambda step: name_of(STEPS, step),
        gettext_lazy("The forecast failed."),
    ),
    "plan": JobKind(
        PlanRun,
        gettext_lazy("Plan"),
        "replenishment:plan-detail",
        plan_step_name,
        gettext_lazy("The plan failed."),
    ),
    "replay": JobKind(
        ReplayRun,
        gettext_lazy("Replay"),
        "replenishment:replay-detail",
        replay_step_name,
        gettext_lazy("The replay failed."),
    ),
    "act": JobKind(
        BulkAct,
        gettext_lazy("Act on many"),
        "replenishment:bulk-act",
        act_step_name,
        gettext_lazy("Nothing was changed."),
    ),
}


def kind_of(job: Job) -> str:
    """The name of a job's kind."""
    return next(name for name, kind in KINDS.items() if kind.model is type(job))


def kinds_open(user: User | AnonymousUser, verb: str) -> dict[str, JobKind]:
    """The kinds that this person may "view", or "add"."""
    found = {name: kind for name, kind in KINDS.items() if kind.is_permitted(user, verb)}
    return found if found and partner_scope(user) is None else {}


def job_stop(*, kind: str, pk: int, acting_user: User) -> bool:
    """Stop a job in this person's name; False if it had ended before."""
    with transaction.atomic():
        return KINDS[kind].model.stop(pk, _("Stopped by %s.") % acting_user.get_username())


def job_retry(*, kind: str, pk: int, acting_user: User) -> bool:
    """Queue and dispatch a job that failed or was stopped once more; False where there is nothing to retry.

    Where a chain ended at it, the chain goes on from there, as it would have the first time.
    """
    model = KINDS[kind].model
    with transaction.atomic():
        stand = chain_left(model, pk)
        if not model.retry(pk, acting_user.get_username()):
            return False
        # A broker that is away loses no job: a queued one is dispatched again by `jobs_take_up`.
        dispatch = dispatchers()[model]
        transaction.on_commit(lambda: dispatch(pk), robust=True)
        if stand is not None:
            transaction.on_commit(lambda: chain_run.delay(**stand), robust=True)
    return True


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
