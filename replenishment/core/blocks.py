"""Long-run models of alike items: slow or not, lead time random or not, cycle wide or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core import cycle as cycles
from replenishment.core import leadtime
from replenishment.core.counts import Counts, read_slow
from replenishment.core.items import Items
from replenishment.core.reader import DemandReader
from replenishment.core.service import Model
from replenishment.core.spread import Spread, mixed
from replenishment.core.tails import pinned

Array = npt.NDArray[Any]

_BLOCK = 2048  # items worked on at once: what fits a processor's cache


@dataclass(frozen=True, eq=False)
class Terms:
    """Supply terms of N items on the policy's grid."""

    review: Array  # periods
    unit: Array  # smallest quantity that counts
    multiple: Array
    smallest: Array
    rate: Array  # mean demand of a period, stationary at that of the protection interval
    served: Array  # share of demand that takes from the position

    def take(self, rows: Array) -> Self:
        """Some items only."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True, eq=False)
class Block:
    """Items worked on together: ``rows`` (positions), their model, and what makes their demand of a review
    period, which is too large to keep.

    ``merged`` is the share of their orders that arrive together with the one before: of cycles as `Model`
    counts them, which are of orders, so many are none from receipt to receipt, and without a stock-out.
    """

    rows: Array
    model: Model
    review: Callable[[], Spread | Counts]
    merged: Array


def long_run_blocks(
    items: Items, reader: DemandReader, terms: Terms, spare: tuple[Array, Array], rise: Array, days: float
) -> list[Block]:
    """Long-run models of alike items: slow or not, lead time random or not, cycle wide or not."""
    fixed = leadtime.constant(items.lead_time_mean, days).periods[:, 0]
    total = fixed + terms.review
    whole = (terms.rate * total, spare[1].copy())
    own = np.flatnonzero(total != (items.lead_time_mean + items.review_days) / days)
    if len(own):  # elsewhere the grid's interval is the stated one, which has been read
        given = (spare[0][own], spare[1][own])
        whole[0][own], whole[1][own] = reader.stationary(total[own], terms.rate[own], given, own)
    ratio, slow = read_slow(reader, whole[1], (terms.unit == 1.0) & (terms.rate > 0))
    random = (items.lead_time_sd > 0) & (items.lead_time_mean > 0)
    narrow = (rise <= 0) & (terms.smallest <= terms.unit + 1e-12)
    plain = (terms.smallest <= rise) & (terms.multiple <= terms.unit)
    kind = plain * 8 + slow * 4 + random * 2 + narrow
    found: list[Block] = []
    for value in np.unique(kind).tolist():
        group = np.flatnonzero(kind == value)
        for start in range(0, len(group), _BLOCK):
            rows = group[start : start + _BLOCK]
            part = terms.take(rows)

            def over(periods: Array, rows: Array = rows, value: int = value) -> Spread | Counts:
                if value & 4:
                    return Counts.negative_binomial(terms.rate[rows] * periods, ratio[rows])
                given = (spare[0][rows], spare[1][rows])
                mean, quantiles = reader.stationary(periods, terms.rate[rows], given, rows)
                return pinned(Spread.from_quantiles(quantiles, reader.levels, mean), mean)

            base = over(fixed[rows] + part.review) if value & 4 else _spread(whole, rows, reader.levels)
            remake = partial(_over_review, base, part.review, total[rows], over)
            review = remake()
            none = cycles.none_chance(review, part.unit)
            cells = cycles.CELLS if value & 8 else cycles.CHAIN_CELLS
            cycle = cycles.single(none) if value & 1 else wide_cycle(review, none, part, rise[rows], cells)
            time = leadtime.LeadTime(fixed[rows, None], np.ones((len(rows), 1)))
            merged = np.zeros(len(rows))
            if value & 2:
                gap = part.review * cycle.reviews
                mean, deviation = items.lead_time_mean[rows], items.lead_time_sd[rows]
                time = leadtime.gamma(mean, deviation, days, gap)
                gaps = np.column_stack([part.review, gap])
                merged = leadtime.merging(time, mean, deviation, days, gaps)
            leads, wholes = [], []
            for node in range(time.periods.shape[1]):
                lasts = time.periods[:, node]
                all_of_it = over(lasts + part.review) if value & 2 else base
                wholes.append(all_of_it)
                if not value & 2 and np.array_equal(lasts, part.review):
                    leads.append(review)  # lead time and review are as long as each other
                elif value & 4:
                    leads.append(over(lasts))
                else:
                    leads.append(_shorter(all_of_it, lasts, lasts + part.review))
            model = Model.of(
                _mixture(leads, time.weights),
                _mixture(wholes, time.weights),
                cycle,
                reviews=time.mean / part.review,
                unit=part.unit,
                lost=items.unmet[rows] == "lost",
            )
            found.append(Block(rows, model, remake, merged))
    return found


def _spread(demand: tuple[Array, Array], rows: Array, levels: tuple[float, ...]) -> Spread:
    """Of means (N,) and quantiles (N, Q) of all items, some."""
    return pinned(Spread.from_quantiles(demand[1][rows], levels, demand[0][rows]), demand[0][rows])


def wide_cycle(review: Spread | Counts, none: Array, terms: Terms, rise: Array, cells: int) -> cycles.Cycle:
    """The cycle of items whose orders bring more than what the review took (``rise`` (N,) and packs)."""
    return cycles.wide(
        review,
        none,
        served=terms.served,
        unit=terms.unit,
        rise=rise,
        smallest=terms.smallest,
        multiple=terms.multiple,
        cells=cells,
    )


def _over_review(
    base: Spread | Counts, review: Array, total: Array, over: Callable[[Array], Spread | Counts]
) -> Spread | Counts:
    return over(review) if isinstance(base, Counts) else _shorter(base, review, total)


def _shorter(whole: Spread | Counts, periods: Array, of: Array) -> Spread | Counts:
    if isinstance(whole, Counts):
        raise TypeError("counts are made for each interval")
    return whole.shortened(periods / of)


def _mixture(parts: list[Spread | Counts], weights: Array) -> Spread | Counts:
    if len(parts) == 1:
        return parts[0]
    counts = [part for part in parts if isinstance(part, Counts)]
    if counts:
        firsts = np.stack([part.first for part in counts])
        return Counts.from_first(np.einsum("jik,ij->ik", firsts, weights))
    return mixed([part for part in parts if isinstance(part, Spread)], weights)
