"""A plan's dates: when stock runs out, with what is on order, and what will be bought after today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core.dated import HORIZON_DAYS, MeanDemand, Policy, Purchases, Receipts, lead_days, path
from replenishment.core.items import Items
from replenishment.core.kinds import prepared
from replenishment.services.plan_facts import KEY, units
from replenishment.services.plan_items import items_frame

Array = npt.NDArray[Any]

_FAR = 3650.0


@dataclass(frozen=True, eq=False)
class Dated:
    """Rows of a plan with stock and a forecast: a `frame`, and `items` with series at `places` of `demand`.

    `lines` are the open lines of these items (`selectors.lines_open`) with `item`, the position in `items`,
    and `after`, the days from the as-of date to their arrival: by the lead time where no day is known.
    """

    as_of: date
    frame: pl.DataFrame
    items: Items
    demand: DemandDistribution
    places: Array
    mean: MeanDemand
    lines: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame, demand: DemandDistribution, lines: pl.DataFrame, as_of: date) -> Self:
        """Rows as `plan_rows.rows_plan` returns them; those of no forecast are left out."""
        frame = rows.filter(pl.col("row").is_not_null() & pl.col("on_hand").is_not_null())
        places = frame["row"].to_numpy().astype(np.int64)
        items = prepared(Items.from_frame(items_frame(frame)), demand, places)
        found = lines.join(frame.select(*KEY, item=pl.int_range(pl.len())), on=KEY, how="inner")
        usual = pl.Series(lead_days(items)[found["item"].to_numpy()], dtype=pl.Int64)
        after = (pl.col("day") - pl.lit(as_of)).dt.total_days()
        return cls(
            as_of=as_of,
            frame=frame,
            items=items,
            demand=demand,
            places=places,
            mean=MeanDemand(demand, places),
            lines=found.with_columns(after=after.fill_null(usual)),
        )

    @property
    def receipts(self) -> Receipts:
        """The open lines as the core takes them."""
        return Receipts(
            self.lines["item"].to_numpy(), self.lines["after"].to_numpy(), self.lines["quantity"].to_numpy()
        )

    def purchases(self, *, days: int = HORIZON_DAYS) -> Purchases:
        """Today's orders of the plan and those of the reviews to come, on the expected path.

        What comes from another location instead is among today's.
        """
        policy = Policy.of(
            self.items,
            reorder_point=units(self.frame, "reorder_point", -1.0),
            order_up_to=units(self.frame, "order_up_to", -1.0),
            today=units(self.frame, "order_quantity") - units(self.frame, "adj_transfer"),
        )
        return path(self.items, self.mean, self.receipts, policy, days=days).purchases


def stock_out_added(rows: pl.DataFrame, dated: Dated) -> pl.DataFrame:
    """`rows` with `stock_out_on`: the first day whose expected demand finds too little stock.

    What is open comes in on its day. Past the dated plan's days all of it counts.
    """
    days = path(dated.items, dated.mean, dated.receipts).out_day
    far = np.isinf(days)
    free = dated.items.on_hand - dated.items.allocated
    last = dated.mean.days_until(free + dated.receipts.total(len(free)))
    # A day that is reached in full still serves.
    whole = np.where(far & np.isfinite(last), np.floor(np.minimum(last, _FAR) + 1e-9) + 1, days)
    when = dated.frame.select("row", stock_out_on=day_after(dated.as_of, whole))
    return rows.drop("stock_out_on", strict=False).join(when, on="row", how="left", maintain_order="left")


def late_added(rows: pl.DataFrame, lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """`rows` with `on_order_late`: units of open lines (`selectors.lines_open`) expected before `as_of`."""
    late = lines.filter(pl.col("line_id").is_not_null() & (pl.col("day") < as_of))
    units_late = late.group_by(KEY).agg(on_order_late=pl.col("quantity").sum())
    return rows.join(units_late, on=KEY, how="left", maintain_order="left")


def day_after(as_of: date, days: Array) -> pl.Series:
    """The days (N,) after `as_of`; null where infinite, or ten years away."""
    near = np.isfinite(days) & (days <= _FAR)
    values: list[date | None] = [
        as_of + timedelta(days=int(number)) if ok else None
        for number, ok in zip(np.where(near, days, 0.0).tolist(), near.tolist(), strict=True)
    ]
    return pl.Series(values, dtype=pl.Date)


def purchases_by_week(dated: Dated, *, days: int = HORIZON_DAYS) -> dict[str, Any]:
    """What is expected to be bought from each supplier, in the home currency, by calendar week.

    For a plan's report: `first_day` (a Monday), `weeks`, and `suppliers`, a list of `id`, `ordered` (orders
    placed in the week), `arriving` (of these, by arrival) and `open` (what is on order already, by arrival),
    each a list of one number per week. What has no supplier or no exchange rate is left out.
    """
    first = dated.as_of - timedelta(days=dated.as_of.weekday())
    weeks = (dated.as_of.weekday() + days) // 7 + 1
    bought = dated.purchases(days=days)
    cost = dated.frame.select(pl.when(pl.col("cost_rate").is_not_null()).then("list_cost")).to_series()
    of_item = pl.DataFrame(
        {"supplier_id": dated.frame["supplier_id"].cast(pl.Int64), "cost": cost, "item": range(len(cost))},
        schema_overrides={"item": pl.Int64},
    )
    today = np.where(bought.day == 0, units(dated.frame, "order_quantity")[bought.item], bought.quantity)
    made = pl.DataFrame(
        {"item": bought.item, "day": bought.day, "arrives": bought.arrives, "quantity": today}
    ).join(of_item, on="item")
    rates = rates_of(dated.frame)
    coming = dated.lines.filter(pl.col("supplier_id").is_not_null()).with_columns(
        cost=pl.col("unit_cost")
        * pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64)
    )
    parts = [
        _weekly(made, "day", dated.as_of, "ordered"),
        _weekly(made, "arrives", dated.as_of, "arriving"),
        _weekly(coming.with_columns(pl.col("after").clip(0)), "after", dated.as_of, "open"),
    ]
    table = pl.concat(parts).filter(pl.col("week") < weeks)
    suppliers: dict[int, dict[str, Any]] = {}
    for name, supplier_id, week, value in table.sort("supplier_id", "week").iter_rows():
        empty = {"id": supplier_id, **{kind: [0.0] * weeks for kind in ("ordered", "arriving", "open")}}
        suppliers.setdefault(supplier_id, empty)[name][week] = round(value, 2)
    return {"first_day": first.isoformat(), "weeks": weeks, "suppliers": list(suppliers.values())}


def rates_of(frame: pl.DataFrame) -> dict[str, float]:
    """What one unit of each currency of a plan's rows is worth in the home currency, where known."""
    pairs = pl.concat(
        [
            frame.select(code="currency", rate="cost_rate"),
            frame.select(code="location_currency", rate="price_rate"),
        ]
    )
    return dict(pairs.drop_nulls().unique().iter_rows())


def _weekly(frame: pl.DataFrame, day: str, as_of: date, name: str) -> pl.DataFrame:
    value = (pl.col("quantity") * pl.col("cost")).sum()
    return (
        frame.filter(pl.col("cost").is_not_null() & pl.col("supplier_id").is_not_null())
        .group_by("supplier_id", week=(pl.col(day) + as_of.weekday()) // 7)
        .agg(value=value)
        .select(pl.lit(name).alias("name"), "supplier_id", pl.col("week").cast(pl.Int64), "value")
    )
