"""What the response is estimated from: demand that was seen, log prices, and promotions, on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.cleaning import CleanDemand
from forecasting.core.explain import group_of
from forecasting.core.panel import Panel
from forecasting.core.response.series import MOST_LOG_PRICE

Array = npt.NDArray[Any]

PRICE = "price"
# Older periods say little about the buyers of today.
_REACH = {"D": 730, "W": 156, "M": 60}
# A change of the price by less is none.
_LEAST_CHANGE = 0.01
# Prices that are known so much more often where something sold are those of sales, not of a list ...
_TELLS_SALES = 0.5
# ... and can be used where so few periods sold nothing that leaving these out changes little.
_MOST_UNSOLD = 0.2
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Regressors:
    """Arrays (T, N) float32 of the last T periods: ``units`` seen (0 where they don't count), ``weight`` 0..1
    of each, ``price`` as log(price / usual price) and ``promotion``, the share of the period promoted.

    ``changes`` (N,) counts changes of the price among periods that count, ``promoted`` (N,) those promoted.
    """

    units: Array
    weight: Array
    price: Array
    promotion: Array
    changes: Array
    promoted: Array

    @classmethod
    def of(cls, panel: Panel, clean: CleanDemand, threads: int = 1) -> Regressors | None:
        """Of a cleaned panel; None where it has neither prices nor promotions.

        Left out: stock-outs (seen and likely), what is unknown, and the time before launch and after the end.
        One-off orders count little, as in training. A price holds until the next one is known.
        """
        periods = panel.periods
        recent = slice(max(0, periods - _REACH[panel.freq]), periods)
        columns = {
            name: column.values[recent]
            for name, column in (panel.past | panel.known).items()
            if not column.categorical
        }
        prices = columns.get(PRICE)
        flags = [values for name, values in columns.items() if group_of(f"known_{name}") == "promotion"]
        if prices is None and not flags:
            return None
        asked = None if panel.asked is None else panel.asked[recent]
        shape = panel.y[recent].shape
        units, weight, price, promotion = (np.zeros(shape, dtype=np.float32) for _ in range(4))
        changes, promoted = (np.zeros(panel.count, dtype=np.int32) for _ in range(2))
        demand, estimated = clean.demand[recent], clean.estimated[recent]

        def fill(part: slice) -> None:
            hidden = estimated[:, part] | ~np.isfinite(demand[:, part])
            counts = np.where(hidden, 0, clean.weight[recent, part])
            if prices is not None:
                own = prices[:, part]
                if asked is not None:
                    own = np.where(asked[:, part], own, np.float32(np.nan))
                logs, known = _log_prices(own, panel.y[recent, part], counts > 0)
                price[:, part] = logs
                counts = np.where(known, counts, 0)
                moved = np.abs(np.diff(logs, axis=0)) > _LEAST_CHANGE
                changes[part] = (moved & (counts[1:] > 0) & (counts[:-1] > 0)).sum(axis=0)
            for values in flags:
                np.maximum(
                    promotion[:, part], np.clip(np.nan_to_num(values[:, part]), 0, 1), out=promotion[:, part]
                )
            weight[:, part] = counts
            units[:, part] = np.where(counts > 0, demand[:, part], 0)
            promoted[part] = ((promotion[:, part] > 0) & (counts > 0)).sum(axis=0)

        with np.errstate(invalid="ignore", divide="ignore"):
            in_chunks(fill, panel.count, _CHUNK, threads)
        return cls(units, weight, price, promotion, changes, promoted)


def _log_prices(prices: Array, sold: Array, counts: Array) -> tuple[Array, Array]:
    """log(price / usual price) (T, B), 0 where there is none to tell, and where a period may count.

    A series that has no usable price keeps all its periods, at a price that never changes.
    """
    known = np.isfinite(prices) & (prices > 0)
    is_sold = sold > 0
    share_sold = _share(known, is_sold & counts)
    share_unsold = _share(known, ~is_sold & counts)
    unsold = 1 - _share(is_sold, counts)
    of_sales = (share_sold - share_unsold > _TELLS_SALES) & (unsold > 0)
    usable = known.any(axis=0) & (~of_sales | (unsold <= _MOST_UNSOLD))
    logs = np.log(np.where(known, prices, 1), dtype=np.float32)
    last = np.maximum.accumulate(np.where(known, np.arange(len(prices))[:, None], -1), axis=0)
    held = known | ((last >= 0) & ~of_sales)
    logs = np.take_along_axis(logs, np.maximum(last, 0), axis=0)
    usual = np.zeros(prices.shape[1], dtype=np.float32)
    if usable.any():
        usual[usable] = np.nanmedian(np.where(held, logs, np.nan)[:, usable], axis=0)
    x = np.clip(logs - usual, -MOST_LOG_PRICE, MOST_LOG_PRICE)
    return np.where(held & usable, x, 0), held | ~usable


def _share(what: Array, among: Array) -> Array:
    """(B,) share of the periods ``among`` which ``what`` is true; 0 where there are none."""
    number = among.sum(axis=0)
    return np.asarray((what & among).sum(axis=0) / np.maximum(number, 1))
