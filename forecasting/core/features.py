"""Features of (series, origin, horizon) for the models that learn one function for all series.

An origin ``cut`` means that the periods before index ``cut`` are known; horizon h then targets index
``cut + h - 1``. Features of an origin read demand before ``cut`` only, and known columns of the target
period: so one table serves every fold of a backtest, and nothing leaks by construction. All demand is divided
by the series' own scale at the origin, so that a forecast in units is scale x prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.grid import calendar_parts
from forecasting.core.kin import Purchases, groups_of, trend
from forecasting.core.leading import Leading
from forecasting.core.panel import Panel
from forecasting.core.samples import SampledRows
from forecasting.core.windows import WindowSums, known_mean, mean_ratio

Array = npt.NDArray[Any]

SEASON: dict[str, int] = {"D": 364, "W": 52, "M": 12}
_WINDOWS: dict[str, tuple[int, ...]] = {
    "D": (7, 14, 28, 56, 182, 364),
    "W": (2, 4, 8, 13, 26, 52),
    "M": (2, 3, 6, 12, 24),
}
# Index into _WINDOWS: the window whose mean sets the scale, and the longer one that steadies it.
_SCALE_WINDOWS: dict[str, tuple[int, int]] = {"D": (3, 5), "W": (3, 5), "M": (2, 3)}
# Index into _WINDOWS: half a year, or a year of months.
_BUSY_WINDOW: dict[str, int] = {"D": 4, "W": 4, "M": 3}
_SMOOTHING = (0.1, 0.3)
# Rows at a time whose features stay in the cache.
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class Level:
    """Size and spread of each series at an origin, (N,).

    ``scale`` and ``deviation`` are units a period; ``known`` counts known periods, ``busy`` is the share of
    recent ones with sales, and ``sold`` says whether anything had ever been sold.
    """

    scale: Array
    deviation: Array
    known: Array
    busy: Array
    sold: Array

    def take(self, rows: Array | slice) -> Level:
        """The level of some series only (boolean or positions)."""
        return Level(*(getattr(self, item.name)[rows] for item in fields(self)))


class FeatureTable:
    """Builds features for a panel; everything that origins share is computed once.

    ``names`` are the columns, ``categorical`` the positions of those that hold codes. ``yearly`` says whether
    they look back a year; by default they do as soon as history reaches that far.
    """

    def __init__(self, panel: Panel, *, yearly: bool | None = None, threads: int = 1) -> None:
        self.panel = panel
        self.threads = threads
        self._observed = panel.observed
        self._seen = np.isfinite(self._observed)
        self._units = np.where(self._seen, self._observed, np.float32(0))
        self.season = SEASON[panel.freq]
        self._windows = _WINDOWS[panel.freq]
        self._sums = WindowSums(self._units, self._seen, self._windows)
        enough = panel.periods >= self.season + min(panel.horizon, self.season // 4)
        self.yearly = enough if yearly is None else yearly
        self._groups = groups_of(panel, self._units, self._seen)
        self._purchases = Purchases(panel, self._units, self._seen)
        self._leading = Leading(panel)
        self._block: tuple[int, int, Array] | None = None
        self._origins: dict[int, tuple[Array, Level]] = {}
        self._state: tuple[int, Array, Array, Array] | None = None
        self.names: list[str] = []
        self.categorical: list[int] = []
        self._describe()

    # --- what the columns are

    def _describe(self) -> None:
        names = ["lag1", "lag2", "lag3", *(f"mean{w}" for w in self._windows)]
        names += ["deviation", "share_mid", "share_long", "size", "relative_scale"]
        names += [
            *(f"smooth{int(a * 100)}" for a in _SMOOTHING),
            "since_sale",
            "age",
            "total_short",
            "total_long",
            *(f"total_{group.name}" for group in self._groups),
            *(f"{kind}_{name}" for name in self._purchases.names for kind in ("often", "recent", "amount")),
            *self._leading.names,
        ]
        self._base_count = len(names)
        codes = []
        names.append("h")
        if self.panel.freq == "D":
            codes.append(len(names))
            names += ["weekday", "day", "weekday_mean"]
        if self.yearly:
            names += ["season_lag", "season_mean", "season_total", "time_of_year"]
        for name, column in self.panel.known.items():
            if column.categorical:
                codes.append(len(names))
            names.append(f"known_{name}")
            if not column.categorical:
                names.append(f"change_{name}")
        for name, column in self.panel.static.items():
            if column.categorical:
                codes.append(len(names))
            names.append(f"static_{name}")
        self.names, self.categorical = names, codes

    # --- one origin

    def level(self, cut: int) -> Level:
        """Scale, deviation and number of known periods of every series at an origin."""
        return self._origin(cut)[1]

    def block(self, cut: int, horizon: int) -> Array:
        """Features of every series and h = 1..horizon at an origin: (N x horizon, F), h fastest.

        The last one made is kept, not to be written to: the models of a blend ask for the same.
        """
        if self._block is None or self._block[:2] != (cut, horizon):
            count = self.panel.count
            series = np.repeat(np.arange(count), horizon)
            steps = np.tile(np.arange(1, horizon + 1), count)
            rows = self._rows(cut, series, steps)
            rows.flags.writeable = False
            self._block = (cut, horizon, rows)
        return self._block[2]

    def _origin(self, cut: int) -> tuple[Array, Level]:
        if cut in self._origins:
            return self._origins[cut]
        panel, shape = self.panel, self.panel.count
        total, counts, squares, solds = self._sums.at(cut)
        some = np.maximum(counts, 1)
        means = np.where(counts > 0, total / some, np.nan)
        shares = solds / some
        spreads = np.sqrt(np.maximum(squares / some - (total / some) ** 2, 0))
        sizes = total / np.maximum(solds, 1)
        short, long = _SCALE_WINDOWS[panel.freq]
        smooth, since, size = self._recursions(cut)
        level = self._level(
            means[short], means[long], size, spreads[-1], counts[-1], shares[_BUSY_WINDOW[panel.freq]]
        )
        scale = level.scale
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = (
                np.log(scale / np.exp(np.mean(np.log(scale[scale > 0])))) if (scale > 0).any() else scale
            )
        base = np.empty((shape, self._base_count), dtype=np.float32)
        column = 0
        inverse = 1 / scale
        for lag in (1, 2, 3):
            value = self._at(cut - lag)
            base[:, column] = value * inverse
            column += 1
        for mean in means:
            base[:, column] = mean * inverse
            column += 1
        year = self._totals[max(0, cut - self._windows[-1]) : cut]
        for value in (
            spreads[-1] * inverse,
            shares[short],
            shares[-1],
            sizes[-1] * inverse,
            relative,
            *(row * inverse for row in smooth),
            since,
            np.minimum(cut - panel.start, 2 * self.season),
            np.full(shape, mean_ratio(year[-self._windows[1] :], year)),
            np.full(shape, mean_ratio(year[-self._windows[short] :], year)),
            *(trend(group, cut, self._windows[short], self._windows[-1]) for group in self._groups),
            *self._purchases.at(cut, self._windows[short], self._windows[-1], scale),
            *self._leading.at(cut, self._windows, scale),
        ):
            base[:, column] = value
            column += 1
        self._origins[cut] = (base, level)
        return base, level

    def _level(
        self, short: Array, long: Array, size: Array, spread: Array, known: Array, busy: Array
    ) -> Level:
        """Half recent mean, half yearly mean; never below what one usual sale in a little over a year makes.

        The floor keeps a series that stopped selling on the scale of its past sales: what it sells should it
        come back is no thousandfold surprise.
        """
        recent = np.where(np.isfinite(short), short, long)
        scale = 0.5 * (recent + long)
        scale = np.maximum(scale, size / (np.minimum(known, self.season) + 2))
        blind = ~np.isfinite(scale) | (known == 0)
        usual = float(np.median(scale[~blind])) if (~blind).any() else 0.0
        scale = np.where(blind, usual, scale)
        positive = scale[scale > 0]
        floor = float(positive.min()) * 1e-3 if positive.size else 1e-3
        scale = np.maximum(scale, floor)
        # A young series' own deviation says little: it starts from the scale itself, worth three periods.
        deviation = np.sqrt((known * spread**2 + 3 * scale**2) / (known + 3))
        return Level(scale, deviation, known, busy, size > 0)

    def _recursions(self, cut: int) -> tuple[list[Array], Array, Array]:
        """Exponential smoothing, periods since the last sale and mean size of all sales so far.

        Carried forward from the origin before, so that ascending origins cost one pass over the panel.
        """
        if self._state is not None and self._state[0] <= cut:
            at, smooth, since, sums = self._state
            smooth, since, sums = smooth.copy(), since.copy(), sums.copy()
        else:
            at = 0
            smooth = np.full((len(_SMOOTHING), self.panel.count), np.nan)
            since = np.full(self.panel.count, np.nan)
            sums = np.zeros((2, self.panel.count))
        for period in range(at, cut):
            seen, value = self._seen[period], self._units[period]
            for row, alpha in enumerate(_SMOOTHING):
                old = smooth[row]
                new = np.where(np.isnan(old), value, old + alpha * (value - old))
                smooth[row] = np.where(seen, new, old)
            since = np.where(value > 0, 0.0, since + 1)
            sums[0] += value
            sums[1] += value > 0
        self._state = (cut, smooth, since, sums)
        return list(smooth), since, sums[0] / np.maximum(sums[1], 1)

    # --- rows

    def _rows(self, cut: int, series: Array, steps: Array, out: Array | None = None) -> Array:
        """Rows (n, F) of an origin; what they share is made before threads fill them."""
        shared = self._share(cut)
        x = np.empty((len(series), len(self.names)), dtype=np.float32) if out is None else out
        in_chunks(
            lambda part: self._fill(x[part], cut, series[part], steps[part], shared),
            len(series),
            _CHUNK,
            self.threads,
        )
        return x

    def _share(self, cut: int) -> dict[str, Array]:
        """Per series or step, what the rows of an origin take from."""
        self._origin(cut)
        shared = {}
        if self.panel.freq == "D":
            shared["weekday_means"] = self._weekday_means(cut)
        if self.yearly:
            shared["season_total"] = self._season_total(cut)
        for name, known in self.panel.known.items():
            if not known.categorical:
                shared[name] = self._known_mean(name, cut)
        return shared

    def _fill(self, x: Array, cut: int, series: Array, steps: Array, shared: dict[str, Array]) -> None:
        panel = self.panel
        base, level = self._origin(cut)
        scale = level.scale[series]
        target = cut + steps - 1
        x[:, : self._base_count] = base[series]
        column = self._base_count
        x[:, column] = steps
        column += 1
        calendar = self._calendar
        if panel.freq == "D":
            x[:, column] = calendar["weekday"][target]
            x[:, column + 1] = calendar["day"][target]
            x[:, column + 2] = shared["weekday_means"][target % 7, series] / scale
            column += 3
        if self.yearly:
            past = target - self.season * np.ceil(steps / self.season).astype(np.int64)
            x[:, column] = self._pick(past, series) / scale
            near = np.stack([self._pick(past + shift, series, cut) for shift in (-1, 0, 1)])
            x[:, column + 1] = known_mean(near) / scale
            x[:, column + 2] = shared["season_total"][steps - 1]
            x[:, column + 3] = calendar["time_of_year"][target]
            column += 4
        for name, known in panel.known.items():
            value = known.values[target, series]
            x[:, column] = value
            column += 1
            if not known.categorical:
                x[:, column] = value - shared[name][series]
                column += 1
        for static in panel.static.values():
            x[:, column] = static.values[series]
            column += 1

    def samples(self, *, horizon: int, rows: int, seed: int) -> SampledRows:
        """Sampled training rows: origins spread back from the end, random horizons for each series and
        origin.

        About ``rows`` rows; the same seed gives the same rows.
        """
        panel = self.panel
        rng = np.random.default_rng(seed)
        periods, count = panel.periods, max(panel.count, 1)
        first = min(max(2, min(self._windows[2], periods // 4)), periods - 1)
        if periods < 2:
            empty = np.empty(0)
            return SampledRows(np.empty((0, len(self.names))), empty, empty.astype(int), empty.astype(int))
        most = max(1, rows // count)
        stride = max(1, -(-(periods - first) // most))
        if panel.freq == "D" and stride > 1 and stride % 7 == 0:
            stride += 1
        cuts = np.arange(periods - 1, first - 1, -stride)[::-1]
        each = int(np.clip(rows // (count * len(cuts)), 1, horizon))
        most = sum(count * min(each, horizon, periods - int(cut)) for cut in cuts)
        x = np.empty((most, len(self.names)), dtype=np.float32)
        filled = 0
        parts: list[tuple[Array, ...]] = []
        for cut in cuts:
            reach = min(horizon, periods - cut)
            steps = np.broadcast_to(np.arange(1, reach + 1)[:, None], (reach, count))
            if each < reach:
                steps = rng.integers(1, reach + 1, size=(each, count))
            series = np.tile(np.arange(count), len(steps))
            flat = steps.ravel()
            if len(steps) > 1:
                # Draws repeat for short reaches; a repeated row teaches nothing new.
                _, unique = np.unique(series * (horizon + 1) + flat, return_index=True)
                series, flat = series[unique], flat[unique]
            use = (cut > panel.start[series]) & np.isfinite(panel.y[cut + flat - 1, series])
            series, flat = series[use], flat[use]
            target = cut + flat - 1
            scale = self.level(int(cut)).scale[series]
            self._rows(int(cut), series, flat, x[filled : filled + len(series)])
            filled += len(series)
            parts.append((scale, series.astype(np.int32), target.astype(np.int32)))
            if len(cuts) > 8:
                self._origins.pop(int(cut), None)
        scale, series, target = (np.concatenate(column) for column in zip(*parts, strict=True))
        return SampledRows(x[:filled], scale, series, target)

    # --- shared pieces

    @cached_property
    def _calendar(self) -> dict[str, Array]:
        return calendar_parts(np.concatenate([self.panel.ds, self.panel.future]))

    @cached_property
    def _totals(self) -> Array:
        """Mean demand of the series that were seen, per period: the panel's common movement."""
        seen = self._seen.sum(axis=1)
        return np.where(seen > 0, self._units.sum(axis=1, dtype=np.float64) / np.maximum(seen, 1), np.nan)

    def _at(self, period: int) -> Array:
        if period < 0:
            return np.full(self.panel.count, np.nan)
        return np.where(self._seen[period], self._units[period], np.nan)

    def _pick(self, periods: Array, series: Array, cut: int | None = None) -> Array:
        last = self.panel.periods if cut is None else cut
        inside = (periods >= 0) & (periods < last)
        return np.where(inside, self._observed[np.where(inside, periods, 0), series], np.float32(np.nan))

    def _season_total(self, cut: int) -> Array:
        """How demand of all series moved a year ago from the weeks before the origin to each h."""
        season, window = self.season, self._windows[2]
        steps = np.arange(1, self.panel.horizon + 1)
        past = cut + steps - 1 - season * np.ceil(steps / season).astype(np.int64)
        base = self._totals[max(0, cut - season - window) : max(0, cut - season)]
        result = np.full(len(steps), np.nan)
        if len(base) < window:
            return result
        for index, at in enumerate(past):
            result[index] = mean_ratio(self._totals[max(0, at - 1) : min(at + 2, cut)], base)
        return result

    def _weekday_means(self, cut: int) -> Array:
        """(7, N): mean of the last eight periods with the same index modulo 7."""
        result = np.full((7, self.panel.count), np.nan, dtype=np.float32)
        for back in range(min(7, cut)):
            index = np.arange(cut - 1 - back, max(-1, cut - 57), -7)
            number = self._seen[index].sum(axis=0)
            mean = self._units[index].sum(axis=0) / np.maximum(number, 1)
            result[(cut - 1 - back) % 7] = np.where(number > 0, mean, np.nan)
        return result

    def _known_mean(self, name: str, cut: int) -> Array:
        values = self.panel.known[name].values[max(0, cut - self._windows[3]) : cut]
        return known_mean(values)
