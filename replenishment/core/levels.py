"""Reorder points and order-up-to levels: what doesn't depend on today's stock."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core import cycle as cycles
from replenishment.core import kinds, leadtime
from replenishment.core.blocks import Block, Terms, long_run_blocks, wide_cycle
from replenishment.core.constraints import grained, grained_down, smallest_order
from replenishment.core.economics import DAYS_PER_YEAR, critical_ratio, eoq
from replenishment.core.items import Items
from replenishment.core.overall import Money, groups_of, overall_points
from replenishment.core.reader import DemandReader
from replenishment.core.service import Model
from replenishment.core.sharing import shared_level
from replenishment.core.spread import Spread
from replenishment.core.stock import stock_held

Array = npt.NDArray[Any]

_MOMENT = 1e-4  # days: what is shorter takes no time
_USUAL_FILL = 0.99  # where a target says nothing of the share of demand that will be served
_KINDS = {"fill": "fill", "cycle": "cycle", "economic": "ratio"}


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of N items, with what led to them.

    ``expected_demand`` over the protection interval, ``reorder_point`` and ``order_up_to`` in units (-1 where
    the item is not to be bought again), ``fill_rate`` and ``cycle_service`` in the long run, ``shelf_limit``
    the stock position that sells before it expires, ``quantiles`` (N, Q) at the levels ``given`` those of
    demand over the protection interval; ``stock`` units on hand in the long run, ``cycle_stock`` of these,
    and ``order_days`` from one order to the next, infinite where none is made (`stock.stock_held`).
    Masks: ``short`` past the horizon, ``at_max_stock`` and ``at_shelf_life`` where these hold a level down,
    ``unsellable`` where the smallest order can't be sold within the shelf life.
    """

    expected_demand: Array
    reorder_point: Array
    order_up_to: Array
    fill_rate: Array
    cycle_service: Array
    shelf_limit: Array
    short: Array
    at_max_stock: Array
    at_shelf_life: Array
    unsellable: Array
    quantiles: Array
    mean: Array
    stock: Array
    cycle_stock: Array
    order_days: Array
    given: tuple[float, ...]

    @cached_property
    def demand(self) -> Spread:
        """The distribution over the protection interval."""
        return Spread.from_quantiles(self.quantiles, self.given, self.mean)

    def take(self, rows: Array) -> Self:
        """Some items only."""
        columns: dict[str, Any] = {
            f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "given"
        }
        return type(self)(given=self.given, **columns)

    def with_rows(self, rows: Array, columns: dict[str, Array], demand: tuple[Array, Array]) -> Self:
        """The same with other values in some rows: of ``columns``, and mean and quantiles of ``demand``."""
        changed: dict[str, Any] = {}
        for name, values in {**columns, "mean": demand[0], "quantiles": demand[1]}.items():
            changed[name] = getattr(self, name).copy()
            changed[name][rows] = values
        return replace(self, **changed)


def levels(
    items: Items, demand: DemandDistribution, places: Array, *, grid_days: float | None = None
) -> Levels:
    """Levels of items whose series are at ``places`` (N,) of the distribution; all are plannable.

    Reviews and receipts happen on a grid of ``grid_days``; by default that of the forecast's periods.
    """
    items = replace(
        items,
        lead_time_mean=np.where(items.lead_time_mean < _MOMENT, 0.0, items.lead_time_mean),
        lead_time_sd=np.where(items.lead_time_sd < _MOMENT, 0.0, items.lead_time_sd),
        review_days=np.where(items.review_days < _MOMENT, 0.0, items.review_days),
    )
    days = grid_days or PERIOD_DAYS[demand.freq]
    reader = DemandReader(demand, places, days)
    span = (items.lead_time_mean + items.review_days) / days
    expected, quantiles, short = reader.interval(span)
    rate = expected / np.where(span > 0, span, 1.0)
    spare = (expected.copy(), quantiles)
    rows = np.flatnonzero(span <= 0)
    if len(rows):  # no interval to protect: the first period says what demand is like
        spare[0][rows], spare[1][rows], _ = reader.interval(np.ones(len(rows)), rows)
        rate[rows] = spare[0][rows]
    whole_units = np.abs(items.order_multiple - np.round(items.order_multiple)) < 1e-9
    terms = Terms(
        review=leadtime.review_periods(items.review_days, days),
        unit=np.where(whole_units, 1.0, np.minimum(items.order_multiple, 1.0)),
        multiple=items.order_multiple,
        smallest=smallest_order(items.moq, items.order_multiple),
        rate=rate,
        served=served_share(items),
    )
    expected = grained(expected)
    per_year = rate / days * DAYS_PER_YEAR
    floor, _ = eoq(items.order_cost, per_year, items.unit_cost * items.holding_rate)
    rise = np.maximum(np.minimum(floor, per_year) - rate * items.review_days / days, 0.0)
    rise = np.where(np.isinf(floor), np.maximum(per_year - rate * items.review_days / days, 0.0), rise)
    rise = np.where(whole_units, np.round(rise), grained(rise))
    rise = kinds.rises(items, rise, lambda time, rows: reader.interval(time / days, rows)[0], whole_units)
    shelf_limit = _shelf_limit(items, reader, days, whole_units)
    sellable = np.where(rate > 0, rate, 1.0) * items.shelf_life_days / days
    unsellable = (rate > 0) & (terms.smallest > sellable + 1e-9)
    blocks = long_run_blocks(items, reader, terms, spare, rise, days)

    point = np.empty(len(items))
    together: list[tuple[Array, Model]] = []
    for block in blocks:
        rows, model = block.rows, block.model
        asked = items.target_kind[rows]
        for kind, measure in _KINDS.items():
            mine = np.flatnonzero(asked == kind)
            if len(mine):
                chosen = rows[mine]
                goal = items.target[chosen]
                if kind == "economic":
                    held = items.unit_cost * items.holding_rate * terms.review * days / DAYS_PER_YEAR
                    goal = critical_ratio(items.stockout_cost[chosen], held[chosen])
                elif kind == "cycle":
                    goal = goal + (1 - goal) * block.merged[mine]
                part = model if len(mine) == len(rows) else model.take(mine)
                point[chosen] = part.reorder_point(measure, goal)
                if kind == "economic" and isinstance(part.whole, Spread):
                    mean = (terms.rate * terms.review)[chosen] * (part.reviews + 1)
                    ranked = shared_level(part.whole, mean, part.reviews, goal)
                    point[chosen] = np.minimum(point[chosen], ranked)
        mine = np.flatnonzero(asked == "overall")
        if len(mine):
            together.append((rows[mine], model if len(mine) == len(rows) else model.take(mine)))
    money = Money(
        rate=terms.rate,
        review=terms.review,
        cost=items.unit_cost,
        margin=items.stockout_cost,
        held=items.unit_cost * items.holding_rate * days / DAYS_PER_YEAR,
        whole=whole_units,
    )
    for members in groups_of(together, items.service_group):
        for rows, values in overall_points(members, items.target, money):
            point[rows] = values
    # A position at 0 loses sales and never falls below: with nothing to order at 0 it would stay there.
    stuck = (items.unmet == "lost") & (rise <= 0) & (terms.smallest > terms.unit) & (terms.rate > 0)
    point = np.where(stuck, np.maximum(point, terms.unit), point)
    point = kinds.points(items, point)
    return _finished(
        items,
        blocks,
        terms,
        spare,
        expected=expected,
        short=short,
        point=np.where(whole_units, np.ceil(point - 1e-5), grained(point)),
        rise=rise,
        shelf_limit=shelf_limit,
        unsellable=unsellable,
        whole_units=whole_units,
        days=days,
        levels_given=demand.levels,
    )


def served_share(items: Items) -> Array:
    """Share of demand that will be served, as far as it is known before the levels are."""
    asked = np.isin(items.target_kind, ("fill", "overall"))
    return np.where(items.unmet == "lost", np.where(asked, np.maximum(items.target, 0.5), _USUAL_FILL), 1.0)


def _shelf_limit(items: Items, reader: DemandReader, days: float, whole_units: Array) -> Array:
    """Mean demand until what is ordered now expires: a larger position would be thrown away."""
    limited = np.isfinite(items.shelf_life_days)
    if not np.any(limited):
        return np.full(len(items), np.inf)
    until = np.where(
        limited, (items.lead_time_mean + np.where(limited, items.shelf_life_days, 0.0)) / days, 0.0
    )
    mean = reader.interval(until)[0]
    mean = np.where(whole_units, np.floor(mean + 1e-6), grained(mean))
    return np.where(limited, mean, np.inf)


def _finished(
    items: Items,
    blocks: list[Block],
    terms: Terms,
    spare: tuple[Array, Array],
    *,
    expected: Array,
    short: Array,
    point: Array,
    rise: Array,
    shelf_limit: Array,
    unsellable: Array,
    whole_units: Array,
    days: float,
    levels_given: tuple[float, ...],
) -> Levels:
    """Levels held down by maximum stock and shelf life, and the service of what remains."""
    up_to = point + rise
    cap = np.where(whole_units, np.floor(items.max_stock + 1e-9), grained_down(items.max_stock))
    at_max = up_to > cap
    point, up_to = np.minimum(point, cap), np.minimum(up_to, cap)
    at_shelf = up_to > shelf_limit
    # An order below the smallest is not made: under a shelf life the review waits until one fits.
    wait = np.where(terms.smallest > terms.unit, shelf_limit - terms.smallest, shelf_limit)
    wait = grained_down(np.maximum(wait, 0.0))
    point, up_to = np.minimum(point, wait), np.minimum(up_to, np.maximum(shelf_limit, 0.0))
    up_to = np.maximum(up_to, point)
    never = (cap <= 0) | (items.policy_kind == "not-bought")
    never |= (items.target_kind == "economic") & (items.stockout_cost <= 0) & (terms.rate > 0)
    point, up_to = np.where(never, -1.0, point), np.where(never, -1.0, up_to)
    fill, cycle, held = np.empty(len(items)), np.empty(len(items)), np.empty((3, len(items)))
    for block in blocks:
        rows, model = block.rows, block.model
        changed = np.flatnonzero((up_to - point)[rows] != rise[rows])
        outcome = model.evaluate(np.maximum(point[rows], 0.0))
        fill[rows], cycle[rows] = outcome.fill, outcome.cycle
        held[:, rows] = stock_held(model, point[rows], outcome.fill, terms.review[rows])
        if len(changed):
            sub = rows[changed]
            part = model.take(changed)
            rises = (up_to - point)[sub]
            recycled = wide_cycle(
                block.review().take(changed), part.cycle.none, terms.take(sub), rises, cycles.CHAIN_CELLS
            )
            part = replace(part, cycle=recycled)
            outcome = part.evaluate(np.maximum(point[sub], 0.0))
            fill[sub], cycle[sub] = outcome.fill, outcome.cycle
            held[:, sub] = stock_held(part, point[sub], outcome.fill, terms.review[sub])
        cycle[rows] = np.maximum((cycle[rows] - block.merged) / (1 - block.merged), 0.0)
    empty = (items.unmet == "lost") & (up_to <= 0)
    bought = ~(never | empty) | (terms.rate <= 0)
    return Levels(
        expected_demand=expected,
        reorder_point=point,
        order_up_to=up_to,
        fill_rate=np.where(bought, fill, 0.0),
        cycle_service=np.where(bought, cycle, 0.0),
        shelf_limit=shelf_limit,
        short=short,
        at_max_stock=at_max,
        at_shelf_life=at_shelf,
        unsellable=unsellable,
        quantiles=spare[1],
        mean=spare[0],
        stock=np.where(bought, held[0], 0.0),
        cycle_stock=np.where(bought, held[1], 0.0),
        order_days=np.where(bought & (terms.rate > 0), held[2] * terms.review * days, np.inf),
        given=levels_given,
    )
