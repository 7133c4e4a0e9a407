"""Stock, cover, service and turns of a whole shop, from its product-locations.

Turns: cost of goods sold in a year / average stock value at cost; days of cover: stock value / cost of the
demand of a day (Chopra and Meindl, Supply Chain Management, chapter 3, "inventory turns" and "flow time").
In-stock rate: the share of product-days that closed with stock, each product-location weighing as much as
its demand costs; where demand does not depend on stock this is the fill rate by value (Silver, Pyke and
Thomas, Inventory and Production Management in Supply Chains, 4th edition, chapter 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

CLASSES, PREDICTABILITY = ("A", "B", "C"), ("X", "Y", "Z")
# A month that has only just begun says nothing yet.
_FEWEST_DAYS = 7
_KEY = ["product_id", "location_id"]


def stock_cells(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Sums of each ABC-XYZ class ("" where a row has none), A before B, X before Y, without a class last.

    `rows`: product_id, location_id, abc, xyz, on_hand (units or null), cost (home currency per unit or null),
    daily_demand (units), fill_rate (0 to 1 or null), risk (home currency or null). Each cell: abc, xyz,
    skus, rows, value (stock at cost), demand (cost of a day's demand), in_stock and fill (parts of `demand`
    that find stock, and that the plan expects to serve), judged (`demand` whose `fill` is known), counted
    (`demand` whose stock is known), risk, out (rows with demand and no stock), no_stock (no figure) and
    no_cost, both rows. Rows without a cost count in no sum of money.
    """
    if rows.is_empty():
        return []
    cost = pl.col("cost").fill_null(0.0)
    held = pl.col("on_hand").fill_null(0.0).clip(lower_bound=0.0)
    demand = pl.col("daily_demand").fill_null(0.0).clip(lower_bound=0.0) * cost
    cells = (
        rows.with_columns(pl.col("abc", "xyz").fill_null(""))
        .group_by("abc", "xyz")
        .agg(
            skus=pl.col("product_id").n_unique(),
            rows=pl.len(),
            value=(held * cost).sum(),
            demand=demand.sum(),
            counted=demand.filter(pl.col("on_hand").is_not_null()).sum(),
            in_stock=demand.filter(pl.col("on_hand") > 0).sum(),
            judged=demand.filter(pl.col("fill_rate").is_not_null()).sum(),
            fill=(demand * pl.col("fill_rate").fill_null(0.0)).sum(),
            risk=pl.col("risk").fill_null(0.0).sum(),
            out=((pl.col("on_hand") <= 0) & (pl.col("daily_demand") > 0)).fill_null(False).sum(),
            no_stock=pl.col("on_hand").is_null().sum(),
            no_cost=pl.col("cost").is_null().sum(),
        )
        .sort(pl.col("abc") == "", "abc", pl.col("xyz") == "", "xyz")
    )
    return [dict(row) for row in cells.iter_rows(named=True)]


def cells_total(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The cells together; `skus` is left out, since one SKU may be of several classes."""
    names = ("rows", "value", "demand", "counted", "in_stock", "judged", "fill", "risk", "out")
    return {name: sum(cell[name] for cell in cells) for name in (*names, "no_stock", "no_cost")}


def ratio(part: float | None, whole: float | None) -> float | None:
    """A quotient, None where there is nothing to divide by."""
    return part / whole if part is not None and whole else None


def month_rows(
    stock: pl.DataFrame, sales: pl.DataFrame, rows: pl.DataFrame, *, first: date, last: date
) -> list[dict[str, Any]]:
    """In-stock rate and turns of each month from `first` to `last`, oldest first.

    `stock`: product_id, location_id, month, days, days_in, on_hand (mean units); `sales`: product_id,
    location_id, month, units; `rows` as for `stock_cells`. Both rates take in the product-locations whose
    stock was recorded in the month and whose cost is known. Each month: month ("2026-11"), days (of it,
    within `first` to `last`), in_stock (0 to 1), based_on (their part of the cost of all demand), stock_value
    (mean), sold_cost, turns (a year's); None where there is nothing to divide by. A month of fewer than 7
    days is left out.
    """
    cost = rows.filter(pl.col("cost").is_not_null()).select(
        *_KEY, "cost", weight=pl.col("daily_demand").fill_null(0.0).clip(lower_bound=0.0) * pl.col("cost")
    )
    demand = float(cost["weight"].sum())
    found = (
        stock.join(cost, on=_KEY)
        .join(sales, on=[*_KEY, "month"], how="left")
        .group_by("month")
        .agg(
            value=(pl.col("on_hand") * pl.col("cost")).sum(),
            sold=(pl.col("units").fill_null(0.0) * pl.col("cost")).sum(),
            weight=pl.col("weight").sum(),
            served=(pl.col("weight") * pl.col("days_in") / pl.col("days")).sum(),
        )
    )
    by_month = {row["month"]: row for row in found.iter_rows(named=True)}
    months = []
    for month, days in months_between(first, last):
        if days < _FEWEST_DAYS:
            continue
        row = by_month.get(month)
        value, sold = (row["value"], row["sold"]) if row else (None, None)
        yearly = sold * 365 / days if sold is not None else None
        months.append(
            {
                "month": month,
                "days": days,
                "in_stock": ratio(row["served"], row["weight"]) if row else None,
                "based_on": ratio(row["weight"], demand) if row else None,
                "stock_value": value,
                "sold_cost": sold,
                "turns": ratio(yearly, value),
            }
        )
    return months


def months_between(first: date, last: date) -> list[tuple[str, int]]:
    """Each month from `first` to `last` as "2026-11", with how many of its days lie between the two."""
    found = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
        end = min(following - timedelta(days=1), last)
        found.append((f"{first:%Y-%m}", (end - first).days + 1))
        first = following
    return found


def months_merged(
    before: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], *, kept: int
) -> list[dict[str, Any]]:
    """The months measured before, replaced by the new ones where there are such; the last `kept` of all."""
    merged = {month["month"]: dict(month) for month in (*before, *new)}
    return [merged[name] for name in sorted(merged)][-kept:]
