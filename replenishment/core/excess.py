"""What it is worth to keep excess stock, and to get rid of it.

A unit that stands x units above what the policy would hold is in the way until demand has taken x units: only
then would it be bought if it were not there. Keeping it saves its cost then, unless it has perished or gone
out of use before, and costs its holding until then. With D(t) the demand up to t, c the unit cost, r the
holding rate and u the time after which nothing is left of it, x units are worth

    W(x) = c E[min(D(u), x)] - c r integral over 0..u of E[(x - D(t))+] dt.

The last of them is worth W'(x) = c P(D(u) >= x) - c r E[min(T(x), u)], T(x) being the time until demand has
taken x units. It is kept as long as that is more than what it brings today (Rosenfield 1989, "Disposal of
excess inventory", Operations Research 37, for random demand). With steady demand and nothing lost by age this
is the rule of Silver, Pyke and Thomas, *Inventory and Production Management in Supply Chains*, on reducing
excess inventories: keep what sells in (c - g) / (c r) years above the cycle, g being today's proceeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import DemandDistribution
from replenishment.core.dated import MeanDemand
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.reader import DemandReader
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_POINTS = 25  # units between none and all of the excess at which the worth is kept
_NODES = 10  # of the integral over time
_SHARES = np.linspace(0.0, 1.0, _POINTS)


class Outlook:
    """Expected losses of demand of N items over any number of days."""

    def __init__(self, demand: DemandDistribution, places: Array) -> None:
        """``places`` (N,) are the items' positions in the distribution."""
        self._reader = DemandReader(demand, places, 1.0)
        self.mean = MeanDemand(demand, places)

    def losses(self, days: Array, stock: Array, rows: Array | None = None) -> tuple[Array, Array]:
        """Mean demand (M,) of items ``rows`` (M,) over ``days`` (M,), and demand above ``stock`` (M, P)."""
        mean, quantiles, _ = self._reader.interval(days, rows)
        return mean, Spread.from_quantiles(quantiles, self._reader.levels, mean).loss(stock)

    def quantile(self, days: Array, level: float) -> Array:
        """The demand (N,) over ``days`` (N,) that is not exceeded with chance ``level``."""
        mean, quantiles, _ = self._reader.interval(days)
        spread = Spread.from_quantiles(quantiles, self._reader.levels, mean)
        return spread.quantile(np.full(len(mean), level))


@dataclass(frozen=True, eq=False)
class Worth:
    """W of N items in money: ``table`` (N, P) at even steps from 0 to ``most`` (N,) units of excess.

    Below 0 units are missing units, which cost ``unit_cost`` (N,) each.
    """

    most: Array
    table: Array
    unit_cost: Array

    def at(self, units: Array) -> Array:
        """W (N, K) at ``units`` (N, K), straight lines between the steps."""
        step = np.where(self.most > 0, self.most, 1.0)[:, None] / (_POINTS - 1)
        place = np.clip(units / step, 0.0, _POINTS - 1)
        low = np.minimum(place.astype(np.int64), _POINTS - 2)
        before = np.take_along_axis(self.table, low, axis=1)
        after = np.take_along_axis(self.table, low + 1, axis=1)
        inside = before + (place - low) * (after - before)
        return np.where(units < 0, units * self.unit_cost[:, None], inside)

    def lost(self, units: Array, gone: Array) -> Array:
        """What is given up (N, K) by having ``gone`` (N, K) less than ``units`` (N,)."""
        return self.at(units[:, None]) - self.at(units[:, None] - gone)


def worth(
    outlook: Outlook,
    *,
    most: Array,
    needed: Array,
    unit_cost: Array,
    holding_rate: Array,
    usable_days: Array,
    perishes: Array,
) -> Worth:
    """W up to ``most`` (N,) units above ``needed`` (N,), the stock position that the policy would hold.

    ``unit_cost`` in money, ``holding_rate`` a share of it a year, ``usable_days`` until nothing is left.
    Where goods perish (N,) by that time, what is needed has to sell before the excess does.
    """
    units = most[:, None] * _SHARES
    before = np.where(perishes, needed, 0.0)[:, None]
    mean, loss = outlook.losses(usable_days, np.hstack([before, before + units]))
    sold = (mean[:, None] - loss[:, 1:]) - (mean - loss[:, 0])[:, None]
    held = holding_rate[:, None] / DAYS_PER_YEAR * _waiting(outlook, units, usable_days)
    return Worth(most, unit_cost[:, None] * (np.maximum(sold, 0.0) - held), unit_cost)


def _waiting(outlook: Outlook, units: Array, usable_days: Array) -> Array:
    """The integral of E[(x - D(t))+] up to ``usable_days`` (N,) for ``units`` (N, P), in unit-days.

    That of (x - E[D(t)])+ is exact; what random demand adds to it is a bump where the mean reaches x.
    """
    waiting = np.column_stack([outlook.mean.unit_days(column, usable_days) for column in units.T])
    # Squares of Gauss-Legendre nodes: much of the excess goes soon, some of it late.
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        mean, loss = outlook.losses(usable_days * node**2, units)
        more = np.maximum(loss - np.maximum(mean[:, None] - units, 0.0), 0.0)
        waiting += weight * 2 * node * usable_days[:, None] * more
    return waiting


def disposal(
    found: Worth, *, units: Array, limit: Array, proceeds: Array, unit: Array
) -> tuple[Array, Array]:
    """How much of ``units`` (N,) of excess to give away for ``proceeds`` (N,) each, and what that gains.

    At most ``limit`` (N,), in whole multiples of ``unit`` (N,). Quantities and money (N,); 0 where it pays
    nothing.
    """
    top = np.maximum(np.minimum(limit, units), 0.0)
    tried = np.floor(top[:, None] * _SHARES / unit[:, None] + 1e-9) * unit[:, None]
    gain = proceeds[:, None] * tried - found.lost(units, tried)
    best = np.argmax(gain, axis=1)[:, None]
    quantity = np.take_along_axis(tried, best, axis=1)[:, 0]
    return quantity, np.take_along_axis(gain, best, axis=1)[:, 0]


@dataclass(frozen=True, eq=False)
class Markdown:
    """The price cut that pays best (N,): ``cut`` a share of the price, ``sold`` units expected within the
    window, ``more`` of them than at full price, ``gain`` in money (0 and less: none pays)."""

    cut: Array
    sold: Array
    more: Array
    gain: Array


CUTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def markdown(
    outlook: Outlook,
    found: Worth,
    *,
    units: Array,
    on_hand: Array,
    price: Array,
    holding_rate: Array,
    elasticity: float,
    window_days: float,
) -> Markdown:
    """Sell ``units`` (N,) of excess, out of ``on_hand`` (N,), at a lower price for ``window_days``.

    Demand of constant elasticity e: at a price cut by a share k it is (1 - k) ** -e times as much. All sales
    of the window bring the lower price; more units sold are held for half of the window less, and give up
    their worth. No price cut below which the window's stock is gone anyway is better than a smaller one.
    """
    count = len(units)
    days = np.full(count, window_days)
    mean, loss = outlook.losses(days, on_hand[:, None])
    stock = np.maximum(on_hand, 0.0)
    # The loss is of a distribution whose mean may differ from the forecast's by a little.
    plain = np.clip(mean - loss[:, 0], 0.0, stock)
    kept = found.at((units - plain)[:, None])[:, 0]
    held = found.unit_cost * holding_rate * window_days / DAYS_PER_YEAR / 2
    best = Markdown(np.zeros(count), plain.copy(), np.zeros(count), np.zeros(count))
    for cut in CUTS:
        factor = (1 - cut) ** -elasticity
        _, loss = outlook.losses(days, (on_hand / factor)[:, None])
        sold = np.clip(factor * (mean - loss[:, 0]), 0.0, stock)
        more = np.maximum(sold - plain, 0.0)
        left = found.at((units - sold)[:, None])[:, 0]
        gain = price * ((1 - cut) * sold - plain) + left - kept + held * more
        better = gain > best.gain
        for mine, new in ((best.cut, cut), (best.sold, sold), (best.more, more), (best.gain, gain)):
            mine[better] = new if isinstance(new, float) else new[better]
    return best
