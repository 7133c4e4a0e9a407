"""What a plan keeps of the shop as a whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog.models import SalesRecord, StockLevel
from replenishment import selectors
from replenishment.models import ShopSummary
from tests.cast import make_location
from tests.replenishment.world import AS_OF, make_forecast, make_item, make_stock, run_plan

pytestmark = pytest.mark.django_db


def test_a_plan_keeps_stock_cover_and_service_of_its_day() -> None:
    place = make_location()
    held, out = make_item(place, on_hand=40, rate=14), make_item(place, on_hand=0, rate=14)
    run = make_forecast({(held, place): 14.0, (out, place): 14.0})
    plan = run_plan(run)
    kept = ShopSummary.objects.get()
    assert (kept.day, kept.plan_run) == (AS_OF, plan)
    # 40 x 2.50; two items that sell 2 a day at 2.50.
    assert kept.stock_value == pytest.approx(100.0)
    assert kept.cover_days == pytest.approx(10.0)
    assert kept.in_stock == pytest.approx(0.5)
    assert kept.fill_rate is not None
    assert 0.9 < kept.fill_rate <= 1.0
    matrix = selectors.stock_matrix(kept)
    assert matrix.total.value == pytest.approx(100.0)
    assert matrix.total.turns == pytest.approx(36.5)
    assert sum(cell.rows for _abc, cells in matrix.rows for cell in cells if cell) + matrix.others_rows == 2


def test_a_day_has_one_summary_that_of_its_latest_plan() -> None:
    place = make_location()
    item = make_item(place, on_hand=40)
    run = make_forecast({(item, place): 14.0})
    first = run_plan(run)
    StockLevel.objects.update(on_hand=20)
    second = run_plan(run)
    kept = ShopSummary.objects.get()
    assert kept.plan_run == second
    assert kept.stock_value == pytest.approx(50.0)
    assert selectors.summary_of(first) is None
    assert selectors.summary_of(second) == kept
    assert selectors.summary_of(None) is None


def test_later_plans_add_to_the_history_and_read_two_months() -> None:
    place = make_location()
    item = make_item(place, on_hand=40)
    for back in range(1, 120):
        day = AS_OF - timedelta(days=back)
        make_stock(item, place, 10 if back % 2 else 0, day=day)
        SalesRecord.objects.create(product=item, location=place, day=day, quantity=1)
    run_plan(make_forecast({(item, place): 14.0}))
    kept = ShopSummary.objects.get()
    months = {month.first.isoformat()[:7]: month for month in selectors.months_of(kept)}
    # AS_OF is 3 March 2024: that month has only just begun.
    assert list(months)[-1] == "2024-02"
    february = months["2024-02"]
    # 29 days with 10 or nothing on hand by turns, 1 sold on each; a unit costs 2.50.
    value = kept.report["months"][-1]["stock_value"]
    assert value == pytest.approx(10 * 2.5 * 15 / 29, rel=0.08)
    assert february.turns == pytest.approx(365 * 2.5 / value)
    assert february.in_stock == pytest.approx(0.5, abs=0.02)
    assert february.based_on == 1.0

    # Ten days later: what lies before the last month is taken over as it was, even if its facts went.
    StockLevel.objects.filter(day__month=12).delete()
    later = AS_OF + timedelta(days=10)
    make_stock(item, place, 40, day=later)
    run_plan(make_forecast({(item, place): 14.0}, as_of=later))
    assert ShopSummary.objects.count() == 2
    newest = ShopSummary.objects.latest("day")
    again = {month.first.isoformat()[:7]: month for month in selectors.months_of(newest)}
    assert again["2023-12"] == months["2023-12"]
    assert again["2023-12"].turns is not None
    assert list(again)[-1] == "2024-03"
    days = selectors.snapshots(until=later)
    assert [point.day for point in days] == [AS_OF, later]
    assert selectors.snapshots(until=AS_OF - timedelta(days=1)) == []


def test_assumed_stock_measures_no_service() -> None:
    place = make_location()
    item = make_item(place, on_hand=40)
    StockLevel.objects.update(is_assumed=True)
    for back in range(1, 40):
        make_stock(item, place, 10, day=AS_OF - timedelta(days=back), is_assumed=True)
    run_plan(make_forecast({(item, place): 14.0}))
    months = selectors.months_of(ShopSummary.objects.get())
    assert {month.in_stock for month in months} == {None}
