"""Stock by class, cover, in-stock rate and turns, against figures worked by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from replenishment.core.summary import (
    cells_total,
    month_rows,
    months_between,
    months_merged,
    ratio,
    stock_cells,
)

ROWS = pl.DataFrame(
    {
        "product_id": [1, 1, 2, 3, 4],
        "location_id": [1, 2, 1, 1, 1],
        "abc": ["A", "A", "A", "B", ""],
        "xyz": ["X", "X", "Z", "X", ""],
        "on_hand": [10.0, 0.0, -4.0, None, 5.0],
        "cost": [2.0, 2.0, 10.0, 1.0, None],
        "daily_demand": [1.0, 3.0, 0.5, 2.0, 1.0],
        "fill_rate": [0.9, 0.95, None, 0.5, None],
        "risk": [1.0, 2.0, None, 4.0, None],
    }
)
KEYS = ["product_id", "location_id", "month"]


def test_it_sums_stock_and_demand_at_cost_by_class() -> None:
    cells = {(cell["abc"], cell["xyz"]): cell for cell in stock_cells(ROWS)}
    assert list(cells) == [("A", "X"), ("A", "Z"), ("B", "X"), ("", "")]
    ax = cells["A", "X"]
    # 10 x 2; demand 1 x 2 + 3 x 2 a day, of which the first finds stock.
    assert (ax["skus"], ax["rows"], ax["value"], ax["demand"], ax["in_stock"]) == (1, 2, 20.0, 8.0, 2.0)
    assert ax["fill"] == pytest.approx(2 * 0.9 + 6 * 0.95)
    assert (ax["out"], ax["risk"]) == (1, 3.0)
    # A backlog is worth nothing, and is out of stock.
    assert (cells["A", "Z"]["value"], cells["A", "Z"]["out"], cells["A", "Z"]["judged"]) == (0.0, 1, 0.0)
    # Unknown stock counts neither as in stock nor as out of it.
    assert (cells["B", "X"]["counted"], cells["B", "X"]["out"], cells["B", "X"]["no_stock"]) == (0.0, 0, 1)
    # Without a cost there is no value.
    assert (cells["", ""]["value"], cells["", ""]["no_cost"]) == (0.0, 1)


def test_the_total_gives_cover_and_turns() -> None:
    total = cells_total(stock_cells(ROWS))
    # Stock of 20 against 8 + 5 + 2 a day.
    assert (total["value"], total["demand"]) == (20.0, 15.0)
    cover = ratio(total["value"], total["demand"])
    assert cover == pytest.approx(4 / 3)
    assert ratio(365.0, cover) == pytest.approx(273.75)
    assert stock_cells(ROWS.head(0)) == []
    assert ratio(1.0, 0.0) is None


def test_turns_and_in_stock_rate_of_a_month_are_those_worked_by_hand() -> None:
    rows = ROWS.head(2).vstack(ROWS.slice(3, 1)).with_columns(cost=pl.Series([2.0, 2.0, 1.0]))
    stock = pl.DataFrame(
        {
            "product_id": [1, 1],
            "location_id": [1, 2],
            "month": ["2026-02", "2026-02"],
            "days": [28, 14],
            "days_in": [28, 7],
            "on_hand": [50.0, 10.0],
        }
    )
    sales = pl.DataFrame(
        {
            "product_id": [1, 1, 3],
            "location_id": [1, 2, 1],
            "month": ["2026-02"] * 3,
            "units": [28.0, 14.0, 999.0],
        }
    )
    [january, february] = month_rows(stock, sales, rows, first=date(2026, 1, 1), last=date(2026, 3, 4))
    # March has only just begun. January has no stock.
    assert (january["month"], january["in_stock"], january["turns"]) == ("2026-01", None, None)
    assert february["stock_value"] == 120.0
    # (28 + 14) x 2 = 84 in 28 days: 1,095 a year / 120. The third has no recorded stock: its sales are out.
    assert february["turns"] == pytest.approx(84 * 365 / 28 / 120)
    # Weights 2 and 6: all of the days, and half of the recorded ones.
    assert february["in_stock"] == pytest.approx((2 * 1.0 + 6 * 0.5) / 8)
    assert february["based_on"] == pytest.approx(8 / 10)


def test_months_begin_and_end_with_the_days_asked_for() -> None:
    assert months_between(date(2025, 12, 20), date(2026, 2, 3)) == [
        ("2025-12", 12),
        ("2026-01", 31),
        ("2026-02", 3),
    ]
    assert months_between(date(2026, 2, 2), date(2026, 2, 1)) == []


def test_new_months_replace_old_ones_and_the_oldest_go() -> None:
    before = [{"month": "2026-01", "turns": 1.0}, {"month": "2026-02", "turns": 2.0}]
    new = [{"month": "2026-02", "turns": 5.0}, {"month": "2026-03", "turns": 3.0}]
    merged = months_merged(before, new, kept=2)
    assert merged == [{"month": "2026-02", "turns": 5.0}, {"month": "2026-03", "turns": 3.0}]
