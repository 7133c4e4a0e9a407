"""Replays by day and month, lead times as they happened, and what was really done beside the policies."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from catalog.models import Location, Product, SalesRecord, StockLevel, Supplier
from forecasting import selectors as forecasting
from replenishment import selectors, services
from replenishment.models import PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine, Receipt, ReplayRun
from replenishment.selectors.past_orders import deliveries_observed, lines_arrived, lines_sent
from replenishment.services import ReplayError
from tests.cast import make_location, make_supplier
from tests.replenishment.replay_world import (
    FIRST,
    LAST,
    WEEKS,
    make_opening,
    make_sold,
    run_replay,
    start_replay,
)
from tests.replenishment.world import make_forecast

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    return make_location()


def make_sent(
    product: Product,
    place: Location,
    supplier: Supplier,
    by: User,
    *,
    day: date,
    quantity: int = 10,
    receipts: dict[int, int] | None = None,
) -> PurchaseOrder:
    """An order sent on a day, with receipts of so many units so many days later."""
    order = PurchaseOrder.objects.create(
        number=f"PO-{PurchaseOrder.objects.count()}",
        supplier=supplier,
        location=place,
        currency="EUR",
        state="sent",
        created_by=by,
    )
    PurchaseOrderEvent.objects.create(
        order=order,
        action="send",
        to_state="sent",
        actor=by,
        at=datetime.combine(day, time(12), tzinfo=UTC),
    )
    line = PurchaseOrderLine.objects.create(
        order=order, product=product, quantity=Decimal(quantity), unit_cost=Decimal(4)
    )
    for number, (days, units) in enumerate((receipts or {}).items()):
        Receipt.objects.create(
            line=line,
            key=f"r{number}",
            quantity=Decimal(units),
            received_on=day + timedelta(days=days),
            received_by=by,
        )
    return order


def count_stock(product: Product, place: Location, closes: list[float], **values: Any) -> None:
    """Counts at the close of each week of the replay."""
    StockLevel.objects.bulk_create(
        StockLevel(
            product=product,
            location=place,
            day=FIRST + timedelta(days=7 * week + 6),
            on_hand=Decimal(str(units)),
            **values,
        )
        for week, units in enumerate(closes)
    )


def rows_of(run: ReplayRun, *, compared: bool) -> dict[str, Any]:
    return {row.policy: row for row in run.policies.filter(compared=compared)}


# -- days and months ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freq", "first", "last", "expected"),
    [
        ("D", date(2024, 1, 10), date(2024, 2, 20), (date(2024, 1, 10), date(2024, 2, 20))),
        ("D", None, LAST, (LAST - timedelta(days=181), LAST)),
        ("W", date(2024, 1, 12), date(2024, 2, 20), (date(2024, 1, 17), date(2024, 2, 20))),
        ("M", date(2023, 9, 2), LAST, (date(2023, 10, 1), date(2024, 2, 29))),
        ("M", None, date(2024, 1, 31), (date(2023, 2, 1), date(2024, 1, 31))),
    ],
)
def test_it_takes_whole_periods(
    place: Location, freq: str, first: date | None, last: date, expected: tuple[date, date]
) -> None:
    make_sold(place, history=60)
    run = start_replay(first_day=first, last_day=last, spec={"freq": freq})
    assert (run.first_day, run.last_day) == expected


@pytest.mark.parametrize(("freq", "days"), [("D", 27), ("W", 27), ("M", 80), ("D", 1097)])
def test_it_refuses_too_few_and_too_many_periods(place: Location, freq: str, days: int) -> None:
    make_sold(place)
    with pytest.raises(ReplayError):
        start_replay(first_day=LAST - timedelta(days=days - 1), spec={"freq": freq})


def test_it_replays_in_the_periods_of_the_shops_forecasts(place: Location) -> None:
    product = make_sold(place)
    assert start_replay().spec["freq"] == "W"
    make_forecast({(product, place): 1.5}, as_of=LAST, freq="D", horizon=30)
    assert start_replay().spec["freq"] == "D"
    assert start_replay(spec={"freq": "M"}, first_day=None).spec["freq"] == "M"


def test_it_replays_by_day(place: Location) -> None:
    product = make_sold(place)
    make_opening(product, place, 20)
    for weeks in (8, 4):
        make_forecast({(product, place): 1.5}, as_of=LAST - timedelta(weeks=weeks), freq="D", horizon=40)
    run = run_replay(spec={"freq": "D", "policies": ("engine", "minmax")})
    assert (run.report["periods"], run.report["backcasts"]) == (56, [])
    assert {row.demand for row in run.overall} == {80.0}
    course = selectors.replay_course(run.pk)
    assert course is not None
    own = course.filter(pl.col("policy") == "minmax", ~pl.col("compared"))
    assert own["day"].to_list() == [FIRST + timedelta(days=day) for day in range(56)]
    assert own["demand"].sum() == pytest.approx(80)
    assert own["stock_value"].mean() == pytest.approx(
        rows_of(run, compared=False)["minmax"].average_stock_value, rel=1e-5
    )


def test_it_replays_by_month_and_counts_a_late_run_at_its_months_end(place: Location) -> None:
    from replenishment.services.replay_forecasts import Source, sources_choose
    from tests.replenishment.test_replays import facts_of

    product = make_sold(place, history=70)
    made = {
        day: make_forecast({(product, place): 43.0}, as_of=day, freq="M", horizon=6)
        for day in (date(2023, 6, 30), date(2023, 9, 3), date(2023, 11, 20))
    }
    queued = start_replay(first_day=date(2023, 7, 1), spec={"freq": "M", "policies": ("engine",)})
    history = facts_of(queued).history
    assert history.labels[history.begin :].astype(str).tolist()[:2] == ["2023-07-31", "2023-08-31"]
    sources = sources_choose(history, every=13)
    assert sources[:2] == [
        # The run of the end of June is still young at the end of July.
        Source(-1, date(2023, 6, 30), date(2023, 6, 30), made[date(2023, 6, 30)].pk),
        Source(1, date(2023, 8, 31), date(2023, 9, 3), made[date(2023, 9, 3)].pk),
    ]
    # The one of 20 November knew October, but at its close nobody had it.
    assert made[date(2023, 11, 20)].pk not in {source.run_id for source in sources}
    assert [source.day for source in sources[2:]] == [date(2023, 11, 30)]


def test_it_backcasts_in_the_periods_of_the_replay(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_sold(place)
    asked: list[Any] = []

    def made(days: list[date], *, spec: Any, **options: Any) -> Any:
        asked.append((spec.freq, spec.horizon, list(days)))
        for day in days:
            run = make_forecast({(product, place): 1.5}, as_of=day, freq="D", horizon=40)
            yield forecasting.distribution_read(run_id=run.pk)

    monkeypatch.setattr(forecasting, "backcasts", made)
    run_replay(spec={"freq": "D", "policies": ("engine",), "forecast_weeks": 4})
    assert asked == [("D", 56, [FIRST, FIRST + timedelta(days=28)])]


# -- deliveries -----------------------------------------------------------------------------------


def test_it_reads_lead_times_and_parts_of_orders(place: Location, buyer: User) -> None:
    product, supplier = make_sold(place), make_supplier()
    make_sent(product, place, supplier, buyer, day=FIRST, quantity=20, receipts={9: 5, 12: 5, 16: 10})
    make_sent(product, place, supplier, buyer, day=FIRST + timedelta(days=3), receipts={4: 10})
    make_sent(product, place, supplier, buyer, day=LAST, receipts={})
    found = deliveries_observed()
    assert found["sent_on"].to_list() == [FIRST, FIRST + timedelta(days=3)]
    assert found["lead_days"].to_list() == [9, 4]
    assert found["share"].to_list() == [0.25, 1.0]
    assert found["rest_days"].to_list() == [pytest.approx((5 * 3 + 10 * 7) / 15), 0.0]
    assert sorted(lines_sent(first=FIRST, last=LAST - timedelta(days=1))["quantity"]) == [10, 20]


def test_what_was_bought_leaves_out_transfers_and_cancelled_orders(place: Location, buyer: User) -> None:
    product, supplier = make_sold(place), make_supplier()
    make_sent(product, place, supplier, buyer, day=FIRST, quantity=20)
    called_off = make_sent(product, place, supplier, buyer, day=FIRST, quantity=30)
    moved = make_sent(product, place, supplier, buyer, day=FIRST, quantity=40, receipts={7: 40})
    PurchaseOrder.objects.filter(pk=called_off.pk).update(state="cancelled")
    PurchaseOrder.objects.filter(pk=moved.pk).update(kind="transfer", supplier=None, source=make_location())
    assert lines_sent(first=FIRST, last=LAST)["quantity"].to_list() == [20]
    assert lines_arrived(sent_before=FIRST + timedelta(days=1), last=LAST)["units"].to_list() == [40]


def test_it_takes_lead_times_as_they_happened(place: Location, buyer: User) -> None:
    """Terms say a week; every order of the time took four: what is ordered in week 1 is late by three."""
    supplier = make_supplier()
    product, other = make_sold(place, supplier=supplier), make_sold(place)
    for item in (product, other):
        make_opening(item, place, 20)
    make_sent(product, place, supplier, buyer, day=FIRST, receipts={28: 10})
    drawn = run_replay()
    run = run_replay(spec={"deliveries": "happened"})
    assert (run.report["delivered_orders"], run.report["delivered_items"]) == (1, 1)
    assert (drawn.report["delivered_orders"], drawn.report["delivered_items"]) == (0, 0)
    served = dict(table_of(run).select("product_id", "served").iter_rows())
    # Stock of 20 lasts two weeks; the first order serves from the sixth week on.
    assert served == {product.pk: 50, other.pk: 80}
    assert table_of(drawn)["served"].to_list() == [80, 80]


def table_of(run: ReplayRun) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(bytes(run.items_table)))


def test_it_lets_the_rest_of_an_order_come_later(place: Location) -> None:
    make_opening(make_sold(place), place, 20)
    run = run_replay(spec={"first_share": 0.1, "rest_days": 21})
    assert run.policies.get().served < 80


@pytest.mark.parametrize(
    "spec",
    [{"freq": "Y"}, {"deliveries": "luck"}, {"first_share": 1.5}, {"rest_days": -1.0}, {"rest_days": 400.0}],
)
def test_it_refuses_deliveries_that_make_no_sense(spec: dict[str, Any]) -> None:
    with pytest.raises(ReplayError):
        services.ReplaySpec(**spec)


# -- what was really done -------------------------------------------------------------------------


def test_it_compares_with_what_was_really_done(place: Location, buyer: User) -> None:
    known, unknown, supplier = make_sold(place), make_sold(place), make_supplier()
    make_opening(known, place, 20)
    count_stock(known, place, [10, 30, 20, 10, 30, 20, 10, 30])
    count_stock(unknown, place, [10] * WEEKS, is_assumed=True)
    make_sent(known, place, supplier, buyer, day=FIRST + timedelta(days=2), quantity=30)
    make_sent(known, place, supplier, buyer, day=FIRST - timedelta(days=2), quantity=30)
    run = run_replay(spec={"policies": ("minmax", "ses"), "order_cost": 2.0, "holding_rate": 0.25})
    assert (run.report["compared"], run.report["orders_inferred"]) == (1, 0)
    assert [row.policy for row in run.overall] == ["minmax", "ses"]
    assert [row.policy for row in run.against_actual] == ["minmax", "ses", "actual"]
    rows = rows_of(run, compared=True)
    done = rows["actual"]
    assert (done.demand, done.served, done.orders, done.ordered) == (80, 80, 1, 30)
    assert done.average_stock_value == pytest.approx(4 * 160 / 8)
    assert done.holding_cost == pytest.approx(80 * 0.25 * 7 * WEEKS / 365, rel=1e-3)
    assert (done.order_cost, done.lost_margin, done.cycle_service) == (2, 0, None)
    # The same items, the same demand; over all items there is twice as much of it.
    assert {row.demand for row in rows.values()} == {80.0}
    assert {row.demand for row in run.overall} == {160.0}
    course = selectors.replay_course(run.pk)
    assert course is not None
    own = course.filter(pl.col("policy") == "actual")
    assert own["stock_value"].to_list() == [40, 120, 80, 40, 120, 80, 40, 120]
    assert own["compared"].all()
    found = selectors.replay_differences(run.pk, first="ses", second="actual")
    assert [row.product for row in found] == [known]


def test_it_estimates_what_a_stock_out_lost_and_asks_the_same_of_every_policy(place: Location) -> None:
    products = [make_sold(place, rate=rate) for rate in (10, 12, 8)]
    for product in products:
        make_opening(product, place, 20)
    out = products[0]
    # For three weeks there was nothing to sell of the first.
    SalesRecord.objects.filter(product=out, day__in=weeks_ends(2, 3, 4)).update(quantity=0, revenue=0)
    for product in products:
        gone = product == out
        days = [
            StockLevel(
                product=product,
                location=place,
                day=FIRST + timedelta(days=day),
                on_hand=0 if gone and 13 <= day < 35 else 20,
            )
            for day in range(7 * WEEKS)
        ]
        StockLevel.objects.bulk_create(days)
    run = run_replay()
    rows = rows_of(run, compared=True)
    done, policy = rows["actual"], rows["minmax"]
    lost = done.demand - done.served
    assert 20 < lost < 40  # about three weeks of ten
    assert done.lost_margin == pytest.approx(6 * lost)
    assert policy.demand == pytest.approx(done.demand)


def weeks_ends(*weeks: int) -> list[date]:
    return [FIRST + timedelta(days=7 * week + 6) for week in weeks]


def test_it_tells_orders_by_the_stock_that_came(place: Location) -> None:
    product = make_sold(place)
    make_opening(product, place, 20)
    count_stock(product, place, [10, 30, 20, 10, 30, 20, 10, 30])
    run = run_replay()
    done = rows_of(run, compared=True)["actual"]
    assert run.report["orders_inferred"] == 1
    # Rises of 20 beyond the ten sold, three times.
    assert (done.orders, done.ordered) == (3, 90)


def test_it_tells_no_order_by_stock_that_was_moved_in(place: Location, buyer: User) -> None:
    product = make_sold(place)
    make_opening(product, place, 20)
    count_stock(product, place, [10, 30, 20, 10, 30, 20, 10, 30])
    day = FIRST + timedelta(days=2)
    moved = make_sent(product, place, make_supplier(), buyer, day=day, quantity=30, receipts={7: 30})
    PurchaseOrder.objects.filter(pk=moved.pk).update(kind="transfer", supplier=None, source=make_location())
    run = run_replay()
    done = rows_of(run, compared=True)["actual"]
    assert (done.orders, done.ordered) == (2, 60)


def test_it_compares_with_nothing_where_nothing_is_known(place: Location) -> None:
    make_opening(make_sold(place), place, 20)
    run = run_replay()
    assert run.report["compared"] == 0
    assert run.against_actual == []


def test_the_command_prints_what_was_done(place: Location, capsys: pytest.CaptureFixture[str]) -> None:
    product = make_sold(place)
    make_opening(product, place, 20)
    count_stock(product, place, [10, 30, 20, 10, 30, 20, 10, 30])
    arguments = ["--freq", "W", "--deliveries", "happened", "--first-share", ".5", "--rest-days", "7"]
    call_command("replay_run", "--from", str(FIRST), "--to", str(LAST), "--policy", "minmax", *arguments)
    printed = capsys.readouterr().out
    assert "compared with what was really done: 1 product-locations" in printed
    assert "actual" in printed
    assert "with lead times of 0 orders" in printed
