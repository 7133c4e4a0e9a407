"""What a replay stands on: past demand, today's terms, the stock that the period began with, and what was
really done in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.conf import settings
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog.models import Product
from forecasting.core.cleaning import Reason, clean
from forecasting.core.distribution import Freq
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from replenishment.core.actual import Records
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.models import ReplayRun
from replenishment.services.errors import ReplayError
from replenishment.services.plan_facts import (
    bought_frame,
    series_frame,
    stock_frame,
    terms_frame,
    units,
)
from replenishment.services.plan_items import EXCEPTION, Target, items_of, why_not, with_targets
from replenishment.services.replay_actual import records_read

Array = npt.NDArray[Any]

# An assumed opening stock lasts for the lead time and so many days at the demand of so many days before.
ASSUMED_COVER_DAYS = 21.0
ASSUMED_DAYS = 182


@dataclass(frozen=True, eq=False)
class ReplayFacts:
    """Items that have terms, with their history; `frame` has one row for each, in the same order.

    The history's demand in the replayed periods is what was asked for: sales, and where stock ran out what
    would have been sold. `records` (in the items' order) are what was really done. `skipped` counts what is
    left out, by reason; `assumed` is how many opening stocks were assumed.
    """

    frame: pl.DataFrame
    items: Items
    history: History
    records: Records
    skipped: dict[str, int]
    assumed: int


def facts_read(*, run: ReplayRun, freq: Freq, target: Target) -> ReplayFacts:
    """Read demand up to the last day, terms and prices as of it, and stock at the close before the first day.

    Raises ReplayError where there is nothing to replay.
    """
    panel = catalog.demand_panel(
        as_of=run.last_day,
        freq=freq,
        location_ids=None if run.location_id is None else [run.location_id],
    )
    if panel.is_empty():
        raise ReplayError(_("Nothing was sold there up to the last day."))
    dense = panel_from_frame(
        panel.select("unique_id", "ds", "y", "in_stock"), as_of=run.last_day, freq=freq, horizon=1
    )
    sales = History.of(dense, run.first_day)
    history = _asked(sales, dense)
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=run.last_day)
    frame = bought_frame(
        series_frame(history.unique_id),
        stock=stock_frame(as_of=run.first_day - timedelta(days=1)),
        terms=terms_frame(as_of=run.last_day),
        rates=rates,
        as_of=run.last_day,
    )
    frame = _filtered(frame, run)
    if frame.is_empty():
        raise ReplayError(_("No product-location fits the filter."))
    known = frame["on_hand"].is_not_null() & ~frame["stock_is_assumed"].fill_null(value=False)
    frame = frame.with_columns(
        on_hand=pl.coalesce("on_hand", pl.Series(_opening(frame, history))).clip(lower_bound=0.0),
        allocated=pl.lit(0.0),
        on_order=pl.lit(0.0),
        is_known=known,
    )
    # Replays tell costs in money: every row needs a rate.
    frame = with_targets(frame, target).with_columns(why=why_not(has_budget=True))
    why = frame["why"].drop_nulls().str.strip_prefix(EXCEPTION).to_list()
    frame = frame.filter(pl.col("why").is_null())
    records = records_read(
        frame,
        labels=history.labels[history.begin :],
        first_day=run.first_day,
        sold=sales.replayed[:, frame["row"].to_numpy()],
    )
    return ReplayFacts(
        frame=frame,
        items=items_of(frame),
        history=history,
        records=records,
        skipped=dict(Counter(why)),
        assumed=int((~frame["is_known"]).sum()),
    )


def _asked(history: History, panel: Panel) -> History:
    """What was asked for in the replayed periods: where stock ran out, an estimate of at least the sales.

    Before them a policy knows what the shop knew, the sales. In them it would have had stock of its own.
    """
    last = slice(-min(history.periods, panel.periods), None)
    if not panel.censored[last].any():
        return history
    found = clean(panel, stocked=panel.stocked, threads=settings.FORESTOCK_THREADS)
    estimated = found.reason[last] == Reason.STOCK_OUT
    demand = history.demand.copy()
    replayed = demand[last]
    replayed[estimated] = np.fmax(replayed, found.demand[last])[estimated]
    return replace(history, demand=demand)


def _filtered(frame: pl.DataFrame, run: ReplayRun) -> pl.DataFrame:
    if run.supplier_id is not None:
        frame = frame.filter(pl.col("supplier_id") == run.supplier_id)
    if run.category_id is not None:
        branch = catalog.categories_under([run.category_id])[run.category_id]
        products = Product.objects.filter(category_id__in=branch).values_list("pk", flat=True)
        frame = frame.filter(pl.col("product_id").is_in(list(products)))
    return frame


def _opening(frame: pl.DataFrame, history: History) -> Array:
    """Units (N,) that last for the lead time and three weeks at past demand; whole purchase multiples."""
    rows = frame["row"].to_numpy()
    periods = round(ASSUMED_DAYS / history.period_days)
    before = history.demand[max(history.begin - periods, 0) : history.begin][:, rows]
    known = np.isfinite(before).sum(axis=0)
    rate = np.nansum(before, axis=0) / np.maximum(known, 1)
    lead = np.maximum(units(frame, "lead_time_days"), 0.0)
    wanted = rate * (lead + ASSUMED_COVER_DAYS) / history.period_days
    multiple = units(frame, "order_multiple", 1.0)
    multiple = np.where(multiple > 0, multiple, 1.0)
    return np.asarray(np.ceil(wanted / multiple - 1e-9) * multiple)
