"""Which supplier to buy from: what a unit costs until it is on the shelf, safety stock included.

Landed cost of a unit = price at the price break that a typical order reaches + freight + duty, in the home
currency, + what the safety stock that this supplier makes necessary costs to hold, per unit of demand:

    safety stock = z sqrt(variance of demand over lead time + review + (daily demand x lead time deviation)^2)
    holding      = holding rate x (price + freight + duty) x safety stock / yearly demand

Safety stock with a random lead time: Silver, Pyke and Thomas, "Inventory and Production Management in Supply
Chains", 6.10. It ranks suppliers; what is held is found from the distribution once one is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.constraints import smallest_order
from replenishment.core.economics import DAYS_PER_YEAR, eoq
from replenishment.core.price_breaks import Prices, raised

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class LandedCosts:
    """Of N offers, per unit in the home currency: ``price``, ``freight``, ``duty`` and ``holding`` of the
    ``safety_stock`` (units); ``quantity`` is the order that the price is for.
    """

    quantity: Array
    price: Array
    freight: Array
    duty: Array
    safety_stock: Array
    holding: Array

    @property
    def landed(self) -> Array:
        """What a unit costs on the shelf (N,)."""
        return np.asarray(self.price + self.freight + self.duty)

    @property
    def total(self) -> Array:
        """The same with the safety stock's cost: what suppliers are compared by (N,)."""
        return np.asarray(self.landed + self.holding)


def landed_costs(
    prices: Prices,
    *,
    rate: Array,
    freight: Array,
    duty_rate: Array,
    order_cost: Array,
    moq: Array,
    multiple: Array,
    lead_time_sd: Array,
    review_days: Array,
    daily_demand: Array,
    deviation: Array,
    holding_rate: Array,
    target: Array,
) -> LandedCosts:
    """Landed costs of N offers; ``prices`` and ``freight`` in the offer's currency, of which one is worth
    ``rate`` of the home currency, ``order_cost`` of an order line in the home currency.

    ``deviation`` is that of demand over the offer's lead time + review; ``target`` (above 0, below 1) the
    service that safety stock is compared for. A typical order is the demand of a review or the EOQ, raised
    where price breaks pay, within a year's demand and the smallest order.
    """
    from scipy.special import ndtri

    yearly = daily_demand * DAYS_PER_YEAR
    home = Prices(prices.starts, prices.costs * rate[:, None], prices.incremental)
    landed = home.landed(duty_rate, freight * rate)
    least = smallest_order(moq, multiple)
    wanted = eoq(order_cost, yearly, holding_rate * landed.costs[:, 0])[0]
    wanted = np.minimum(np.maximum(wanted, daily_demand * review_days), yearly)
    typical = np.maximum(np.ceil(wanted / multiple - 1e-9) * multiple, least)
    typical = raised(
        typical,
        landed,
        order_cost=order_cost,
        demand=yearly,
        holding_rate=holding_rate,
        multiple=multiple,
        most=np.full(len(typical), np.inf),
    )
    price = home.unit_cost_at(typical)
    duty, carriage = price * duty_rate, freight * rate
    spread = np.sqrt(deviation**2 + (daily_demand * lead_time_sd) ** 2)
    safety = np.maximum(ndtri(target), 0.0) * spread
    share = np.divide(safety, yearly, out=np.zeros_like(safety), where=yearly > 0)
    return LandedCosts(
        typical, price, carriage, duty, safety, holding_rate * (price + carriage + duty) * share
    )


def chosen(item: Array, rank: Array, comparable: Array, total: Array) -> Array:
    """The offer that each item is bought on: a mask (N,) with one per value of ``item`` (N,).

    The lowest ``rank``, which is the buyer's word, then the lowest ``total``; offers whose costs are not
    ``comparable`` (no exchange rate) come after the others of their rank, equal ones in their order.
    """
    order = np.lexsort((np.arange(len(item)), np.where(comparable, total, 0.0), ~comparable, rank, item))
    first = np.append(True, np.diff(item[order]) != 0) if len(order) else np.zeros(0, dtype=bool)
    mask = np.zeros(len(item), dtype=bool)
    mask[order[first]] = True
    return mask
