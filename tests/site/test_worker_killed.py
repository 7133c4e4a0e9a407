"""Real worker processes, killed in the middle: on Redis where there is one, else on the broker of files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from kombu import Connection

from catalog.models import Job, JobLine
from forecasting import selectors, services
from forecasting.core.spec import ForecastSpec
from forecasting.models import AccuracySnapshot, ForecastDistribution, ForecastRun
from forecasting.tasks import run_execute_task
from tests.conftest import ROOT
from tests.forecasting.shop import AS_OF, make_sales

STALE_AFTER = 3
PRODUCTS = 60


class Workers:
    """Worker processes on a broker of their own and the database of this test."""

    def __init__(self, folder: Path) -> None:
        redis = os.environ.get("CELERY_BROKER_URL", "")
        # A database of Redis that nothing else uses, so that no other test's messages come this way.
        self.broker = redis.rpartition("/")[0] + "/9" if redis.startswith("redis") else "filesystem://"
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "inventory_site.settings",
            "DATABASE_URL": database_url(),
            "CELERY_BROKER_URL": self.broker,
            "FORESTOCK_VAR_DIR": str(folder),
            "FORESTOCK_TODAY": "last-data-date",
            "FORESTOCK_STALE_AFTER_SECONDS": str(STALE_AFTER),
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> subprocess.Popen[bytes]:
        name = f"worker-{len(self.processes)}"
        command = [sys.executable, "-m", "celery", "-A", "inventory_site", "--skip-checks", "worker"]
        command += f"--pool prefork --concurrency 1 --loglevel INFO --hostname {name}@test".split()
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def send(self, run_id: int) -> None:
        queue = self.folder / "queue"
        options: dict[str, Any] = {}
        if self.broker == "filesystem://":
            for name in ("messages", "control"):
                (queue / name).mkdir(parents=True, exist_ok=True)
            options = {
                "data_folder_in": str(queue / "messages"),
                "data_folder_out": str(queue / "messages"),
                "control_folder": str(queue / "control"),
            }
        with Connection(self.broker, transport_options=options) as broker:
            send: Any = run_execute_task.apply_async
            send((run_id,), connection=broker)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-4000:] for path in sorted(self.folder.glob("*.log")))


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    crew = Workers(tmp_path)
    if crew.broker.startswith("redis"):
        with Connection(crew.broker) as broker:
            redis: Any = broker.default_channel
            redis.client.flushdb()
    yield crew
    for process in crew.processes:
        if process.poll() is None:
            crew.kill(process)


def database_url() -> str:
    """Where the tables of this test are."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def wait_for(run: ForecastRun, condition: Callable[[ForecastRun], bool], workers: Workers) -> None:
    deadline = time.monotonic() + 120
    while True:
        run.refresh_from_db()
        if condition(run):
            return
        if time.monotonic() > deadline:
            pytest.fail(f"{run.state} {run.step} {run.progress} {run.error}\n{workers.logs()}")
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_it_finishes_a_run_once_whose_worker_was_killed_and_two_more_workers_want(workers: Workers) -> None:
    make_sales(products=PRODUCTS, weeks=52)
    spec = ForecastSpec(horizon=8, models=("moving_average", "lightgbm"), rows=100_000)
    run = services.run_create(acting_user=None, as_of=AS_OF, spec=spec)
    victim = workers.start()
    workers.send(run.pk)
    wait_for(run, lambda r: r.state == Job.State.RUNNING and r.progress > 0, workers)
    workers.kill(victim)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (Job.State.RUNNING, 1)
    assert not ForecastDistribution.objects.exists()

    for _ in range(2):
        workers.start()
    for _ in range(4):
        workers.send(run.pk)
    wait_for(run, lambda r: r.is_finished, workers)

    assert (run.state, run.error) == (Job.State.DONE, ""), workers.logs()
    log = JobLine.objects.filter(kind="forecastrun", job_id=run.pk).values_list("what", "data__attempt")
    told = [(what, attempt) for what, attempt in log if what != "step"]
    assert told == [("taken", 1), ("lost", 1), ("taken", 2), ("done", None)]
    assert run.attempts == 2  # the killed one and one more, whoever else was given it
    assert ForecastDistribution.objects.filter(run=run).count() == PRODUCTS
    assert len(selectors.distribution_read(run_id=run.pk).unique_id) == PRODUCTS
    overall = AccuracySnapshot.objects.filter(run=run, segment="overall")
    scored = list(overall.values_list("model", flat=True))
    blends = {name for name in run.report["champion"].values() if "+" in name}
    assert sorted(scored) == sorted({*spec.models, *blends, "champion"})
    artifacts = [path.name for path in (workers.folder / "artifacts").glob("*.model*")]
    assert artifacts == [run.artifact]
