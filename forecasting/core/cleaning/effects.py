"""What known columns do to demand: multiplicative effects of promotion, price and events.

Log-linear (Poisson) regression, ``mean = base x exp(x . b)``, with an own coefficient vector for each series
that is drawn toward its groups' (static columns), and those toward the panel's. Poisson score equations keep
sums: over the promoted periods, expected and seen demand agree. Source: McCullagh and Nelder, Generalized
Linear Models (1989), chapter 6; shrinkage as in Gelman and Hill, Data Analysis Using Regression and
Multilevel/Hierarchical Models (2007), chapter 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.panel import Column, Panel

Array = npt.NDArray[Any]

# Columns known only up to the as-of date count where their name says that the shop, not the buyer, sets them.
_SET_BY_SHOP = ("price", "promo", "discount", "feature", "display", "mailer", "event", "holiday")
_MOST = 10
_MOST_CODES = 6
_CLIP = {"share": 1.0, "log": 1.5, "number": 3.0, "code": 1.0}
# Standard deviations of a coefficient: of the panel's around 0, of a group's and of a series' around those.
_SPREAD = {
    "share": (1.0, 0.4, 0.4),
    "log": (3.0, 1.0, 1.0),
    "number": (0.5, 0.1, 0.1),
    "code": (1.0, 0.3, 0.2),
}
_BLOCK = 64
# Series at a time whose cells stay in the cache.
SERIES_CHUNK = 512
_LARGEST = 3.5  # of |x . b|: an effect is at most a factor of 33

Kind = Literal["share", "log", "number", "code"]


@dataclass(frozen=True, eq=False)
class Covariate:
    """A known column as regressor: ``values`` (T, N) raw, and how a cell becomes its x; unknown is 0."""

    name: str
    kind: Kind
    values: Array
    center: Array
    code: int = 0

    def cells(self, series: slice) -> Array:
        """x of some series, (T, B) float32."""
        raw = self.values[:, series]
        if self.kind == "code":
            return np.asarray(raw == self.code, dtype=np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.log(raw) if self.kind == "log" else raw
            center = self.center if len(self.center) == 1 else self.center[series]
            x = np.nan_to_num(value - center, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        limit = _CLIP[self.kind]
        return np.asarray(np.clip(x, -limit, limit, out=x), dtype=np.float32)


def covariates(panel: Panel) -> list[Covariate]:
    """The known columns that vary within series, and undeclared ones that a shop sets (price, promotion)."""
    found: list[Covariate] = []
    columns = dict(panel.known)
    for name, column in panel.past.items():
        if any(word in name.lower() for word in _SET_BY_SHOP):
            columns.setdefault(name, column)
    for name, column in columns.items():
        found += _of_column(name, column, panel.periods)
    return found[:_MOST]


def _of_column(name: str, column: Column, periods: int) -> list[Covariate]:
    values = column.values[:periods]
    seen = np.isfinite(values)
    zero = np.zeros(1, dtype=np.float32)
    if not seen.any():
        return []
    if column.categorical:
        codes, counts = np.unique(values[seen], return_counts=True)
        rare = counts < 0.5 * seen.size
        codes = codes[rare][np.argsort(-counts[rare], kind="stable")][:_MOST_CODES]
        return [Covariate(f"{name}={int(c)}", "code", values, zero, int(c)) for c in np.sort(codes)]
    low, high = (
        float(np.min(values, where=seen, initial=np.inf)),
        float(np.max(values, where=seen, initial=-np.inf)),
    )
    if low == high:
        return []
    if low >= 0 and high <= 1:
        return [Covariate(name, "share", values, zero)]
    if low > 0:
        logs = np.log(np.where(seen, values, 1))
        return [Covariate(name, "log", values, _means(logs, seen))]
    mean = _means(values, seen)
    spread = float(np.sqrt(np.mean(np.where(seen, values - mean, 0) ** 2)))
    scaled = (values - mean) / max(spread, 1e-9)
    return [Covariate(name, "number", scaled.astype(np.float32), zero)]


def _means(values: Array, seen: Array) -> Array:
    total = np.where(seen, values, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(seen.sum(axis=0), 1), dtype=np.float32)


def effect_of(x: list[Array], coefficients: Array) -> Array:
    """exp(x . b) of some series, (T, B) float32; ``x`` holds each column's cells, ``coefficients`` (B, P)."""
    total = np.zeros_like(x[0])
    for index, cells in enumerate(x):
        total += cells * coefficients[:, index].astype(np.float32)
    return np.asarray(np.exp(np.clip(total, -_LARGEST, _LARGEST, out=total), out=total))


def coefficients_fit(
    columns: list[Covariate],
    start: Array,
    base: Array,
    units: Array,
    seen: Array,
    dispersion: Array,
    groups: list[Array],
    threads: int = 1,
) -> Array:
    """One step of Newton's method from ``start`` (N, P) for every series, its groups and the panel.

    ``base`` (T, N) is expected demand without the effects, ``units`` and ``seen`` (T, N) demand and whether
    it counts, ``dispersion`` (N,) variance / mean. Returns (N, P).
    """
    gradient, curvature = _normal_equations(columns, start, base, units, seen, threads)
    gradient /= dispersion[:, None]
    curvature /= dispersion[:, None, None]
    # The step is to the penalised optimum around the level above, so what `start` has beyond it is taken off.
    mean = start.mean(axis=0)
    offset = start - mean
    gradient = gradient + np.einsum("npq,nq->np", curvature, offset)
    spread = np.array([_SPREAD[column.kind] for column in columns])
    prior = 1 / spread**2
    step = np.linalg.solve(
        curvature.sum(axis=0) + np.diag(prior[:, 0]), gradient.sum(axis=0) - prior[:, 0] * mean
    )
    result = np.broadcast_to(mean + step, start.shape).copy()
    gradient = gradient - curvature @ step
    for group in groups:
        count = int(group.max()) + 1
        h = np.zeros((count, *curvature.shape[1:]))
        g = np.zeros((count, gradient.shape[1]))
        np.add.at(h, group, curvature)
        np.add.at(g, group, gradient)
        step = np.linalg.solve(h + np.diag(prior[:, 1]), g[..., None])[..., 0]
        result += step[group]
        gradient = gradient - np.einsum("npq,nq->np", curvature, step[group])
    own = np.linalg.solve(curvature + np.diag(prior[:, 2]), gradient[..., None])[..., 0]
    limit = 3 * spread[:, 0]
    return np.asarray(np.clip(result + own, -limit, limit))


def _normal_equations(
    columns: list[Covariate], coefficients: Array, base: Array, units: Array, seen: Array, threads: int
) -> tuple[Array, Array]:
    """Gradient (N, P) and curvature (N, P, P) of the Poisson log likelihood at the coefficients."""
    count, size = coefficients.shape
    gradient = np.zeros((count, size))
    curvature = np.zeros((count, size, size))

    def add(part: slice) -> None:
        x = [column.cells(part) for column in columns]
        mean = effect_of(x, coefficients[part])
        mean *= base[:, part]
        mean *= seen[:, part]
        error = units[:, part] * seen[:, part]
        error -= mean
        for p in range(size):
            gradient[part, p] = _products(x[p], error)
            weighted = x[p] * mean
            for q in range(p, size):
                curvature[part, p, q] = curvature[part, q, p] = _products(weighted, x[q])

    in_chunks(add, count, SERIES_CHUNK, threads)
    return gradient, curvature


def _products(one: Array, other: Array) -> Array:
    """Sums (B,) of products over the periods, in blocks so that float32 keeps its digits."""
    total = np.zeros(one.shape[1])
    for first in range(0, len(one), _BLOCK):
        part = slice(first, first + _BLOCK)
        total += np.einsum("tn,tn->n", one[part], other[part])
    return total
