"""Asking for a forecast run, and clearing old ones away."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from forecasting import selectors
from forecasting.models import ForecastDistribution, ForecastRun

if TYPE_CHECKING:
    from forecasting.core.pipeline import ForecastSpec


class ForecastError(Exception):
    """A forecast that can't be made; the message is for people."""


def run_create(
    *, acting_user: AbstractBaseUser | None, as_of: date | None = None, spec: ForecastSpec | None = None
) -> ForecastRun:
    """Queue a forecast from what is known now, as of a day (default: the last complete day with sales).

    The default spec is 13 weeks with all models. Whoever calls this dispatches the task, on commit.
    Raises ForecastError for a day in the future, or when nothing was ever sold.
    """
    from catalog.selectors import today
    from forecasting.core.pipeline import ForecastSpec

    as_of = as_of or selectors.as_of_default()
    if as_of is None:
        raise ForecastError(_("There are no sales yet: import some first."))
    if as_of > today():
        raise ForecastError(_("%s is in the future.") % date_format(as_of))
    spec = spec or ForecastSpec(threads=settings.FORESTOCK_THREADS)
    if spec.quantiles != "all":
        raise ForecastError(_("Orders need all quantiles."))
    return ForecastRun.objects.create(
        as_of=as_of,
        known_at=timezone.now(),
        spec=spec.to_dict(),
        created_by_id=acting_user.pk if acting_user else None,
    )


def runs_prune(*, keep: int) -> int:
    """Delete the distributions and artifacts of all but the newest `keep` finished runs; how many runs.

    The rows of the runs stay, and so do their accuracy snapshots. Raises ValueError for a `keep` under 1:
    the newest run is the one that pages and plans read.
    """
    if keep < 1:
        raise ValueError("keep must be 1 or more")
    done = ForecastRun.objects.filter(state=ForecastRun.State.DONE, pruned_at=None).order_by("-pk")
    old = list(done[keep:])
    for run in old:
        with transaction.atomic():
            ForecastDistribution.objects.filter(run=run).delete()
            ForecastRun.objects.filter(pk=run.pk).update(pruned_at=timezone.now(), artifact="")
        artifacts_delete(run_id=run.pk)
    return len(old)


def artifacts_delete(*, run_id: int, keep: str = "") -> None:
    """Delete the artifact files of a run, those of killed attempts too, but for the one named `keep`."""
    for pattern in (f"forecast-{run_id}-*", f".forecast-{run_id}-*"):  # dots: writes that were cut off
        for path in settings.ARTIFACT_ROOT.glob(pattern):
            if path.name != keep:
                path.unlink(missing_ok=True)
