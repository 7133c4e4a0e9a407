"""Classes with their evidence: what series are, where they go next quarter, and how well that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.classify import ADI_CUT, CV2_CUT, adi_cv2
from forecasting.core.trends.high import HighRule, HighTree, high_sellers, is_selling
from forecasting.core.trends.outlook import (
    BAND,
    DOWN,
    STABLE,
    UP,
    Outlook,
    OutlookModel,
    directions,
    past_origins,
)
from forecasting.core.trends.signs import NAMES, QUARTER, YEAR, Signs, signs_at
from forecasting.core.trends.statistics import LevelShift, level_shift, season_strength
from forecasting.core.trends.vector import DirectionMachine

Array = npt.NDArray[Any]

TRENDS = ("rising", "stable", "falling", "peak", "new", "fading", "lumpy")
RISING, EVEN, FALLING, PEAK, NEW, FADING, LUMPY = range(7)
_SEASON_SIGNS = [NAMES.index("own_season"), NAMES.index("last_year")]
_FADED = 0.6
_STEADY_TAU = -0.4
_SIGNIFICANT = 1.645
_SURE = 0.75
_OUT_OF_SEASON = 0.1
_PEAK_SHARE = 0.25
_MOST_CHANGE = 2.0


@dataclass(frozen=True, eq=False)
class Trends:
    """What was read at the panel's end; all arrays are (N,) unless said.

    ``trend`` numbers ``TRENDS``. ``direction`` (-1, 0, 1) is where the class says that the next 13 weeks go
    against the last 13; ``confidence`` its chance. ``score`` ranks movers: confidence x expected change x
    worth of the last 13 weeks, 0 for stable ones. ``season_part`` is the part of ``outlook.change`` that
    comes from last year's seasons. ``second`` is the SVM's direction (None: too little to learn from),
    ``high`` the tree's chance of being a high seller (None: the same), ``is_high`` whether it is one now.
    """

    trend: Array
    direction: Array
    confidence: Array
    score: Array
    season_part: Array
    signs: Signs
    outlook: Outlook
    shift: LevelShift
    season: Array
    adi: Array
    cv2: Array
    age: Array
    idle: Array
    second: Array | None
    high: Array | None
    is_high: Array
    rules: list[HighRule]


@dataclass(frozen=True, eq=False)
class Assessment:
    """What was told at an origin and what then happened, for series that sold in the quarter before it.

    ``rows`` (R,) are theirs in the panel, the other arrays (R,) directions; ``frequent`` repeats the
    direction that was most frequent in the last quarter. ``high_*`` are of high sellers: became one,
    is one at the origin, the tree's chance; ``units_now`` are the last quarter's.
    """

    rows: Array
    actual: Array
    told: Array
    trend: Array
    trivial: Array
    frequent: Array
    second: Array | None
    high_actual: Array
    high_now: Array
    high_chance: Array | None
    units_now: Array


def read_trends(y: Array, groups: Array, worth: Array | None = None) -> Trends:
    """Classes of the series ``y`` (N, T) at its end.

    ``y`` is units a week, NaN before a series' first sale; ``groups`` (N,) number the categories from 0;
    ``worth`` (N,) is money per unit (1).
    """
    weeks = y.shape[1]
    signs = signs_at(y, weeks, groups)
    past = past_origins(y, weeks, groups)
    outlook = OutlookModel.fit(past).predict(signs)
    machine = DirectionMachine.fit(past)
    tree = HighTree.fit(y, weeks)
    year = y[:, -YEAR:]
    adi, cv2 = adi_cv2(np.ascontiguousarray(year.T))
    known = np.isfinite(y)
    age = known.sum(axis=1)
    sold = y > 0
    idle = np.where(sold.any(axis=1), np.argmax(sold[:, ::-1], axis=1), weeks)
    season_part = signs.season - signs.climb + outlook.parts[:, _SEASON_SIGNS].sum(axis=1)
    trend, direction, confidence = _classes(y, signs, outlook, season_part, adi, cv2, age, idle)
    change = np.clip(np.expm1(outlook.change), -1.0, _MOST_CHANGE)
    money = signs.last * (1.0 if worth is None else worth)
    return Trends(
        trend=trend,
        direction=direction,
        confidence=confidence,
        score=np.where(direction == STABLE, 0.0, confidence * np.abs(change) * money),
        season_part=season_part,
        signs=signs,
        outlook=outlook,
        shift=level_shift(np.log(year + signs.floor[:, None])),
        season=season_strength(y),
        adi=adi,
        cv2=cv2,
        age=age,
        idle=idle,
        second=None if machine is None else machine.directions(signs, outlook.spread),
        high=None if tree is None else tree.chances(y, weeks),
        is_high=high_sellers(signs.last, is_selling(y, weeks)),
        rules=[] if tree is None else tree.rules(),
    )


def assess(y: Array, origin: int, groups: Array) -> Assessment:
    """Tell from the weeks before column ``origin`` of ``y`` (N, T); compare with the 13 weeks from it on."""
    told = read_trends(y[:, :origin], groups)
    rows = np.flatnonzero(told.signs.is_alive)
    last, before = told.signs.last, told.signs.before
    after = np.nansum(y[:, origin : origin + QUARTER], axis=1)
    trivial = directions(before, last)
    kinds, counts = np.unique(trivial[rows], return_counts=True)
    alive = told.signs.is_alive
    return Assessment(
        rows=rows,
        actual=directions(last, after)[rows],
        told=told.direction[rows],
        trend=told.trend[rows],
        trivial=trivial[rows],
        frequent=np.full(len(rows), kinds[counts.argmax()] if len(rows) else STABLE),
        second=None if told.second is None else told.second[rows],
        high_actual=high_sellers(after, alive)[rows],
        high_now=told.is_high[rows],
        high_chance=None if told.high is None else told.high[rows],
        units_now=last[rows],
    )


def _classes(
    y: Array,
    signs: Signs,
    outlook: Outlook,
    season_part: Array,
    adi: Array,
    cv2: Array,
    age: Array,
    idle: Array,
) -> tuple[Array, Array, Array]:
    """Class, direction and confidence of each series, (N,); a later rule overrules an earlier one."""
    weeks = y.shape[1]
    chances = outlook.chances
    direction = outlook.direction
    confidence = chances.max(axis=1)
    trend = np.select([direction == UP, direction == DOWN], [RISING, FALLING], EVEN)
    by_season = (season_part > np.log(1 + BAND)) & (season_part >= outlook.change / 2)
    trend[(direction == UP) & by_season] = PEAK
    year_ago = _year_ago(y)
    shrunk = np.where(
        np.isfinite(year_ago), signs.last < _FADED * year_ago, signs.last < _FADED * signs.before
    )
    steady = (signs.steady.tau <= _STEADY_TAU) & (signs.steady.z <= -_SIGNIFICANT)
    trend[(direction == DOWN) & steady & shrunk] = FADING
    trend[(adi >= ADI_CUT) & (cv2 >= CV2_CUT) & (confidence < _SURE)] = LUMPY
    trend[(age <= QUARTER) & (weeks >= 2 * QUARTER)] = NEW
    # Nothing sold for a quarter: out of season, or at its end.
    silent = ~signs.is_alive
    ahead = _ahead(y)
    trend[silent] = FADING
    direction = np.where(silent, DOWN, direction)
    confidence = np.where(silent, 1 - np.exp(-idle / np.where(np.isfinite(adi), adi, 1.0)), confidence)
    # It was as silent a year ago, before the quarter that it sells in.
    back = silent & (ahead >= _PEAK_SHARE) & (year_ago <= _OUT_OF_SEASON * ahead * _year(y))
    trend[back], direction = PEAK, np.where(back, UP, direction)
    never = ~(y > 0).any(axis=1)
    trend[never], direction = EVEN, np.where(never, STABLE, direction)
    return trend, direction, np.where(never, 0.0, confidence)


def _year_ago(y: Array) -> Array:
    """Units of the last 13 weeks of a year ago, (N,); NaN where the series did not sell then."""
    if y.shape[1] < YEAR + QUARTER:
        return np.full(len(y), np.nan)
    part = y[:, -YEAR - QUARTER : -YEAR]
    return np.where(np.isfinite(part).all(axis=1), np.nansum(part, axis=1), np.nan)


def _year(y: Array) -> Array:
    return np.asarray(np.nansum(y[:, -YEAR:], axis=1))


def _ahead(y: Array) -> Array:
    """The share of a year's units that the coming 13 weeks had a year ago, (N,); 0 where not known."""
    if y.shape[1] < YEAR:
        return np.zeros(len(y))
    year = _year(y)
    ahead = np.nansum(y[:, -YEAR : -YEAR + QUARTER], axis=1)
    return np.where(year > 0, ahead / np.where(year > 0, year, 1.0), 0.0)
