"""Work that spans the apps: taking up what a lost worker left; import, signals, forecast, plan in a chain."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.conf import settings

from catalog.models import ImportBatch, Job
from forecasting.models import ForecastRun, SignalRun, SignalTrial
from inventory_site.chains import ChainStoppedError, has_ended
from replenishment.models import BulkAct, PlanRun, ReplayRun

logger = logging.getLogger(__name__)

# Seconds between two looks at the step that a chain waits for.
_LOOK_EVERY = 2.0
_DAY = 86_400.0
_ENDINGS = (".csv", ".xlsx", ".parquet")


@shared_task(name="inventory_site.tasks.jobs_take_up")
def jobs_take_up() -> None:
    """Dispatch again every job that waits too long or whose worker fell silent.

    Harmless when run too often: whoever gets a job that is finished, or that a worker is alive on, leaves it.
    """
    for model, dispatch in dispatchers().items():
        for pk in model.stale_ids():
            logger.warning("%s %d is taken up again", model.__name__, pk)
            dispatch(pk)


@shared_task(name="inventory_site.tasks.job_lines_prune_task")
def job_lines_prune_task() -> None:
    """Let go of old lines of jobs' logs, and of photos' uploads that nobody asked for again."""
    from catalog.services import job_lines_prune, picture_uploads_prune

    logger.info("%d lines of jobs' logs let go", job_lines_prune())
    logger.info("%d uploads of photos let go", picture_uploads_prune())


@worker_ready.connect
def _look_after_jobs(sender: Any, **kwargs: Any) -> None:
    """A worker looks for lost jobs once it is up and then as long as it lives, with or without beat."""
    every = settings.FORESTOCK_STALE_AFTER_SECONDS / 2

    def look() -> None:
        jobs_take_up.apply_async(expires=every)

    def prune() -> None:
        job_lines_prune_task.apply_async(expires=_DAY)

    look()
    prune()
    sender.timer.call_repeatedly(every, look)
    sender.timer.call_repeatedly(_DAY, prune)


@shared_task(name="inventory_site.tasks.chain_run", bind=True)
def chain_run(
    self: Task[Any, Any],
    folder: str = "",
    files: list[str] | None = None,
    batch: int | None = None,
    signals: int | None = None,
    forecast: int | None = None,
    kind: str | None = None,
) -> None:
    """Import the new files of a folder one after the other, read the signals, then forecast, then plan.

    A schedule gives `folder`, or nothing to leave the imports out, and `kind`: "full" to train the models,
    "update" to use trained ones, nothing to let their age decide. The rest is how far the chain is. Each
    step is a job row with a task of its own, so that a lost worker costs nothing: this one only looks whether
    the step has ended, starts the next, and sends itself again to look later. A failed step ends the chain,
    but for the signals: forecasts are made without what they lack. Once somebody retries the failed job, the
    chain goes on from there (`inventory_site.chains`).
    """
    stand: dict[str, Any] = {"folder": folder, "files": files, "kind": kind}
    if signals is None:
        if files is None:
            files = _files_new(Path(folder)) if folder else []
        if has_ended(ImportBatch, batch, stand | {"files": files, "batch": batch}):
            # Of a chain that goes on later some may have been taken in meanwhile.
            while files and _is_taken_in(Path(files[0])):
                files.pop(0)
            if files:
                batch = _import_create(Path(files.pop(0)))
            else:
                signals = _signals_create()
    elif forecast is None:
        if SignalRun.objects.get(pk=signals).is_finished:
            forecast = _forecast_create(kind)
    elif has_ended(ForecastRun, forecast, stand | {"signals": signals, "forecast": forecast}):
        _plan_create(forecast)
        return
    stand |= {"files": files, "batch": batch, "signals": signals, "forecast": forecast}
    self.apply_async(kwargs=stand, countdown=_LOOK_EVERY)


def dispatchers() -> dict[type[Job], Callable[[int], Any]]:
    """What sends a job of each kind to a worker."""
    from catalog.tasks import import_run_task
    from forecasting.tasks import run_execute_task, signal_run_execute_task, trial_execute_task
    from replenishment.tasks import bulk_act_execute_task, plan_execute_task, replay_execute_task

    return {
        ImportBatch: import_run_task.delay,
        SignalRun: signal_run_execute_task.delay,
        SignalTrial: trial_execute_task.delay,
        ForecastRun: run_execute_task.delay,
        PlanRun: plan_execute_task.delay,
        ReplayRun: replay_execute_task.delay,
        BulkAct: bulk_act_execute_task.delay,
    }


def _kind(path: Path) -> str:
    """The kind of rows in a file, by the start of its name: `sales.csv`, `sales-2026-11-22.parquet`."""
    return path.name.partition(".")[0].split("-")[0]


def _files_new(folder: Path) -> list[str]:
    """The folder's files that were not taken in before as they are, master data before facts."""
    from catalog.tables import TABLES

    if not folder.is_dir():
        raise ChainStoppedError(f"there is no folder {folder}")
    order = {kind: number for number, kind in enumerate(TABLES)}
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _ENDINGS and _kind(path) in order and path.is_file()
    ]
    return [
        str(path) for path in sorted(files, key=lambda p: (order[_kind(p)], p.name)) if not _is_taken_in(path)
    ]


def _is_taken_in(path: Path) -> bool:
    from catalog.importers.reading import file_sha256

    last = ImportBatch.objects.filter(kind=_kind(path), file_name=path.name).first()
    if last is None or last.state != Job.State.DONE or last.taken_back_at is not None:
        return False
    return last.sha256 == file_sha256(path)


def _import_create(path: Path) -> int:
    from catalog.services import import_create

    batch: ImportBatch = import_create(kind=_kind(path), file=path, file_name=path.name, acting_user=None)
    dispatchers()[ImportBatch](batch.pk)
    return batch.pk


def _signals_create() -> int:
    from catalog.services import events_tidy
    from forecasting.services import signal_run_create

    # Before the reading's `known_at`: what a lost worker left uncounted is counted.
    events_tidy()
    run = signal_run_create(acting_user=None)
    dispatchers()[SignalRun](run.pk)
    return run.pk


def _forecast_create(kind: str | None) -> int:
    from forecasting.services import run_create

    run = run_create(acting_user=None, kind=kind)
    dispatchers()[ForecastRun](run.pk)
    return run.pk


def _plan_create(forecast: int) -> None:
    from replenishment.services import plan_create

    plan = plan_create(acting_user=None, forecast_run=ForecastRun.objects.get(pk=forecast))
    dispatchers()[PlanRun](plan.pk)
