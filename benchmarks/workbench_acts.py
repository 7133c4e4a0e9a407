"""Acts on many suggestions on PostgreSQL: seconds of the preview, of what is asked, of the act, of its undo.

    python -m benchmarks.workbench_acts [--rows 50000] [--suppliers 200] [--folder FOLDER]

PostgreSQL comes from the wheel. The plan's rows are made here; `--folder` takes a database that
`benchmarks.pages_speed` has filled, and writes to it. Preview and asking are requests of the test client,
as a buyer's browser sends them; the act and the undo are what a worker then does. Beside each time the
processor's, of this process alone. Then how long a request takes that does so many at once, by which
`bulk_jobs.MOST_AT_ONCE` is chosen; last the drafting of all orders.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES = (100, 300, 1000, 3000)
ACTS: dict[str, dict[str, str]] = {
    "scale": {"percent": "20"},
    "cover": {"days": "45"},
    "minimum": {},
    "system": {},
    "reject": {"reason": "season"},
    "snooze": {"stock_level": "0"},
}


def main() -> None:
    """Start a server, fill it, act and undo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--suppliers", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    from tests.servers import postgres

    with postgres(options.folder) as url:
        os.environ |= {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "FORESTOCK_TODAY": "last-data-date",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        if options.folder is None:
            filled(options.rows, options.suppliers)
        measured()


def measured() -> None:
    """Print a line for each act, then for each number of lines that are done at once."""
    from django.contrib.auth.models import Group, User
    from django.test import Client

    from replenishment.selectors import plan_latest

    buyer = User.objects.create_user(f"buyer {time.time():.0f}")
    buyer.groups.add(Group.objects.get(name="Admin"))
    client = Client(SERVER_NAME="localhost")
    client.force_login(buyer)
    plan = plan_latest()
    assert plan is not None
    # (What a process does once is not counted.)
    asked(client, plan.pk, {"kind": "cover", "days": "45"})
    head = ("preview", "asked in", "act", "undo asked in", "undo")
    print(f"{'act':<9}{'lines':>8}" + "".join(f"{name:>15}" for name in head) + "  seconds (own)")
    for kind, values in ACTS.items():
        act = {"kind": kind, **values}
        _told, told_in = timed(lambda act=act: asked(client, plan.pk, act))  # type: ignore[misc]
        _answer, asked_in = timed(lambda act=act: asked(client, plan.pk, act | {"go": "1"}))  # type: ignore[misc]
        job, done_in = waited()
        undo_in = undone_in = ""
        if job.change is not None:
            _answer, undo_in = timed(lambda pk=job.change_id: client.post(undo_address(pk)))  # type: ignore[misc]
            _undo, undone_in = waited()
        times = (told_in, asked_in, done_in, undo_in, undone_in)
        print(f"{kind:<9}{job.report['changed']:>8,}" + "".join(f"{text:>15}" for text in times), flush=True)
    print(f"{'at once':<9}{'lines':>8}{'request':>15}{'undo':>15}")
    for count in SIZES:
        at_once(client, plan.pk, count)
    _answer, asked_in = timed(lambda: drafts_asked(client, plan.pk))
    job, done_in = waited()
    print(
        f"{'drafts':<9}{job.report['changed']:>8,}{'':>15}{asked_in:>15}{done_in:>15}"
        f"  {job.report['orders']} orders, {job.state} {job.error}"
    )


def at_once(client: Any, plan: int, count: int) -> None:
    """One act on so many lines in a request, whatever the limit, and its undo; prints a line."""
    from unittest.mock import patch

    from replenishment.models import Suggestion, SuggestionChange

    ids = Suggestion.objects.filter(plan_run=plan, lane="order").order_by("pk").values_list("pk", flat=True)
    act = {"kind": "scale", "percent": "7", "all": "", "go": "1", "suggestion": list(ids[:count])}
    with patch("replenishment.services.bulk_jobs.MOST_AT_ONCE", 10**6):
        _answer, asked_in = timed(lambda: asked(client, plan, act))
        change = SuggestionChange.objects.latest("pk")
        _answer, undone_in = timed(lambda: client.post(undo_address(change.pk)))
    print(f"{'':<9}{change.lines_count:>8,}{asked_in:>15}{undone_in:>15}", flush=True)


def asked(client: Any, plan: int, values: dict[str, Any]) -> Any:
    """The answer to an act on all that is to order, or on what the values tick."""
    from django.urls import reverse

    address = reverse("replenishment:workbench-act")
    answer = client.post(address, {"plan": plan, "all": "1"} | values, headers={"HX-Request": "true"})
    assert answer.status_code == 200, (answer.status_code, answer.headers)
    return answer


def drafts_asked(client: Any, plan: int) -> Any:
    """The answer to drafting all that is to order."""
    from django.urls import reverse

    return client.post(reverse("replenishment:workbench-drafts"), {"plan": plan, "all": "1"})


def undo_address(change: int) -> str:
    """Where a change is undone."""
    from django.urls import reverse

    return reverse("replenishment:change-undo", args=[change])


def waited() -> tuple[Any, str]:
    """The newest act, done as a worker does it, and the time."""
    from replenishment.models import BulkAct
    from replenishment.services import bulk_act_execute

    job = BulkAct.objects.latest("pk")
    assert job.state == job.State.QUEUED
    return timed(lambda: bulk_act_execute(act_id=job.pk))


def timed(step: Callable[[], Any]) -> tuple[Any, str]:
    """The result, and seconds by the clock and by this process's processor."""
    start, own = time.perf_counter(), time.process_time()
    found = step()
    return found, f"{time.perf_counter() - start:.2f} ({time.process_time() - own:.2f})"


def filled(rows: int, suppliers: int) -> None:
    """A plan of so many open rows that order something."""
    from catalog.models import Product, SupplyTerms
    from replenishment.models import Suggestion
    from replenishment.services.plan_sums import sums_store
    from tests.cast import make_location, make_supplier
    from tests.replenishment.world import make_plan

    plan, place = make_plan(), make_location()
    sellers = [make_supplier(minimum_order_value=50_000) for _ in range(suppliers)]
    products = Product.objects.bulk_create(
        (Product(sku=f"P{number}", name=f"P{number}") for number in range(rows)), batch_size=5000
    )
    terms = SupplyTerms.objects.bulk_create(
        (
            SupplyTerms(
                product=product,
                supplier=sellers[number % suppliers],
                unit_cost="2.5",
                currency="USD",
                order_multiple=6,
            )
            for number, product in enumerate(products)
        ),
        batch_size=5000,
    )
    Suggestion.objects.bulk_create(
        (
            Suggestion(
                plan_run=plan,
                product=product,
                location=place,
                supplier=sellers[number % suppliers],
                terms=term,
                order_quantity=24.0 + 6 * (number % 50),
                on_hand=3.0,
                unit_cost=term.unit_cost,
                currency="USD",
                home_unit_cost=2.5,
                daily_demand=2.0,
                expected_demand=28.0,
                demand_p50=26.0,
                demand_p90=40.0,
                review_days=7.0,
                lead_time_days=7.0,
                reason="order",
            )
            for number, (product, term) in enumerate(zip(products, terms, strict=True))
        ),
        batch_size=2000,
    )
    sums_store(plan)


if __name__ == "__main__":
    main()
