"""Lead times learned from receipts, shrunk to what is stated.

A delivery is what came in of one order on one day (or is overdue, as if it came in today). Its slip is its
lead time less the stated one of its lines: what is learned of a supplier holds for each of its products,
whatever their stated lead times. Slips of a supplier at a location vary around a mean of their own, which
lies around the supplier's elsewhere, and that around 0, the stated lead time (empirical Bayes: Efron and
Morris 1975; Carlin and Louis, "Bayesian Methods for Data Analysis", 5.2):

    elsewhere = n_e slip_e / (n_e + k)                        all other locations of the supplier
    slip      = (n slip_l + k elsewhere) / (n + k)            this location
    mean      = max(0, stated mean + slip)

n is the effective number of deliveries, ``sum(w)^2 / sum(w^2)`` with the weights w (Kish 1965). k = variance
within / variance between is estimated from all suppliers by moments (DerSimonian and Laird 1986) and held
between 1 and 10, since few suppliers say little of it: from ten deliveries on, these count for half or more.
Variances are shrunk in the same way, with n - 1 degrees of freedom, to the stated deviation's, or where none
is stated to that of all deliveries around their suppliers' means. The deviation is that of the next delivery,
the doubt about the mean included: variance (1 + 1 / (n + k)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]

LEAST_WEIGHT, MOST_WEIGHT = 1.0, 10.0  # of what is stated, in deliveries
_PLACE = ["supplier_id", "location_id"]
_SUMS = ["receipts", "n", "total", "squares", "freedom"]


@dataclass(frozen=True, eq=False)
class LeadTimes:
    """``mean_days`` and ``sd_days`` (N,), and from how many deliveries (N,) they were learned (0: stated)."""

    mean_days: Array
    sd_days: Array
    receipts: Array


@dataclass(frozen=True)
class Pool:
    """What all suppliers together say: the ``weight`` k of what is stated, in deliveries, and the
    ``variance`` of slips about their supplier's mean, in days squared.
    """

    weight: float = MOST_WEIGHT
    variance: float = 0.0

    @classmethod
    def of(cls, deliveries: pl.DataFrame) -> Self:
        """Estimated from the ``deliveries`` of all suppliers (see `lead_times_learned`)."""
        return cls(*_spread(_summed(deliveries, ["supplier_id"])))


def lead_times_learned(rows: pl.DataFrame, deliveries: pl.DataFrame, pool: Pool | None = None) -> LeadTimes:
    """Lead times of ``rows`` (supplier_id, location_id, lead_time_days, lead_time_sd_days: the stated ones).

    ``deliveries`` has supplier_id, location_id, ``slip_days`` and ``weight``, the share (above 0) of its
    order that came in. Rows of a supplier without deliveries keep what is stated. Where they are of some
    suppliers only, ``pool`` is that of all; None: of these.
    """
    pool = pool or Pool.of(deliveries)
    stated, stated_sd = (
        rows[name].cast(pl.Float64).to_numpy() for name in ("lead_time_days", "lead_time_sd_days")
    )
    own = _summed(deliveries, _PLACE)
    k, pooled = pool.weight, pool.variance
    sums = own.group_by("supplier_id").agg(pl.col(_SUMS).sum())
    keys = rows.select(_PLACE)
    here = keys.join(own, on=_PLACE, how="left", maintain_order="left")
    everywhere = keys.join(sums, on="supplier_id", how="left", maintain_order="left")

    def others(name: str) -> Array:
        return np.asarray(np.maximum(_column(everywhere, name) - _column(here, name), 0.0))

    n, far = _column(here, "n"), others("n")
    elsewhere = (_column(everywhere, "total") - _column(here, "total")) / (far + k)
    slip = (_column(here, "total") + k * elsewhere) / (n + k)
    prior = np.where(stated_sd > 0, stated_sd**2, pooled)
    around = (others("squares") + k * prior) / (others("freedom") + k)
    variance = (_column(here, "squares") + k * around) / (_column(here, "freedom") + k)
    deviation = np.sqrt(variance * (1 + 1 / (n + far + k)))
    receipts = np.where(n > 0, _column(here, "receipts"), _column(everywhere, "receipts"))
    learned = receipts > 0
    return LeadTimes(
        mean_days=np.where(learned, np.maximum(stated + slip, 0.0), stated),
        sd_days=np.where(learned, deviation, stated_sd),
        receipts=receipts.astype(np.int64),
    )


def _summed(deliveries: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Per group: receipts, n (effective), total (n times the mean slip), squares about it, of ``freedom``
    degrees.
    """
    weight, slip = pl.col("weight"), pl.col("slip_days")
    mean = (weight * slip).sum() / weight.sum()
    around = (weight * (slip - mean) ** 2).sum() / weight.sum()
    n = weight.sum() ** 2 / (weight**2).sum()
    # Times n: the weighted variance without bias, around / (1 - 1/n), times n - 1 degrees.
    return deliveries.group_by(keys, maintain_order=True).agg(
        receipts=pl.len(), n=n, total=n * mean, squares=n * around, freedom=n - 1
    )


def _spread(suppliers: pl.DataFrame) -> tuple[float, float]:
    """The weight k of what is stated, and the variance of slips about their supplier's mean."""
    if suppliers.is_empty():
        return Pool.weight, Pool.variance
    n, total = suppliers["n"].to_numpy(), suppliers["total"].to_numpy()
    freedom = float(suppliers["freedom"].sum())
    within = float(suppliers["squares"].sum()) / freedom if freedom > 1e-9 else 0.0
    between = max(float((total**2 / n).sum() - len(n) * within) / float(n.sum()), 0.0)
    ratio = within / between if between > 0 else np.inf
    return float(np.clip(ratio, LEAST_WEIGHT, MOST_WEIGHT)), within


def _column(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].cast(pl.Float64).fill_null(0.0).to_numpy()
