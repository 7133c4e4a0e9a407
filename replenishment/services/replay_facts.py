"""What a replay stands on: past demand, today's terms, and the stock that the period began with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.conf import settings
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog.models import Category, Product
from forecasting.core.distribution import Freq
from forecasting.core.panel_read import panel_from_frame
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

Array = npt.NDArray[Any]

FREQ: Freq = "W"
# An assumed opening stock lasts for the lead time and so many days at the demand of so many weeks before.
ASSUMED_COVER_DAYS = 21.0
ASSUMED_WEEKS = 26


@dataclass(frozen=True, eq=False)
class ReplayFacts:
    """Items that have terms, with their history; `frame` has one row for each, in the same order.

    `skipped` counts what is left out, by reason; `assumed` is how many opening stocks were assumed.
    """

    frame: pl.DataFrame
    items: Items
    history: History
    skipped: dict[str, int]
    assumed: int


def facts_read(*, run: ReplayRun, target: Target) -> ReplayFacts:
    """Read demand up to the last day, terms and prices as of it, and stock at the close before the first day.

    Raises ReplayError where there is nothing to replay.
    """
    panel = catalog.demand_panel(
        as_of=run.last_day,
        freq=FREQ,
        location_ids=None if run.location_id is None else [run.location_id],
    )
    if panel.is_empty():
        raise ReplayError(_("Nothing was sold there up to the last day."))
    dense = panel_from_frame(panel.select("unique_id", "ds", "y"), as_of=run.last_day, freq=FREQ, horizon=1)
    history = History.of(dense, run.first_day)
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
    return ReplayFacts(
        frame=frame,
        items=items_of(frame),
        history=history,
        skipped=dict(Counter(why)),
        assumed=int((~frame["is_known"]).sum()),
    )


def _filtered(frame: pl.DataFrame, run: ReplayRun) -> pl.DataFrame:
    if run.supplier_id is not None:
        frame = frame.filter(pl.col("supplier_id") == run.supplier_id)
    if run.category_id is not None:
        products = Product.objects.filter(category_id__in=_branch(run.category_id)).values_list(
            "pk", flat=True
        )
        frame = frame.filter(pl.col("product_id").is_in(list(products)))
    return frame


def _branch(root: int) -> set[int]:
    """A category and all below it."""
    parents = list(Category.objects.order_by().values_list("pk", "parent_id"))
    found = {root}
    while more := {pk for pk, parent in parents if parent in found and pk not in found}:
        found |= more
    return found


def _opening(frame: pl.DataFrame, history: History) -> Array:
    """Units (N,) that last for the lead time and three weeks at past demand; whole purchase multiples."""
    rows = frame["row"].to_numpy()
    before = history.demand[max(history.begin - ASSUMED_WEEKS, 0) : history.begin][:, rows]
    weeks = np.isfinite(before).sum(axis=0)
    rate = np.nansum(before, axis=0) / np.maximum(weeks, 1)
    lead = np.maximum(units(frame, "lead_time_days"), 0.0)
    wanted = rate * (lead + ASSUMED_COVER_DAYS) / history.period_days
    multiple = units(frame, "order_multiple", 1.0)
    multiple = np.where(multiple > 0, multiple, 1.0)
    return np.asarray(np.ceil(wanted / multiple - 1e-9) * multiple)
