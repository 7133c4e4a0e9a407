"""What-if of 1,000 product-locations in a plan of 25,000: processor time of whole requests.

    python -m benchmarks.what_if_speed [--items 25000] [--turns 5]

The shop of `benchmarks.plan_stored`, on SQLite and on PostgreSQL from the wheel, each with a stored plan.
Asked is by one location (1,000 product-locations), with requests of the page made within the process: another
fill rate, a lead time three days longer. Prints, for a new process: the first request, which loads libraries
and compiled code, and the median of the next ones; then the same of the two curves, which the page loads
after. Processor seconds of the web process (all threads), and wall seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.plan_stored import LOCATIONS, django_up, filled


def main() -> None:
    """Fill both databases and ask each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--freq", choices=("D",), default="D", help=argparse.SUPPRESS)
    parser.add_argument("--horizon", type=int, default=60)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--inside", choices=("fill", "ask"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        django_up()
        made(arguments) if arguments.inside == "fill" else asked(arguments)
        return
    from tests.servers import postgres

    command = [sys.executable, "-m", "benchmarks.what_if_speed", *sys.argv[1:], "--inside"]

    def run(url: str) -> None:
        environment = os.environ | {"DATABASE_URL": url, "OMP_WAIT_POLICY": "PASSIVE"}
        for step in ("fill", "ask"):
            subprocess.run([*command, step], env=environment, check=True)

    with tempfile.TemporaryDirectory(prefix="forestock-what-if-") as folder:
        run(f"sqlite:///{folder}/shop.sqlite3")
    with postgres() as url:
        run(url)


def made(arguments: argparse.Namespace) -> None:
    """The shop, and its plan."""
    from replenishment.services import plan_create, plan_execute

    filled(arguments)
    plan = plan_execute(plan_id=plan_create(acting_user=None).pk)
    if plan.state != "done":
        raise RuntimeError(f"the plan is {plan.state}: {plan.error}")


def asked(arguments: argparse.Namespace) -> None:
    """Requests of the page and of its curves."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from catalog.models import Location

    user = User.objects.create_superuser("asking")
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    question = {
        "location": str(Location.objects.order_by("pk")[0].pk),
        "target": "0.98",
        "lead_time_mean": "+3",
    }

    def request(name: str, *args: str) -> Callable[[], None]:
        def call() -> None:
            answer = client.get(reverse(f"replenishment:{name}", args=args), question)
            if answer.status_code != 200 or b"alert--error" in answer.content:
                raise RuntimeError(f"{name}: {answer.status_code}")

        return call

    print(f"{connection.vendor}, {arguments.items // LOCATIONS:,} of {arguments.items:,} product-locations")
    for words, call in (
        ("page", request("what-if")),
        ("curve of service", request("what-if-chart", "service")),
        ("curve of money", request("what-if-chart", "spending")),
    ):
        turns = [timed(call) for _ in range(arguments.turns + 1)]
        processor, wall = (statistics.median(turn[part] for turn in turns[1:]) for part in (0, 1))
        first = f"first {turns[0][0]:.2f} s of processor ({turns[0][1]:.2f} s)"
        print(f"    {words}: {first}, then {processor:.2f} s ({wall:.2f} s)", flush=True)


def timed(call: Callable[[], None]) -> tuple[float, float]:
    """Processor and wall seconds of a call."""
    processor, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - processor, time.perf_counter() - wall


if __name__ == "__main__":
    main()
