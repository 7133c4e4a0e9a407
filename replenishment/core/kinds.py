"""Kinds of policies: what each makes of an item's terms and levels.

====================  ==========================================================================
``periodic``          (R,S), or (R,s,S) where an order line costs something: the default
``continuous``        (s,S): the same, reviewed at every period of the grid
``fixed-lot``         (s,Q): reviewed at every period, ordered in lots of the economic quantity
``min-max``           s and S as they were typed
``lot-for-lot``       what the next review needs, whatever an order line costs
``known-needs``       up to the need of as many reviews as Wagner and Whitin order at once
``once``              one order for a season that ends: the newsvendor
``not-bought``        never ordered
====================  ==========================================================================

Formulas, sources, and when to use what: ``docs/policies.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.constraints import grained, smallest_order
from replenishment.core.economics import DAYS_PER_YEAR, critical_ratio, eoq
from replenishment.core.items import Items
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]
Interval = Callable[[Array, Array], Array]

LABELS = {
    "continuous": "(s,S)",
    "fixed-lot": "(s,Q)",
    "min-max": "min/max",
    "lot-for-lot": "lot for lot",
    "known-needs": "known needs",
    "once": "once",
    "not-bought": "not bought",
}
_MOST_REVIEWS = 26  # that one order for known needs may cover


def prepared(items: Items, demand: DemandDistribution, places: Array) -> Items:
    """The items with the terms that their kind of policy plans by; series at ``places`` (N,)."""
    kind = items.policy_kind
    if np.all(kind == "periodic"):
        return items
    often = np.isin(kind, ("continuous", "fixed-lot"))
    lots = np.flatnonzero(kind == "fixed-lot")
    multiple = items.order_multiple.copy()
    if len(lots):
        period = PERIOD_DAYS[demand.freq]
        span = np.maximum(items.lead_time_mean[lots] / period, 1.0)
        rate = demand.interval(span, places[lots])[0] / (span * period) * DAYS_PER_YEAR
        held = items.unit_cost[lots] * items.holding_rate[lots]
        lot = np.minimum(eoq(items.order_cost[lots], rate, held)[0], rate)
        pack = items.order_multiple[lots]
        # The lot that costs least in whole packs: above or below, by the ratio of the two costs.
        low = np.maximum(np.floor(lot / pack), 1.0)
        packs = np.where(lot / pack > np.sqrt(low * (low + 1)), low + 1, low)
        multiple[lots] = np.maximum(packs * pack, smallest_order(items.moq[lots], pack))
    free = np.isin(kind, ("lot-for-lot", "fixed-lot", "once"))
    return replace(
        items,
        review_days=np.where(often, 0.0, items.review_days),
        order_multiple=multiple,
        order_cost=np.where(free, 0.0, items.order_cost),
    )


def rises(items: Items, rise: Array, mean_until: Interval, whole_units: Array) -> Array:
    """Order-up-to level less reorder point (N,), where the kind of policy has a say.

    ``mean_until`` gives the mean demand of some days from now (n,) for rows (n,).
    """
    typed = items.policy_kind == "min-max"
    rise = np.where(typed, items.typed_order_up_to - items.typed_reorder_point, rise)
    rows = np.flatnonzero(items.policy_kind == "known-needs")
    if len(rows):
        from replenishment.core.textbook.known_needs import wagner_whitin

        lead, review = items.lead_time_mean[rows], np.maximum(items.review_days[rows], 1.0)
        ends = [mean_until(lead + review * number, rows) for number in range(_MOST_REVIEWS + 1)]
        needs = np.maximum(np.diff(np.column_stack(ends), axis=1), 0.0)
        held = items.unit_cost[rows] * items.holding_rate[rows] * review / DAYS_PER_YEAR
        orders, _ = wagner_whitin(needs, items.order_cost[rows], held)
        more = np.maximum(orders[:, 0] - needs[:, 0], 0.0)
        rise[rows] = np.where(whole_units[rows], np.round(more), grained(more))
    return rise


def points(items: Items, point: Array) -> Array:
    """Reorder points (N,), where the kind of policy has a say."""
    return np.where(items.policy_kind == "min-max", items.typed_reorder_point, point)


def once(
    items: Items, demand: DemandDistribution, places: Array
) -> tuple[Array, dict[str, Array], tuple[Array, Array]]:
    """Rows (n,) that are ordered once, the columns of `Levels` that this sets for them, mean and quantiles.

    One level covers what is left of the season: the newsvendor's (Arrow, Harris and Marschak 1951; Snyder and
    Shen, section 4.3). A unit short costs ``stockout_cost``; one left over its cost less what it fetches.
    With a target in place of ``economic`` the level is the lowest that reaches it over the season.
    """
    rows = np.flatnonzero(items.policy_kind == "once")
    days = items.season_days[rows]
    mean, quantiles, short = demand.interval(days / PERIOD_DAYS[demand.freq], places[rows])
    season = Spread.from_quantiles(quantiles, demand.levels, mean)
    over = items.unit_cost[rows] * (1 - items.salvage_share[rows])
    kind, target = items.target_kind[rows], items.target[rows]
    chance = np.where(kind == "economic", critical_ratio(items.stockout_cost[rows], over), target)
    level = season.quantile(chance)
    by_fill = np.isin(kind, ("fill", "overall"))
    level = np.where(by_fill, _level_of_fill(season, mean, target), level)
    pack = items.order_multiple[rows]
    whole = np.abs(pack - np.round(pack)) < 1e-9
    level = np.where(whole, np.ceil(level - 1e-5), grained(level))
    level = np.minimum(level, items.max_stock[rows])
    loss = season.loss(level[:, None])[:, 0]
    columns = {
        "expected_demand": grained(mean),
        "reorder_point": level,
        "order_up_to": level,
        "fill_rate": np.clip(1 - loss / np.where(mean > 0, mean, 1.0), 0.0, 1.0),
        "cycle_service": _chance_within(season, level),
        "shelf_limit": np.full(len(rows), np.inf),
        "short": short,
    }
    return rows, columns, (mean, quantiles)


def _level_of_fill(season: Spread, mean: Array, target: Array) -> Array:
    """Lowest levels whose expected shortage is at most a share of demand, by bisection (N,)."""
    low, high = np.zeros(len(mean)), season.points(2)[:, -1]
    for _ in range(60):
        middle = (low + high) / 2
        enough = season.loss(middle[:, None])[:, 0] <= (1 - target) * mean
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _chance_within(season: Spread, level: Array) -> Array:
    """Chance that demand is no more than ``level`` (N,), of the knots' distribution function."""
    found = np.empty(len(level))
    for row, at in enumerate(level.tolist()):
        found[row] = np.interp(at, season.knots[row], season.levels, left=0.0, right=1.0)
    return found
