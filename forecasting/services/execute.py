"""Executing a forecast run: panel, forecast, and all results in one transaction."""

from __future__ import annotations

import logging
import platform
import time
import tomllib
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from catalog.models import JobLostError
from forecasting.models import (
    AccuracySnapshot,
    ChampionDecision,
    ForecastDistribution,
    ForecastRun,
    SeriesAccuracy,
)
from forecasting.selectors.trials import signals_used, trial_latest
from forecasting.services.accuracy import accuracy_keep
from forecasting.services.alarms import alarms_refresh
from forecasting.services.inputs import panel_read
from forecasting.services.life import Made, artifact_key, result_make, run_repeat, run_unchanged
from forecasting.services.new_products import Planned, planned_read, result_with_new
from forecasting.services.overrides import overrides_score
from forecasting.services.runs import ForecastError, artifacts_delete
from forecasting.services.store import accuracy_store, distributions_store
from forecasting.services.worth import Worth, series_worth

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.result import ForecastResult
    from forecasting.core.spec import ForecastSpec

logger = logging.getLogger(__name__)

# Shares of the whole that reading and forecasting take.
_READ, _FORECAST = 0.05, 0.9
# What the report keeps of each step of the horizon.
STEP_SCORES = ("wape", "bias", "naive_wape", "pinball", "coverage_95_below", "coverage_95")


def run_execute(*, run_id: int) -> ForecastRun:
    """Do a queued run, or take up one whose worker fell silent; nothing if another worker is alive on it.

    Safe to call twice: the run is claimed by one UPDATE, and what an earlier attempt left is replaced in the
    transaction that finishes it. A failure is kept on the run, as a reason for people; a run that was lost to
    another worker meanwhile is left alone. Returns the run as it stands.
    """
    from catalog.services.heartbeat import Heartbeat
    from forecasting.core.models import NotInstalledError
    from forecasting.core.panel import PanelError

    claim = ForecastRun.take(run_id)
    run = ForecastRun.objects.get(pk=run_id)
    if claim is None:
        logger.info("Forecast run %d is %s: nothing to do", run_id, run.state)
        return run
    try:
        with Heartbeat(ForecastRun, run_id, claim) as heartbeat:
            read = _read(run, heartbeat)
            same_as = run_unchanged(run=run, fingerprint=read.fingerprint, versions=read.versions)
            if same_as is None:
                found = _forecast(run, read, heartbeat)
                heartbeat.report("store", _FORECAST)
        if same_as is None:
            _store(run, claim, found)
            _look_back(run, read)
        else:
            run_repeat(
                run=run,
                claim=claim,
                same_as=same_as,
                fingerprint=read.fingerprint,
                versions=read.versions,
                stages={"read": read.stage},
            )
    except JobLostError:
        logger.warning("Forecast run %d was lost to another worker", run_id)
    except (ForecastError, NotInstalledError, PanelError) as error:
        logger.info("Forecast run %d failed: %s", run_id, error)
        ForecastRun.fail(run_id, claim, str(error))
    except KeyboardInterrupt:
        ForecastRun.fail(run_id, claim, _("Interrupted."))
        raise
    except Exception as error:
        logger.exception("Forecast run %d failed", run_id)
        ForecastRun.fail(run_id, claim, _("Unexpected error: %s") % f"{type(error).__name__}: {error}"[:1000])
    run.refresh_from_db()
    return run


def _look_back(run: ForecastRun, read: _Read) -> None:
    """What came of earlier runs. The run is done whatever happens here; the next one does what was missed."""
    try:
        alarms_refresh(run=run, panel=read.panel)
    except DatabaseError:
        logger.exception("The alarms were not refreshed after forecast run %d", run.pk)
    try:
        overrides_score(as_of=run.as_of)
    except DatabaseError:
        logger.exception("Overrides were not scored after forecast run %d", run.pk)
    try:
        accuracy_keep(run_id=run.pk)
    except (DatabaseError, OSError):
        logger.exception("The accuracy was not kept as a file after forecast run %d", run.pk)


@dataclass(frozen=True, eq=False)
class _Read:
    """The demand panel, what is asked of it, and what tells it from others."""

    panel: pl.DataFrame
    spec: ForecastSpec
    stage: dict[str, float]
    fingerprint: str
    versions: dict[str, str]
    planned: Planned
    signals: dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Found:
    """A result and how it came about, and what else is stored of the run.

    `own_share` (N,) is how much own sales count of a new product-location, NaN of all else.
    """

    made: Made
    own_share: npt.NDArray[Any]
    worth: Worth
    read: _Read


def _read(run: ForecastRun, heartbeat: Any) -> _Read:
    from forecasting.core.fingerprint import fingerprint, library_versions
    from forecasting.core.spec import ForecastSpec
    from forecasting.core.stages import peak_mib

    spec = replace(ForecastSpec.from_dict(run.spec), explain=True)
    heartbeat.report("read", 0.0)
    start = time.perf_counter()
    signals = _signals(run, spec.freq)
    panel, spec, _found = panel_read(
        as_of=run.as_of,
        known_at=run.known_at,
        spec=spec,
        signals=signals["used"],
        trained=run.trained_by,
    )
    signals["used"] = list(spec.signals)
    planned = planned_read(run, panel)
    print_ = fingerprint(panel, spec, planned.fingerprint if planned.unique_id else "")
    return _Read(
        panel=panel,
        spec=spec,
        stage={"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak_mib(), 1)},
        fingerprint=print_,
        signals=signals,
        versions=library_versions() | {"python": platform.python_version(), "forestock": _own_version()},
        planned=planned,
    )


def _signals(run: ForecastRun, freq: str) -> dict[str, Any]:
    """The signals to use and the trial that says so: of an update those that its models were given, else
    those of the last trial of what was known.
    """
    if run.trained_by is not None:
        given: dict[str, Any] = run.trained_by.report.get("signals", {"trial": None, "used": []})
        return dict(given)
    trial = trial_latest(freq=freq, as_of=run.as_of, known_at=run.known_at)
    used = signals_used(trial_id=trial.pk) if trial else ()
    return {"trial": trial.pk if trial else None, "used": list(used)}


def _forecast(run: ForecastRun, read: _Read, heartbeat: Any) -> _Found:
    made = result_make(
        run=run,
        panel=read.panel,
        spec=read.spec,
        progress=lambda step, share: heartbeat.report(step, _READ + (_FORECAST - _READ) * share),
    )
    result, own_share = result_with_new(run, read.panel, made.result, read.planned)
    made = replace(made, result=result)
    worth = series_worth(read.panel, result.distribution.unique_id, as_of=run.as_of)
    return _Found(made=made, own_share=own_share, worth=worth, read=read)


def _store(run: ForecastRun, claim: uuid.UUID, found: _Found) -> None:
    """All results and the run's last state, or nothing. Raises `JobLostError`."""
    start = time.perf_counter()
    result = found.made.result
    artifact = _artifact_write(run, claim, result)
    try:
        with transaction.atomic():
            # Locks the row: nobody can take the run up from here to the commit, however long the write is.
            ForecastRun.beat(run.pk, claim)
            for rows in (ForecastDistribution, AccuracySnapshot, SeriesAccuracy, ChampionDecision):
                rows.objects.filter(run=run).delete()
            _series_store(run, found)
            AccuracySnapshot.objects.bulk_create(_snapshots(run, result))
            decisions = result.report.get("decisions", [])
            ChampionDecision.objects.bulk_create([ChampionDecision(run=run, **row) for row in decisions])
            stages = {
                "read": found.read.stage,
                **result.report["stages"],
                "store": {"seconds": round(time.perf_counter() - start, 3)},
            }
            report = {key: value for key, value in result.report.items() if key != "decisions"}
            ForecastRun.finish(
                run.pk,
                claim,
                kind=found.made.kind,
                trained_by_id=found.made.trained_by_id,
                fingerprint=found.read.fingerprint,
                versions=found.read.versions,
                series=len(result.model),
                report=report
                | {"stages": stages, "by_step": _by_step(result), "signals": found.read.signals},
                artifact=artifact.name,
            )
    except BaseException:
        artifact.unlink(missing_ok=True)
        raise
    artifacts_delete(run_id=run.pk, keep=artifact.name)


def _series_store(run: ForecastRun, found: _Found) -> None:
    """The distribution of each product-location, and its accuracy where the run has tested it."""
    import numpy as np

    from catalog.selectors import unique_id_split
    from forecasting.core.accuracy import COLUMN
    from forecasting.core.classify import abc_classes, xyz_by_error
    from forecasting.core.response.series import pack

    result = found.made.result
    products, locations = unique_id_split(result.distribution.unique_id)
    distributions_store(
        run_id=run.pk,
        product_ids=products,
        location_ids=locations,
        models=result.model,
        segments=result.segment,
        patterns=result.pattern,
        distribution=result.distribution,
        contributions=result.contributions,
        corrections=result.corrections,
        responses=pack(result.response, len(result.distribution.unique_id)),
        own_share=found.own_share,
    )
    if result.accuracy is None:
        return
    sums = result.accuracy.sums
    whole = sums.sum(axis=1)
    names = ("squared_error", "actual", "count")
    accuracy_store(
        run_id=run.pk,
        # Of a very large shop the backtest takes a sample.
        rows=np.flatnonzero(whole[:, COLUMN["count"]] + whole[:, COLUMN["left_out"]]),
        product_ids=products,
        location_ids=locations,
        models=result.model,
        abc=abc_classes(found.worth.revenue),
        xyz=xyz_by_error(*(whole[:, COLUMN[name]] for name in names)),
        worth=found.worth,
        left_out=result.accuracy.left_out,
        sums=sums,
    )


def _by_step(result: ForecastResult) -> list[dict[str, float | None]]:
    """Scores of all series at each step of the horizon, for the chart; empty without a backtest."""
    from forecasting.core.accuracy import scores_of

    if result.accuracy is None:
        return []
    table = [scores_of(total) for total in result.accuracy.by_step]
    return [
        {name: None if (value := row[name]) is None else round(value, 6) for name in STEP_SCORES}
        for row in table
    ]


def _snapshots(run: ForecastRun, result: ForecastResult) -> list[AccuracySnapshot]:
    sizes = Counter(result.pattern) | Counter(result.segment) | Counter(overall=len(result.pattern))
    return [
        AccuracySnapshot(
            run=run,
            as_of=run.as_of,
            frequency=run.spec["freq"],
            horizon=run.spec["horizon"],
            model=model,
            segment=segment,
            is_champion=result.report["champion"].get(segment) == model,
            series=sizes[segment],
            scores=scores,
        )
        for model, table in result.report["models"].items()
        for segment, scores in table.items()
    ]


def _artifact_write(run: ForecastRun, claim: uuid.UUID, result: ForecastResult) -> Path:
    """The fitted models, signed with a key derived from the site's secret; named by run and attempt."""
    from forecasting.core.artifacts import artifact_save

    path: Path = settings.ARTIFACT_ROOT / f"forecast-{run.pk}-{claim.hex[:8]}.model"
    artifact_save(result.artifact, path, key=artifact_key())
    return path


def _own_version() -> str:
    with (Path(__file__).resolve().parents[2] / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
