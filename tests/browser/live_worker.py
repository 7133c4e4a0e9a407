"""A real Celery worker on the tests' database and broker, for jobs that are started at a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory_site.celery import app
from tests.conftest import ROOT


@contextmanager
def live_worker(database: str, folder: Path) -> Iterator[Path]:
    """The worker until the end of the block; yields its log. What earlier tests queued is thrown away."""
    with app.connection() as broker:
        app.control.purge(connection=broker)
    log = folder / "worker.log"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "inventory_site.settings",
        "DATABASE_URL": database,
        "FORESTOCK_TODAY": "last-data-date",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "inventory_site", "--skip-checks", "worker"]
    command += ["--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO", "--hostname", "walks@test"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
