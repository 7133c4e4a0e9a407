"""Forecasts of products that were just launched, from their look-alikes, on Online Retail II.

    .venv/bin/python -m benchmarks.cold_start

A launch is a product whose first sale is on or after 2010-12-01 and that did not sell in the year before; the
last ones have 8 weeks of truth. Forecasts are made at the launch day, whose date, title and first price are
known, and nothing of its sales; and again after 1, 2 and 4 weeks of own sales. The weights are learned anew
each month from the launches whose first 8 weeks had passed by then. docs/new-products.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.forecast_sets import data_folder
from forecasting.core.distribution import QUANTILES
from forecasting.core.launch.curve import FIRST_PERIODS, launch_curve, launch_distribution
from forecasting.core.launch.level import Level, Scatter, posterior
from forecasting.core.launch.likeness import PARTS, Goods
from forecasting.core.launch.weights import Candidates, PartWeights, learn, neighbours
from forecasting.core.text.encoders import encoder_default

Array = npt.NDArray[Any]
Forecast = tuple[Array, Array, Array]
"""Point (n, H), quantiles and cumulative quantiles (n, H, Q)."""

BEGIN, LAST = date(2009, 12, 1), date(2011, 12, 9)
SECOND_YEAR = (date(2010, 12, 1) - BEGIN).days
# A first sale in the first three months of the data may be anything; later ones are taken as launches to
# learn from.
QUIET = 90
WEEKS = FIRST_PERIODS["W"]
DRAWS = 2_000
LEVELS = np.array(QUANTILES)


@dataclass(frozen=True, eq=False)
class Shop:
    """All products in order of their first sale: ``day`` (N,) of it, running sums of units (N, T + 1)."""

    goods: Goods
    day: Array
    sold: Array

    def units(self, rows: Array, first: Array, last: Array) -> Array:
        """Units of ``rows`` on the days first .. last - 1."""
        end = self.sold.shape[1] - 1
        units: Array = self.sold[rows, np.clip(last, 0, end)] - self.sold[rows, np.clip(first, 0, end)]
        return units

    def weeks(self, rows: Array, count: int = WEEKS) -> Array:
        """Units of the first weeks (n, count)."""
        edges = self.day[rows][:, None] + 7 * np.arange(count + 1)[None]
        return np.diff(self.sold[rows[:, None], np.minimum(edges, self.sold.shape[1] - 1)], axis=1)

    @cached_property
    def launches(self) -> Array:
        """Positions of the products whose first sale is taken for a launch."""
        return np.flatnonzero(self.day >= QUIET)

    @cached_property
    def tested(self) -> Array:
        """Positions of the second year's launches with 8 weeks of truth."""
        whole = self.sold.shape[1] - 1
        return np.flatnonzero((self.day >= SECOND_YEAR) & (self.day + 7 * WEEKS <= whole))


def shop_read() -> Shop:
    """Units sold, less orders called off on the same day; titles and prices of each product's first day."""
    folder = data_folder("uci_online_retail")
    names = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}
    columns = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    old = pl.read_parquet(folder / "online_retail_II_2009_2010.parquet").rename(names).select(columns)
    new = pl.read_parquet(folder / "online_retail_2010_2011.parquet").select(columns)
    lines = pl.concat([old.filter(pl.col("InvoiceDate") < date(2010, 12, 1)), new], how="vertical_relaxed")
    lines = lines.with_columns(
        pl.col("StockCode").str.to_uppercase(), pl.col("InvoiceDate").dt.date().alias("day")
    ).filter(pl.col("StockCode").str.contains(r"^\d{5}"))
    order = ["StockCode", "day", "CustomerID", "Quantity"]
    called_off = lines.filter(pl.col("InvoiceNo").str.starts_with("C")).with_columns(-pl.col("Quantity"))
    lines = lines.filter(
        ~pl.col("InvoiceNo").str.starts_with("C") & (pl.col("UnitPrice") > 0) & (pl.col("Quantity") > 0)
    ).join(called_off.select(order).unique(), on=order, how="anti", nulls_equal=True)
    first = (
        lines.filter(pl.col("day") == pl.col("day").min().over("StockCode"))
        .sort("InvoiceDate", "InvoiceNo")
        .group_by("StockCode", maintain_order=True)
        .agg(
            pl.col("day").first(),
            pl.col("Description").drop_nulls().first().fill_null("").alias("title"),
            pl.col("UnitPrice").median().alias("price"),
        )
        .sort("day", "StockCode")
    )
    daily = lines.group_by("StockCode", "day").agg(pl.col("Quantity").sum())
    at = {code: place for place, code in enumerate(first["StockCode"])}
    sold = np.zeros((len(at), (LAST - BEGIN).days + 2))
    for code, day, units in daily.iter_rows():
        sold[at[code], (day - BEGIN).days + 1] = units
    titles = [title.strip().title() for title in first["title"]]
    days = (first["day"] - BEGIN).dt.total_days().to_numpy().astype(np.int64)
    goods = Goods(
        code=first["StockCode"].to_list(),
        title=titles,
        price=first["price"].to_numpy(),
        category=np.full(len(at), -1),
        brand=np.full(len(at), -1),
        attributes=[frozenset()] * len(at),
        meaning=_meaning(titles, days < SECOND_YEAR),
    )
    return Shop(goods, days, np.cumsum(sold, axis=1))


def _meaning(titles: list[str], early: Array) -> Array:
    """Vectors (N, D) of unit length, less what the titles of the first year (``early``) share."""
    vectors = encoder_default().encode(titles)
    vectors = vectors - vectors[early].mean(axis=0)
    unit: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def candidates_of(shop: Shop, rows: Array, curve: Array) -> Candidates:
    """What each of ``rows`` could look like, as known at the close of the day before its launch."""
    count = len(shop.day)
    whole = np.concatenate([[0.0], np.cumsum(curve[:WEEKS])])
    level = np.zeros((len(rows), count), dtype=np.float32)
    seen = np.full((len(rows), count), np.nan, dtype=np.float32)
    every = np.arange(count)
    for place, row in enumerate(rows):
        day = shop.day[row]
        age = np.minimum(day - shop.day, 7 * WEEKS)
        exposure = np.interp(np.maximum(age, 0) / 7, np.arange(WEEKS + 1), whole)
        of_launch = shop.units(every, shop.day, shop.day + age) / np.maximum(exposure, 1e-9)
        lately = shop.units(every, np.full(count, day - 7 * WEEKS), np.full(count, day)) / WEEKS
        launched = shop.day >= QUIET
        level[place] = np.where(launched, of_launch, lately)
        seen[place] = np.where(launched, exposure / WEEKS, np.nan)
    known = shop.day[rows][:, None] - shop.day[None]
    allowed = (known >= 7) & ((shop.day >= QUIET)[None] | (level > 0))
    return Candidates(shop.goods.likeness(rows, every), level, seen, allowed)


def of_earlier(shop: Shop, rows: Array, horizon: int, quartile: bool) -> tuple[Forecast, Array]:
    """The mean curve of the launches whose first weeks had passed, of all or of the price quartile, with
    their empirical quantiles; and the median curve.
    """
    shape = (len(rows), horizon)
    mean, period, cumulative = np.zeros(shape), np.zeros((*shape, 9)), np.zeros((*shape, 9))
    price = shop.goods.price
    for place, row in enumerate(rows):
        past = shop.launches[shop.day[shop.launches] + 7 * horizon <= shop.day[row]]
        if quartile:
            bounds = np.quantile(price[past], [0.25, 0.5, 0.75])
            past = past[np.searchsorted(bounds, price[past]) == np.searchsorted(bounds, price[row])]
        units = shop.weeks(past, horizon)
        mean[place] = units.mean(axis=0)
        period[place] = np.quantile(units, LEVELS, axis=0).T
        cumulative[place] = np.quantile(units.cumsum(axis=1), LEVELS, axis=0).T
    return (mean, period, cumulative), period[:, :, 4]


@dataclass(frozen=True, eq=False)
class Losses:
    """Sums of each launch (n,): absolute errors of the mean and of the median, pinball losses."""

    mean: Array
    median: Array
    weekly: Array
    cumulative: Array

    @classmethod
    def of(cls, forecast: Forecast, actual: Array) -> Losses:
        """Against weekly actuals (n, H)."""
        mean, period, cumulative = forecast
        total = actual.cumsum(axis=1)
        return cls(
            np.abs(mean - actual).sum(axis=1),
            np.abs(period[:, :, 4] - actual).sum(axis=1),
            _pinball(period, actual).sum(axis=1),
            _pinball(cumulative, total).sum(axis=1),
        )


def _pinball(quantiles: Array, actual: Array) -> Array:
    error = actual[..., None] - quantiles
    loss: Array = np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=-1)
    return loss


def gain(own: Array, theirs: Array, seed: int = 0) -> tuple[float, float, float]:
    """By how much own losses are smaller than theirs, with a 95% interval (paired bootstrap by product)."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(own), (DRAWS, len(own)))
    shares = 1 - own[drawn].sum(axis=1) / theirs[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(1 - own.sum() / theirs.sum()), float(low), float(high)


@dataclass(frozen=True, eq=False)
class Learned:
    """What a month's forecasts are made with."""

    weights: PartWeights
    curve: Array
    scatter: Scatter


def months(shop: Shop) -> list[tuple[int, Array]]:
    """The folds: the first day of each month (day number), and the launches in it."""
    tested = [BEGIN + timedelta(days=int(day)) for day in shop.day[shop.tested]]
    keys = np.array([day.year * 12 + day.month - 1 for day in tested])
    return [
        ((date(key // 12, key % 12 + 1, 1) - BEGIN).days, shop.tested[keys == key]) for key in np.unique(keys)
    ]


def learned_by(shop: Shop, day: int, all_rows: Candidates, before: Learned | None) -> Learned:
    """From the launches whose first 8 weeks had passed by a day."""
    past = np.flatnonzero(shop.day[shop.launches] + 7 * WEEKS <= day)
    units = shop.weeks(shop.launches[past])
    curve = launch_curve(units, WEEKS, WEEKS)
    rows = past[shop.day[shop.launches[past]] >= QUIET + 50]
    part = Candidates(
        all_rows.parts[:, rows], all_rows.level[rows], all_rows.seen[rows], all_rows.allowed[rows]
    )
    outcome = shop.weeks(shop.launches[rows]).mean(axis=1)
    weights = learn(part, outcome, before.weights if before else None)
    return Learned(weights, curve, Scatter.of(units, curve))


def main() -> None:
    """Print the tables of docs/new-products.md."""
    shop = shop_read()
    curve = launch_curve(
        shop.weeks(shop.launches[shop.day[shop.launches] < SECOND_YEAR - 7 * WEEKS]), WEEKS, WEEKS
    )
    every = candidates_of(shop, shop.launches, curve)
    place = {int(row): at for at, row in enumerate(shop.launches)}
    folds: list[tuple[Array, Learned, Level]] = []
    learned = None
    for day, rows in months(shop):
        learned = learned_by(shop, day, every, learned)
        at = np.array([place[int(row)] for row in rows])
        now = Candidates(every.parts[:, at], every.level[at], every.seen[at], every.allowed[at])
        folds.append((rows, learned, neighbours(now, learned.weights).level))
    last = folds[-1][1]
    print(f"{len(shop.tested)} launches, {len(folds)} folds; scatter {last.scatter}")
    print(f"curve {np.round(last.curve, 2)}\nweights {last.weights.to_dict()}; parts {PARTS}")
    rows = np.concatenate([rows for rows, _, _ in folds])
    actual = shop.weeks(rows)
    print("\n| weeks | method | WAPE of the mean | WAPE of the median | pinball, week | pinball, summed |")
    print("|---:|---|---:|---:|---:|---:|")
    table: dict[tuple[int, str], Losses] = {}
    for horizon in (4, 8):
        methods = {
            "average curve": of_earlier(shop, rows, horizon, quartile=False)[0],
            "average curve of its price quartile": of_earlier(shop, rows, horizon, quartile=True)[0],
            "look-alikes": _look_alike(folds, actual, horizon, 0),
        }
        told = actual[:, :horizon]
        for name, forecast in methods.items():
            losses = table[horizon, name] = Losses.of(forecast, told)
            print(f"| {horizon} | {name} | {_figures(losses, told)} |")
    print("\n| weeks | against | WAPE of the mean | WAPE of the median | pinball, week | pinball, summed |")
    print("|---:|---|---:|---:|---:|---:|")
    for horizon in (4, 8):
        for name in ("average curve", "average curve of its price quartile"):
            own, theirs = table[horizon, "look-alikes"], table[horizon, name]
            cells = (
                "{:.1%} ({:.1%} to {:.1%})".format(*gain(getattr(own, key), getattr(theirs, key)))
                for key in ("mean", "median", "weekly", "cumulative")
            )
            print(f"| {horizon} | {name} | {' | '.join(cells)} |")
    _coverage(folds, actual)
    _after_own_sales(shop, rows, folds, actual)


def _figures(losses: Losses, told: Array) -> str:
    whole, summed = told.sum(), told.cumsum(axis=1).sum()
    parts = (losses.mean / whole, losses.median / whole, losses.weekly / whole, losses.cumulative / summed)
    return " | ".join(f"{part.sum():.3f}" for part in parts)


def _look_alike(folds: list[tuple[Array, Learned, Level]], actual: Array, horizon: int, own: int) -> Forecast:
    """The forecasts of weeks own + 1 .. horizon after ``own`` weeks of own sales, all folds together."""
    parts, at = [], 0
    for rows, learned, prior in folds:
        units = actual[at : at + len(rows), :own].sum(axis=1)
        at += len(rows)
        level = prior
        if own:
            exposure = np.full(len(rows), learned.curve[:own].sum())
            level = posterior(prior, units, exposure, np.full(len(rows), own), learned.scatter)
        course = np.broadcast_to(learned.curve[own:horizon], (len(rows), horizon - own))
        parts.append(launch_distribution(level, course, learned.scatter))
    mean, period, cumulative = (np.concatenate(blocks) for blocks in zip(*parts, strict=True))
    return mean, period, cumulative


def _coverage(folds: list[tuple[Array, Learned, Level]], actual: Array) -> None:
    _, period, cumulative = _look_alike(folds, actual, WEEKS, 0)
    total = actual.sum(axis=1)
    print("\n| level | weeks at or below | 8 weeks' sum at or below |")
    print("|---:|---:|---:|")
    for place, level in enumerate(QUANTILES):
        week = (actual <= period[:, :, place]).mean()
        print(f"| {level:.2f} | {week:.2f} | {(total <= cumulative[:, -1, place]).mean():.2f} |")


def _after_own_sales(
    shop: Shop, rows: Array, folds: list[tuple[Array, Learned, Level]], actual: Array
) -> None:
    print(
        "\n| own weeks | method | WAPE of the mean | WAPE of the median | pinball, week | pinball, summed |"
    )
    print("|---:|---|---:|---:|---:|---:|")
    (mean, _, _), _ = of_earlier(shop, rows, WEEKS, quartile=True)
    for own in (1, 2, 4):
        told = actual[:, own:]
        losses = Losses.of(_look_alike(folds, actual, WEEKS, own), told)
        print(f"| {own} | look-alikes | {_figures(losses, told)} |")
        at_launch = _look_alike(folds, actual, WEEKS, 0)[0][:, own:]
        so_far = actual[:, :own].mean(axis=1, keepdims=True)
        scaled = mean[:, own:] * so_far / mean[:, :own].mean(axis=1, keepdims=True)
        points = {
            "look-alikes, as at launch": at_launch,
            "average curve of its price quartile": mean[:, own:],
            "the same, scaled to own sales": scaled,
            "own weekly mean": np.broadcast_to(so_far, told.shape),
        }
        for name, point in points.items():
            print(f"| {own} | {name} | {np.abs(point - told).sum() / told.sum():.3f} | | | |")


if __name__ == "__main__":
    main()
