"""Asking for a forecast run, and clearing old ones away."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from forecasting import selectors
from forecasting.models import ForecastDistribution, ForecastRun, SeriesAccuracy
from forecasting.services.life import trained_find

if TYPE_CHECKING:
    from forecasting.core.spec import ForecastSpec


class ForecastError(Exception):
    """A forecast that can't be made; the message is for people."""


def run_create(
    *,
    acting_user: AbstractBaseUser | None,
    as_of: date | None = None,
    spec: ForecastSpec | None = None,
    kind: str | None = None,
) -> ForecastRun:
    """Queue a forecast from what is known now, as of a day (default: the last complete day with sales).

    The default spec is 13 weeks with all models. `kind` None decides by itself: an update while there are
    trained models younger than `FORESTOCK_RETRAIN_DAYS` that have not drifted, else a full run. Whoever
    calls this dispatches the task, on commit. Raises ForecastError for a day in the future, when nothing was
    ever sold, or for an update without models that could take it.
    """
    from catalog.selectors import today
    from forecasting.core.spec import ForecastSpec

    as_of = as_of or selectors.as_of_default()
    if as_of is None:
        raise ForecastError(_("There are no sales yet: import some first."))
    if as_of > today():
        raise ForecastError(_("%s is in the future.") % date_format(as_of))
    spec = spec or ForecastSpec(threads=settings.FORESTOCK_THREADS)
    if spec.quantiles != "all":
        raise ForecastError(_("Orders need all quantiles."))
    trained = None
    if kind != ForecastRun.Kind.FULL:
        days = settings.FORESTOCK_RETRAIN_DAYS if kind is None else None
        trained = trained_find(as_of=as_of, spec=spec.to_dict(), days=days)
        if kind is not None and trained is None:
            raise ForecastError(
                _("There are no trained models that an update could use: ask for a full run.")
            )
    return ForecastRun.objects.create(
        kind=ForecastRun.Kind.FULL if trained is None else ForecastRun.Kind.UPDATE,
        trained_by=trained,
        as_of=as_of,
        known_at=timezone.now(),
        spec=spec.to_dict(),
        created_by_id=acting_user.pk if acting_user else None,
    )


def runs_prune(*, keep: int) -> int:
    """Delete the distributions and artifacts of all but the latest `keep` finished runs; how many runs.

    The rows of the runs stay, and so do their accuracy snapshots and outcomes; the newest full run also keeps
    its artifact, which updates are made with, and the accuracy of its product-locations. Runs that changed
    nothing hold nothing: they go with the run whose results they found to stand. Raises ValueError for a
    `keep` under 1: the latest run is the one that pages and plans read.
    """
    if keep < 1:
        raise ValueError("keep must be 1 or more")
    done = ForecastRun.objects.filter(state=ForecastRun.State.DONE, same_as=None).order_by("-as_of", "-pk")
    trained = done.filter(kind=ForecastRun.Kind.FULL).exclude(artifact="").order_by("-pk").first()
    # By these, overrides are still to be scored.
    needed = selectors.overrides_runs_needed()
    old = [run for run in done.filter(pruned_at=None)[keep:] if run.pk not in needed]
    # What an earlier prune left to the updates, and is now no longer the newest.
    left = done.exclude(pruned_at=None).exclude(artifact="")
    for run in [*old, *left]:
        keeps = run == trained
        with transaction.atomic():
            # Waits for a run that is just about to be led to this one, and is then pruned along with it.
            ForecastRun.objects.select_for_update().get(pk=run.pk)
            ForecastDistribution.objects.filter(run=run).delete()
            if not keeps:
                SeriesAccuracy.objects.filter(run=run).delete()
            now = run.pruned_at or timezone.now()
            ForecastRun.objects.filter(pk=run.pk).update(
                pruned_at=now, artifact=run.artifact if keeps else ""
            )
            ForecastRun.objects.filter(same_as=run, pruned_at=None).update(pruned_at=now)
        artifacts_delete(run_id=run.pk, keep=run.artifact if keeps else "")
    return len(old)


def artifacts_delete(*, run_id: int, keep: str = "") -> None:
    """Delete the artifact files of a run, those of killed attempts too, but for the one named `keep` and the
    table beside it.
    """
    for pattern in (f"forecast-{run_id}-*", f".forecast-{run_id}-*"):  # dots: writes that were cut off
        for path in settings.ARTIFACT_ROOT.glob(pattern):
            if path.stem != Path(keep).stem:
                path.unlink(missing_ok=True)
