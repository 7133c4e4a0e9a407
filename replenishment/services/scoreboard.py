"""Scoring people's edits of suggestions, once the days that their orders were for are over."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forecasting import selectors as forecasting
from replenishment.models import EditScore, PlanRun, Suggestion
from replenishment.selectors.scoreboard import Edit, edits_acted_on

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from replenishment.core.scoreboard import Decisions

    Array = npt.NDArray[Any]

logger = logging.getLogger(__name__)

# What a stock-out hid is estimated from so many days, those of the orders among them.
_HISTORY_DAYS = 400


def edits_score(*, as_of: date | None = None) -> int:
    """Score the edits whose days are over by `as_of` (default: the last complete day with sales); how many.

    Both quantities meet the demand of each day: sales, and where a record says that stock ran out at least
    the demand estimated for it. Costs are those that the plan planned with. An edit whose plan keeps no
    items, whose costs have no exchange rate, or whose product is not in the demand panel, is left without a
    score. So is one of a row that others pass demand on to, since its sales tell a part of it. Safe to call
    again.
    """
    as_of = as_of or forecasting.as_of_default()
    if as_of is None:
        return 0
    due = [
        edit
        for edit in edits_acted_on()
        if edit.last_day <= as_of and not edit.is_scored and not edit.has_demand_passed_on
    ]
    if not due:
        return 0
    series, demand, first = _demand(due, as_of)
    by_plan: dict[int, list[Edit]] = defaultdict(list)
    for edit in due:
        if f"{edit.product_id}@{edit.location_id}" in series:
            by_plan[edit.plan_run_id].append(edit)
    made = sum(_score(plan_id, edits, series, demand, first) for plan_id, edits in by_plan.items())
    logger.info("%d edits were scored as of %s", made, as_of)
    return made


def _demand(edits: Sequence[Edit], as_of: date) -> tuple[dict[str, int], Array, date]:
    """Columns by unique_id, units asked for by day (T, N) up to `as_of`, and the first day."""
    import numpy as np

    from catalog.selectors import demand_panel
    from forecasting.core.cleaning import Reason, clean
    from forecasting.core.panel_read import panel_from_frame

    begin = min(edit.as_of for edit in edits)
    panel = demand_panel(
        as_of=as_of,
        freq="D",
        history_days=max((as_of - begin).days + 1, _HISTORY_DAYS),
        product_ids=sorted({edit.product_id for edit in edits}),
    )
    if panel.is_empty():
        return {}, np.zeros((0, 0)), as_of
    dense = panel_from_frame(
        panel.select("unique_id", "ds", "y", "in_stock"), as_of=as_of, freq="D", horizon=1
    )
    demand = np.nan_to_num(dense.y.astype(np.float64))
    if dense.censored.any():
        found = clean(dense, stocked=dense.stocked, threads=settings.FORESTOCK_THREADS)
        estimated = found.reason == Reason.STOCK_OUT
        demand[estimated] = np.fmax(demand, found.demand)[estimated]
    places = {name: place for place, name in enumerate(dense.unique_id)}
    # Before the first sale of all of these nothing was asked for.
    first = dense.ds[0].item()
    early = max((first - begin).days - 1, 0)
    return places, np.pad(demand, ((early, 0), (0, 0))), first - timedelta(days=early)


def _score(plan_id: int, edits: Sequence[Edit], series: dict[str, int], demand: Array, first: date) -> int:
    """Score edits of one plan on the demand (T, N) from `first` on."""
    import numpy as np

    from replenishment.core.scoreboard import costs
    from replenishment.services.plan_items import items_unpack

    planned = items_unpack(PlanRun(pk=plan_id).items_table)
    if planned.is_empty():
        return 0
    as_of = edits[0].as_of
    rows = _rows(edits).join(planned, on="unique_id", maintain_order="left")
    demand = demand[(as_of - first).days + 1 :]
    rows = rows.filter(_decisions(rows).last <= len(demand))
    decisions = _decisions(rows)
    own = demand[:, [series[name] for name in rows["unique_id"].to_list()]]
    system = costs(decisions, rows["system_quantity"].to_numpy(), own)
    edited = costs(decisions, rows["edited_quantity"].to_numpy(), own)
    total = np.vstack([np.zeros(own.shape[1]), np.cumsum(own, axis=0)])
    at = np.arange(own.shape[1])
    asked = total[decisions.last, at] - total[decisions.first, at]
    now = timezone.now()
    scores = [
        EditScore(
            suggestion_id=rows["suggestion_id"][row],
            quantity=rows["edited_quantity"][row],
            first_day=as_of + timedelta(days=int(decisions.first[row]) + 1),
            last_day=as_of + timedelta(days=int(decisions.last[row])),
            demand=float(asked[row]),
            system_holding=float(system.holding[row]),
            system_ordering=float(system.ordering[row]),
            system_lost_margin=float(system.lost_margin[row]),
            edited_holding=float(edited.holding[row]),
            edited_ordering=float(edited.ordering[row]),
            edited_lost_margin=float(edited.lost_margin[row]),
            saved=float(system.total[row] - edited.total[row]),
            scored_at=now,
        )
        for row in range(rows.height)
    ]
    with transaction.atomic():
        EditScore.objects.filter(suggestion__in=[score.suggestion_id for score in scores]).delete()
        EditScore.objects.bulk_create(scores, batch_size=1000)
    return len(scores)


def _rows(edits: Sequence[Edit]) -> pl.DataFrame:
    """unique_id, suggestion_id, edited_quantity, system_quantity, order_up_to (units; infinite for none)."""
    import polars as pl

    found = Suggestion.objects.in_bulk([edit.suggestion_id for edit in edits])
    return pl.DataFrame(
        [
            (
                f"{edit.product_id}@{edit.location_id}",
                edit.suggestion_id,
                edit.quantity,
                suggestion.order_quantity,
                float("inf") if suggestion.order_up_to is None else suggestion.order_up_to,
            )
            for edit in edits
            # Without an exchange rate its costs are no home currency.
            if (suggestion := found[edit.suggestion_id]).home_value is not None
        ],
        schema={
            "unique_id": pl.String,
            "suggestion_id": pl.Int64,
            "edited_quantity": pl.Float64,
            "system_quantity": pl.Float64,
            "order_up_to": pl.Float64,
        },
        orient="row",
    )


def _decisions(rows: pl.DataFrame) -> Decisions:
    """What the core takes of `_rows` with the ITEMS that the plan planned."""
    from replenishment.core.items import Items
    from replenishment.core.scoreboard import Decisions

    items = Items.from_frame(rows.drop("suggestion_id", "edited_quantity", "system_quantity", "order_up_to"))
    return Decisions(
        position=items.position,
        order_up_to=rows["order_up_to"].to_numpy(),
        lead_days=items.lead_time_mean,
        review_days=items.review_days,
        unit_cost=items.unit_cost,
        stockout_cost=items.stockout_cost,
        order_cost=items.order_cost,
        holding_rate=items.holding_rate,
        lost=items.unmet == "lost",
    )
