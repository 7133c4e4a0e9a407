"""What series sold in their first periods and lately, out of a long demand panel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import Freq
from forecasting.core.launch.curve import FIRST_PERIODS, HANDED_OVER, launch_curve
from forecasting.core.launch.level import Scatter

Array = npt.NDArray[Any]

# A first sale sooner after the panel's begin may be anything; a launch longer ago than a year tells less of a
# product than what it sells today.
_QUIET, _RECENT = timedelta(weeks=13), timedelta(weeks=52)


@dataclass(frozen=True, eq=False)
class History:
    """N series in order of the panel. ``first`` (N,) are their first periods' labels, datetime64[D].

    ``units`` (N, W) are those of their first periods, NaN where not passed, unknown or out of stock;
    ``lately`` (N,) is the mean of the last eight weeks; ``periods`` (N,) how many have passed; ``launched``
    (N,) is true where the launch is on record: the series began well after the panel did.
    """

    unique_id: list[str]
    freq: Freq
    as_of: date
    first: Array
    units: Array
    lately: Array
    periods: Array
    launched: Array

    @classmethod
    def of(cls, panel: pl.DataFrame, *, as_of: date, freq: Freq) -> Self:
        """From ``unique_id, ds, y`` and optional ``in_stock``, each series dense from its first sale on."""
        width, many = HANDED_OVER[freq] + FIRST_PERIODS[freq], FIRST_PERIODS[freq]
        y = pl.col("y")
        if "in_stock" in panel.columns:
            y = pl.when(pl.col("in_stock").fill_null(value=True)).then(y)
        table = (
            panel.lazy()
            .filter(pl.col("ds") <= as_of)
            .sort("unique_id", "ds")
            .with_columns(y.cast(pl.Float64).alias("seen"))
            .group_by("unique_id", maintain_order=True)
            .agg(
                pl.col("ds").first().alias("first"),
                pl.len().alias("periods"),
                pl.col("seen").head(width).alias("units"),
                pl.col("seen").tail(many).mean().fill_null(0.0).alias("lately"),
            )
            .collect()
        )
        units = np.full((table.height, width), np.nan)
        length = table["units"].list.len().to_numpy()
        place = np.arange(width)[None] < length[:, None]
        values = table["units"].list.explode(keep_nulls=True, empty_as_null=False)
        units[place] = values.to_numpy().astype(np.float64)
        first = table["first"].to_numpy().astype("datetime64[D]")
        begin = first.min() if len(first) else np.datetime64(as_of)
        return cls(
            unique_id=table["unique_id"].cast(pl.String).to_list(),
            freq=freq,
            as_of=as_of,
            first=first,
            units=units,
            lately=table["lately"].to_numpy(),
            periods=table["periods"].to_numpy().astype(np.int64),
            launched=first >= begin + np.timedelta64(_QUIET),
        )

    def course(self, length: int) -> tuple[Array, Scatter]:
        """The launch curve (length,) of the launches on record, and how their weeks scatter about it."""
        first = FIRST_PERIODS[self.freq]
        launches = self.units[self.launched]
        curve = launch_curve(launches, length, first)
        whole = np.isfinite(launches[:, :first]).all(axis=1) if len(launches) else np.zeros(0, dtype=bool)
        return curve, Scatter.of(launches[whole, :first], launch_curve(launches, first, first))

    def own(self, curve: Array, rows: Array, until: Array) -> tuple[Array, Array, Array]:
        """Units, exposure on the curve, number of known first periods before ``until`` (n,) of ``rows``."""
        width = min(self.units.shape[1], len(curve))
        known = np.isfinite(self.units[rows, :width]) & (np.arange(width)[None] < until[:, None])
        return (
            np.where(known, self.units[rows, :width], 0).sum(axis=1),
            (known * curve[None, :width]).sum(axis=1),
            known.sum(axis=1),
        )

    def levels(self, curve: Array, age: Array | None = None) -> tuple[Array, Array]:
        """Levels (N,) in units a period, and the share (N,) of their first periods that has been seen.

        Of launches of the last year: what they sold in their first eight weeks, as far as these have passed;
        of all else what they sell lately, with share NaN. ``age`` (N,) pretends that so many periods passed.
        """
        first = FIRST_PERIODS[self.freq]
        rows = np.arange(len(self.first))
        until = np.minimum(self.periods if age is None else age, first)
        units, exposure, _ = self.own(curve[:first], rows, until)
        recent = self.launched & (self.first > np.datetime64(self.as_of - _RECENT)) & (exposure > 0)
        level = np.where(recent, units / np.maximum(exposure, 1e-9), self.lately)
        return level, np.where(recent, exposure / curve[:first].sum(), np.nan)
