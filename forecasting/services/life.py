"""The life of the models: nothing to do, new sales through trained models, or training anew."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from forecasting import selectors
from forecasting.models import ForecastAlarm, ForecastRun

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.result import ForecastArtifact, ForecastResult
    from forecasting.core.spec import ForecastSpec

logger = logging.getLogger(__name__)

# Fields of a spec that a run may have otherwise than the one that trained its models: speed alone, and what
# the database had to say (compared when the run is executed).
_NOT_LEARNED = {"threads", "known", "static", "signals"}
# So many full runs are looked through for one of the same spec.
_LOOK_BACK = 20


def artifact_key() -> bytes:
    """The key that signs this site's model artifacts."""
    return hashlib.sha256(b"forecasting.artifacts:" + settings.SECRET_KEY.encode()).digest()


def trained_find(*, as_of: date, spec: dict[str, Any], days: int | None = None) -> ForecastRun | None:
    """The newest full run whose models can take up new sales as of this day; None where there is none.

    It asked for the same, knew no later day, is younger than `days` (None: of any age), and its artifact is
    there. An alarm of drift over all product-locations that was opened since says that its models have had
    their day.
    """
    full = ForecastRun.objects.filter(
        state=ForecastRun.State.DONE, kind=ForecastRun.Kind.FULL, same_as=None, as_of__lte=as_of
    ).exclude(artifact="")
    for run in full.defer("report", "versions").order_by("-pk")[:_LOOK_BACK]:
        if _learned(run.spec) != _learned(spec):
            continue
        if days is not None and (as_of - run.as_of).days >= days:
            return None
        if not (settings.ARTIFACT_ROOT / run.artifact).is_file():
            return None
        return None if _drifted(freq=spec["freq"], since=run.pk) else run
    return None


def _drifted(*, freq: str, since: int) -> bool:
    """Whether a run later than `since` has opened an alarm that the errors over all have grown."""
    return ForecastAlarm.objects.filter(
        kind=ForecastAlarm.Kind.DRIFT,
        frequency=freq,
        segment=selectors.OVERALL,
        product=None,
        closed_at=None,
        opened_by__gt=since,
    ).exists()


def _learned(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _NOT_LEARNED}


def run_unchanged(*, run: ForecastRun, fingerprint: str, versions: dict[str, str]) -> ForecastRun | None:
    """The latest run, if it holds just what this one would: same day, data, spec and versions. Else None.

    The fingerprint covers panel, spec and libraries. An update's numbers never stand in for a full run's.
    """
    latest = selectors.run_latest()
    if latest is None or latest.pk == run.pk:
        return None
    if (latest.as_of, latest.fingerprint, latest.versions) != (run.as_of, fingerprint, versions):
        return None
    if latest.kind == ForecastRun.Kind.FULL:
        return latest
    same_models = run.kind == latest.kind and run.trained_by_id == latest.trained_by_id
    return latest if same_models else None


def run_repeat(
    *,
    run: ForecastRun,
    claim: uuid.UUID,
    same_as: ForecastRun,
    fingerprint: str,
    versions: dict[str, str],
    stages: dict[str, Any],
) -> None:
    """Finish a run that would only say again what `same_as` says: readers are led there.

    Nothing is copied. Should the other run be pruned at this moment, the run is done, and pruned as well.
    Raises `JobLostError`.
    """
    with transaction.atomic():
        held = ForecastRun.objects.select_for_update().only("pk", "pruned_at", "series").get(pk=same_as.pk)
        ForecastRun.finish(
            run.pk,
            claim,
            fingerprint=fingerprint,
            versions=versions,
            series=held.series,
            same_as=held,
            pruned_at=held.pruned_at,
            report={"stages": stages, "warnings": []},
        )


@dataclass(frozen=True, eq=False)
class Made:
    """A result and how it came about: what the run really was, and whose models it used."""

    result: ForecastResult
    kind: str
    trained_by_id: int | None


def result_make(
    *, run: ForecastRun, panel: pl.DataFrame, spec: ForecastSpec, progress: Callable[[str, float], None]
) -> Made:
    """Forecast a panel as the run asks: through trained models, or, where these can't be used, all anew.

    The reason for the latter is among the report's warnings. A full run hears who was champion before. The
    artifact is read whole at the start: pruning the run that it belongs to changes nothing from then on.
    """
    from forecasting.core import pipeline

    columns = sorted(panel.columns)
    warnings: list[str] = []
    if run.kind == ForecastRun.Kind.UPDATE:
        trained = run.trained_by
        try:
            artifact = _artifact_of(trained, spec, columns)
        except _UnusableError as error:
            number = trained.pk if trained else 0
            warnings.append(f"the models of run {number} can't be used ({error}): all were trained anew")
            logger.warning("Forecast run %d becomes a full one: %s", run.pk, error)
        else:
            result = pipeline.update(panel, as_of=run.as_of, artifact=artifact, progress=progress)
            result.report["columns"] = columns
            return Made(result, ForecastRun.Kind.UPDATE, run.trained_by_id)
    result = pipeline.forecast(
        panel, as_of=run.as_of, spec=spec, progress=progress, previous=_previous(run, spec, columns)
    )
    result.report["columns"] = columns
    result.report["warnings"] = [*warnings, *result.report["warnings"]]
    return Made(result, ForecastRun.Kind.FULL, None)


class _UnusableError(Exception):
    """Why an artifact can't be used, in a few words."""


def _artifact_of(trained: ForecastRun | None, spec: ForecastSpec, columns: list[str]) -> ForecastArtifact:
    from forecasting.core.artifacts import ArtifactError, artifact_load

    if trained is None or not trained.artifact:
        raise _UnusableError("they are gone")
    try:
        artifact = artifact_load(settings.ARTIFACT_ROOT / trained.artifact, key=artifact_key())
    except ArtifactError as error:
        raise _UnusableError(str(error)) from error
    if trained.report.get("columns") != columns or any(
        getattr(artifact.spec, name) != getattr(spec, name) for name in ("known", "static", "signals")
    ):
        raise _UnusableError("the data has other columns")
    return artifact


def _previous(run: ForecastRun, spec: ForecastSpec, columns: list[str]) -> ForecastArtifact | None:
    """What the last full run learned, for its champions; None where there is none to read."""
    full = ForecastRun.objects.filter(
        state=ForecastRun.State.DONE, kind=ForecastRun.Kind.FULL, same_as=None, as_of__lte=run.as_of
    )
    last = next(
        (
            other
            for other in full.exclude(artifact="").exclude(pk=run.pk).order_by("-pk")[:_LOOK_BACK]
            if other.spec.get("freq") == spec.freq and other.spec.get("horizon") == spec.horizon
        ),
        None,
    )
    try:
        return _artifact_of(last, spec, columns)
    except _UnusableError:
        return None
