"""Where a series' demand differs from its sales, or teaches less: packed for storage, unpacked for charts.

A record is 7 bytes, little-endian: periods back from the last one (uint16; 0 is the one that ends history),
reason (uint8), and latent demand (float32, units; NaN where unknown).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from forecasting.core.cleaning.demand import CleanDemand

Array = npt.NDArray[Any]

_RECORD = np.dtype([("back", "<u2"), ("reason", "u1"), ("demand", "<f4")])
# Two years of weeks, a little over one of days, three of months.
_REACH = {"D": 400, "W": 104, "M": 36}


@dataclass(frozen=True, eq=False)
class Corrections:
    """One series' corrected periods, the latest first.

    ``back`` counts periods back from the last one of history, ``reason`` holds codes of `Reason`, ``demand``
    units (NaN where unknown); all (n,).
    """

    back: Array
    reason: Array
    demand: Array


def pack(clean: CleanDemand) -> list[bytes]:
    """The corrections of every series over the last 400 days, 104 weeks or 36 months; b"" where none.

    Only what a reader can see in sales is kept: not the periods before launch or after the end of life.
    """
    from forecasting.core.cleaning.demand import Reason

    periods, count = clean.reason.shape
    recent = clean.reason[max(0, periods - _REACH[clean.freq]) :][::-1]
    shown = (recent != Reason.NONE) & (recent != Reason.BEFORE_LAUNCH) & (recent != Reason.AFTER_END)
    series, back = np.nonzero(shown.T)
    records = np.empty(len(series), dtype=_RECORD)
    records["back"] = back
    records["reason"] = recent[back, series]
    records["demand"] = clean.demand[periods - 1 - back, series]
    data = records.tobytes()
    stops = np.cumsum(np.bincount(series, minlength=count)) * _RECORD.itemsize
    result, begin = [], 0
    for stop in stops.tolist():
        result.append(data[begin:stop])
        begin = stop
    return result


def unpack(blob: bytes | memoryview) -> Corrections:
    """What `pack` stored of one series. Raises ValueError for bytes that are no whole records."""
    records = np.frombuffer(blob, dtype=_RECORD)
    return Corrections(
        records["back"].astype(np.int64),
        records["reason"].astype(np.int64),
        records["demand"].astype(np.float64),
    )
