"""One act on many suggestions on PostgreSQL: seconds of a preview, of the act, and of its undo.

    python -m benchmarks.workbench_acts [--rows 50000] [--suppliers 200]

PostgreSQL comes from the wheel. The plan's rows are made here: what counts is reading, reckoning, writing
them, their log and the suppliers' sums. Beside each time the processor's, of this process alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Start a server, fill it, act and undo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--suppliers", type=int, default=200)
    options = parser.parse_args()
    from tests.servers import postgres

    with postgres() as url:
        os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        measured(options.rows, options.suppliers)


def measured(rows: int, suppliers: int) -> None:
    """Print a line for each act."""
    from replenishment import services
    from replenishment.models import SuggestionChange
    from tests.cast import make_user

    kind = SuggestionChange.Kind
    ids = filled(rows, suppliers)
    buyer = make_user("buyer", "Buyer")
    acts = [
        services.Act(kind.SCALE, percent=20),
        services.Act(kind.COVER, days=45),
        services.Act(kind.MINIMUM),
        services.Act(kind.REJECT, reason="season"),
        services.Act(kind.SNOOZE, stock_level=0.0, reason="season"),
    ]
    print(f"{'act':<10}{'lines':>8}{'preview':>16}{'act':>16}{'undo':>16}  seconds (own)")
    for act in acts:

        def do(*, is_preview: bool, act: services.Act = act) -> services.Acted:
            return services.suggestions_act(
                suggestion_ids=ids, act=act, acting_user=buyer, is_preview=is_preview
            )

        _told, told_in = timed(lambda: do(is_preview=True))
        done, done_in = timed(lambda: do(is_preview=False))
        change = done.change
        undone_in = ""
        if change is not None:
            undo = partial(services.change_undo, change_id=change.pk, acting_user=buyer)
            _undone, undone_in = timed(undo)
        print(f"{act.kind:<10}{done.changed:>8,}{told_in:>16}{done_in:>16}{undone_in:>16}", flush=True)


def timed(step: Callable[[], Any]) -> tuple[Any, str]:
    """The result, and seconds by the clock and by this process's processor."""
    start, own = time.perf_counter(), time.process_time()
    found = step()
    return found, f"{time.perf_counter() - start:.1f} ({time.process_time() - own:.1f})"


def filled(rows: int, suppliers: int) -> list[int]:
    """A plan of so many open rows that order something; their keys."""
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
    made = Suggestion.objects.bulk_create(
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
    return [row.pk for row in made]


if __name__ == "__main__":
    main()
