"""Run the demo: `python -m inventory_site.demo [--port 8000] [--no-serve]`."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.models import Job

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "demo"
STORES, PAIRS = 5, 2000


def environment() -> dict[str, str]:
    """The demo's settings: SQLite, a broker that needs no server, this machine only."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    key = FOLDER / "secret-key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(64))
    return {
        "FORESTOCK_SECRET_KEY": key.read_text(),
        "FORESTOCK_VAR_DIR": str(FOLDER),
        "DATABASE_URL": f"sqlite:///{FOLDER / 'shop.sqlite3'}",
        "CELERY_BROKER_URL": "filesystem://",
        "FORESTOCK_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "FORESTOCK_INSECURE_HTTP": "1",
        "FORESTOCK_TODAY": "last-data-date",
        "FORESTOCK_THREADS": str(min(os.cpu_count() or 1, 4)),
        "FORESTOCK_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "inventory_site.settings",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def main() -> int:
    """Load, forecast, plan, summarise, serve. What an earlier demo left is used again."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--no-serve", action="store_true", help="stop after the summary")
    arguments = parser.parse_args()
    os.environ.update(environment() | {"FORESTOCK_SITE_URL": f"http://127.0.0.1:{arguments.port}"})

    import django
    from django.core.management import call_command

    django.setup()
    say("Preparing the database (SQLite, var/demo) ...")
    call_command("migrate", verbosity=0)
    with worker():
        from inventory_site.demo import made_up, people, shop
        from inventory_site.demo.summary import signal_lines, summary_lines

        shop.sales_load(follow, stores=STORES, pairs=PAIRS, say=say)
        made_up.signals_load(follow, FOLDER / "made-up", say=say)
        readings = shop.signals_read(follow)
        passwords = people.people_create(FOLDER)
        trial = shop.signals_try(follow)
        forecast = shop.forecast_make(follow)
        plan = shop.plan_make(forecast, follow)
        shop.orders_begin(plan)
        for line in (*signal_lines(readings, trial), *summary_lines(forecast, plan)):
            say(line)
        if arguments.no_serve:
            return 0
        return serve(arguments.port, passwords)


def say(text: str) -> None:
    """One line for whoever watches."""
    print(text, flush=True)


@contextmanager
def worker() -> Iterator[None]:
    """A real Celery worker process (with the schedule) for as long as the demo runs."""
    log = (FOLDER / "worker.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "inventory_site", "worker", "--beat", "--concurrency=1"],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def follow(job: Job, dispatch: Callable[[], Any], label: str) -> None:
    """Send the job to the worker and show its progress until it has ended."""
    from tqdm import tqdm

    dispatch()
    started = time.monotonic()
    shown: tuple[int, str] | None = None
    with tqdm(
        total=100, desc=f"{label:13}", bar_format="{desc} {percentage:3.0f}% |{bar:30}| {elapsed}{postfix}"
    ) as bar:
        while True:
            job.refresh_from_db(fields=["state", "step", "progress", "error"])
            if shown != (now := (round(job.progress * 100), job.step)):
                bar.n, shown = now[0], now
                bar.set_postfix_str(job.step)
            if job.is_finished:
                break
            if time.monotonic() - started > 1800:
                raise SystemExit(f"{label}: no end after 30 minutes; see {FOLDER / 'worker.log'}")
            time.sleep(0.3)
    if job.state != job.State.DONE:
        raise SystemExit(f"{label} {job.state}: {job.error}")


def serve(port: int, passwords: dict[str, str]) -> int:
    """Serve the pages on this machine until interrupted."""
    say(f"\nOpen http://127.0.0.1:{port}/ and log in as")
    for name, password in passwords.items():
        say(f"  {name:8} {password}")
    say(f"API: http://127.0.0.1:{port}/api/v1/   Admin: http://127.0.0.1:{port}/admin/   Stop with Ctrl-C.\n")
    try:
        return subprocess.run(  # noqa: S603
            [
                sys.executable,
                "-m",
                "gunicorn",
                "inventory_site.wsgi",
                f"--bind=127.0.0.1:{port}",
                "--threads=4",
                "--log-level=warning",
            ],
            cwd=ROOT,
            check=False,
        ).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
