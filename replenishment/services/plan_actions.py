"""A plan's actions: what to do about excess stock and late deliveries, priced, as rows to store."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from catalog.models import SupplyTerms
from replenishment.core.actions import Assumptions, actions
from replenishment.core.line_actions import Lines
from replenishment.models import PlanAction
from replenishment.services.plan_dates import Dated, day_after, rates_of
from replenishment.services.plan_facts import units
from replenishment.services.plan_items import NOT_BOUGHT

ASSUMPTIONS = Assumptions()


def actions_found(dated: Dated) -> pl.DataFrame:
    """Columns of `PlanAction`, without its plan, for what is planned or not to be bought again.

    Without terms or an exchange rate nothing can be priced.
    """
    priced = dated.frame["cost_rate"].is_not_null() & dated.frame["terms_id"].is_not_null()
    known = dated.frame["place"].is_not_null() | dated.frame["status"].is_in(list(NOT_BOUGHT))
    rows = np.flatnonzero((priced & known).to_numpy())
    frame = dated.frame[rows]
    items = dated.items.take(rows)
    lines = dated.lines.join(
        pl.DataFrame({"item": rows, "position": np.arange(len(rows))}), on="item", how="inner"
    )
    found = actions(
        items,
        dated.demand,
        dated.places[rows],
        order_up_to=units(frame, "order_up_to", -1.0),
        lines=_lines(lines, frame),
        return_share=_return_shares(frame),
        assumptions=ASSUMPTIONS,
    )
    # A price that is not known can't be cut.
    found = found.filter((pl.col("kind") != "markdown") | frame["price"].gather(found["item"]).is_not_null())
    return _rows(found, frame, lines, dated)


def _lines(lines: pl.DataFrame, frame: pl.DataFrame) -> Lines:
    rates = rates_of(frame)
    item = lines["position"].to_numpy()
    cost = lines.select(
        pl.col("unit_cost") * pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64)
    ).to_series()
    usual = units(frame, "list_cost")[item]
    return Lines(
        item=item,
        day=lines["after"].to_numpy(),
        quantity=lines["quantity"].to_numpy(),
        unit_cost=np.where(cost.is_null().to_numpy(), usual, cost.fill_null(0.0).to_numpy()),
        changeable=lines["is_changeable"].to_numpy(),
    )


def _return_shares(frame: pl.DataFrame) -> Any:
    shares = {
        pk: float(share)
        for pk, share in SupplyTerms.objects.filter(return_share__gt=0).values_list("pk", "return_share")
    }
    return (
        frame["terms_id"]
        .replace_strict(shares or {-1: 0.0}, default=0.0, return_dtype=pl.Float64)
        .fill_null(0.0)
        .to_numpy()
    )


def _rows(found: pl.DataFrame, frame: pl.DataFrame, lines: pl.DataFrame, dated: Dated) -> pl.DataFrame:
    place = found["item"]
    outstanding = lines["quantity"].gather(found["line"])
    return pl.DataFrame(
        {
            "product_id": frame["product_id"].gather(place),
            "location_id": frame["location_id"].gather(place),
            "kind": found["kind"],
            # What a lower price sells is an expectation, all others are orders to somebody.
            "quantity": pl.Series(
                [
                    _rough(units) if kind == "markdown" else round(units, 3)
                    for kind, units in found.select("kind", "quantity").iter_rows()
                ],
                dtype=pl.Float64,
            ),
            "saving": found["saving"].round(2),
            "cost": found["cost"].round(2),
            "act_by": day_after(dated.as_of, found["act_day"].cast(pl.Float64).to_numpy()),
            "order_line_id": lines["line_id"].gather(found["line"]),
            "details": pl.Series(
                [
                    _details(row, left)
                    for row, left in zip(found.iter_rows(named=True), outstanding, strict=True)
                ],
                dtype=pl.String,
            ),
            "state": pl.Series([PlanAction.State.OPEN.value] * found.height, dtype=pl.String),
            "comment": pl.Series([""] * found.height, dtype=pl.String),
        }
    )


def _rough(units: float) -> float:
    """An expected number of units, no more exact than it is: whole from ten on."""
    return round(units, 0 if units >= 10 else 1)


def _details(row: dict[str, Any], outstanding: float | None) -> str:
    """What belongs to a kind, as JSON: see `PlanAction.details`."""
    values: dict[str, Any] = {}
    if outstanding is not None:
        values["outstanding"] = round(outstanding, 3)
    for name, digits in (("days", 0), ("price_cut", 2)):
        if row[name] is not None:
            values[name] = round(row[name], digits)
    if row["sold"] is not None:
        values["sold"] = _rough(row["sold"])
    if row["kind"] == "markdown":
        values["elasticity"] = asdict(ASSUMPTIONS)["elasticity"]
    if row["instead"]:
        values["instead"] = [
            {
                "kind": other["kind"],
                "quantity": _rough(other["quantity"]),
                "saving": round(other["saving"], 2),
            }
            for other in row["instead"]
        ]
    return json.dumps(values)
