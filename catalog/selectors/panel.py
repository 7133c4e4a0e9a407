"""The demand panel: sparse facts of the database made one dense frame (contract 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.selectors.attributes import products_read, series_attributes
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import Read, ids_in, inlined, reading
from catalog.selectors.places import locations_converting
from catalog.tables import TABLES

Freq = Literal["D", "W", "M"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)
_FALSE, _TRUE, _UNKNOWN = 0, 1, 2
# Tables of ids up to this size are looked up by position instead of by search.
_LOOKUP_SPAN = 8_000_000


def demand_panel(
    *,
    as_of: date,
    known_at: datetime | None = None,
    freq: Freq = "D",
    history_days: int | None = None,
    product_ids: Sequence[int] | None = None,
    location_ids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """What was sold, dense, one row per series and period, ordered by product, location and `ds`.

    A series is a product at the location that holds its stock: sales at a location that another one receives
    for count there. It runs from the first period with a sale to the one that ends at `as_of`, without
    discontinued products. `location_ids` are stocking locations; `history_days` cuts off what is older.
    `known_at` reads the facts as they were recorded by then.

    Columns: `unique_id` ("product id@location id"); `ds`, the last day of the period: the day (D), 7 days
    that end on the weekday of `as_of` (W), a month (M, complete ones only); `y`, units sold before returns,
    less cancellations; `in_stock`, false where a day opened or closed with nothing on hand, true where all
    its days are known and none did, else null; `price`, the mean asked price, else revenue per unit, else
    null, and `price_asked`, whether it is the former; `promotion`, the share of days promoted; `orders` and
    `buyers`, sums over days (null where a source does not count them); `revenue`. Money is in the stocking
    location's currency (rates of `as_of`). And what never changes of a series, as encoded ids: `department`
    (the root of its category's tree), `category`, `product`, `location`.
    """
    end = as_of if freq != "M" else _month_end(as_of)
    begin = None if history_days is None else as_of - timedelta(days=history_days - 1)
    with reading() as read:
        query = _Query(read, end, begin, known_at, product_ids, _places(read, as_of, location_ids))
        sales = query.facts("sales", ["quantity", "revenue", "orders", "buyers"])
        grid = _grid(query, sales)
        days = _days(query, grid, sales)
    if freq != "D":
        days = _periods(days, freq, _number(end))
    return _frame(grid, days)


def unique_id_split(ids: Sequence[str]) -> tuple[Ints, Ints]:
    """Product ids and location ids of the panel's `unique_id`s."""
    pairs = pl.Series(ids, dtype=pl.String).str.split_exact("@", 1).struct.unnest().cast(pl.Int64)
    return pairs["field_0"].to_numpy(), pairs["field_1"].to_numpy()


@dataclass(frozen=True)
class _Places:
    """Locations (sorted ids), where their stock is held, and the factor to that place's currency."""

    ids: Ints
    stocking: Ints
    factor: Floats
    wanted: Sequence[int] | None


@dataclass(frozen=True)
class _Facts:
    """Rows of one kind: product, stocking location, day number, and float columns."""

    product: Ints
    stocking: Ints
    day: Ints
    columns: dict[str, Floats]


@dataclass(frozen=True)
class _Query:
    read: Read
    end: date
    begin: date | None
    known_at: datetime | None
    product_ids: Sequence[int] | None
    places: _Places

    def where(self, begin: date | None) -> str:
        """The condition on product, location and day."""
        parts = [
            inlined("day <= %s", [self.end]),
            ids_in("product_id", self.product_ids),
            ids_in("location_id", self.places.wanted),
        ]
        if begin is not None:
            parts.append(inlined("day >= %s", [begin]))
        return " AND ".join(part for part in parts if part != "1 = 1")

    def facts(self, kind: str, columns: Sequence[str], *, days_before: int = 0) -> _Facts:
        """The rows of a kind; money (`revenue`, `price`) in the stocking location's currency."""
        begin = None if self.begin is None else self.begin - timedelta(days=days_before)
        names = ["product_id", "location_id", "day", *columns]
        sql, params = facts_sql(kind, names, where=self.where(begin), known_at=self.known_at)
        frame = self.read(sql, params, schema={name: TABLES[kind].schema[name] for name in names})
        place = _positions(self.places.ids, frame["location_id"].to_numpy())
        values = {name: frame[name].cast(pl.Float64).to_numpy() for name in columns}
        if not (self.places.factor == 1.0).all():
            for name in {"revenue", "price"} & set(columns):
                values[name] = values[name] * self.places.factor[place]
        return _Facts(
            product=frame["product_id"].to_numpy(),
            stocking=self.places.stocking[place],
            day=frame["day"].to_physical().to_numpy().astype(np.int64),
            columns=values,
        )


@dataclass(frozen=True)
class _Grid:
    """The series (sorted by product, then location), their first days, where their rows begin, and what never
    changes of them.
    """

    product: Ints
    stocking: Ints
    keys: Ints
    width: int
    first: Ints
    end: int
    attributes: dict[str, pl.Series]

    @property
    def lengths(self) -> Ints:
        return self.end - self.first + 1

    @property
    def starts(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)

    @property
    def size(self) -> int:
        return int(self.lengths.sum())

    def rows(self, facts: _Facts, *, later: int = 0) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Row number in the dense grid of each fact, moved `later` days, and which facts have one at all."""
        if not len(self.keys):
            return np.empty(0, np.int64), np.zeros(len(facts.day), np.bool_)
        code = _positions(self.keys, facts.product * self.width + facts.stocking)
        day = facts.day + later
        found = (code >= 0) & (day >= self.first[code]) & (day <= self.end)
        if found.all():
            return (self.starts - self.first)[code] + day, found
        return (self.starts - self.first)[code[found]] + day[found], found


@dataclass(frozen=True)
class _Days:
    """Dense columns, one entry per series and day (or period)."""

    series: Ints
    day: Ints
    y: Floats
    revenue: Floats
    orders: Floats
    buyers: Floats
    asked: Floats
    promotion: Floats
    in_stock: npt.NDArray[np.int8] | None


def _places(read: Read, as_of: date, location_ids: Sequence[int] | None) -> _Places:
    places = locations_converting(read, as_of=as_of)
    wanted = None
    if location_ids is not None:
        wanted = places.filter(pl.col("stocking_id").is_in(list(location_ids)))["location_id"].to_list()
    return _Places(
        ids=places["location_id"].to_numpy(),
        stocking=places["stocking_id"].to_numpy(),
        factor=places["factor"].to_numpy(),
        wanted=wanted,
    )


def _grid(query: _Query, sales: _Facts) -> _Grid:
    width = int(query.places.stocking.max(initial=0)) + 1
    first = _first_days(query, sales, width)
    wanted = None if query.product_ids is None else list(query.product_ids)
    products = products_read(query.read, product_ids=wanted, known_at=query.known_at)
    gone = products.filter("discontinued")["product"]
    series = first.filter(
        ~(pl.col("key") // width).is_in(gone.implode()), pl.col("first") <= _number(query.end)
    )
    keys = series["key"].to_numpy()
    return _Grid(
        product=keys // width,
        stocking=keys % width,
        keys=keys,
        width=width,
        first=series["first"].to_numpy(),
        end=_number(query.end),
        attributes=series_attributes(products, keys // width, keys % width),
    )


def _first_days(query: _Query, sales: _Facts, width: int) -> pl.DataFrame:
    """Each series' key and the number of its first day in the panel, sorted by key."""
    if query.begin is None:
        rows = pl.DataFrame(
            {
                "key": sales.product * width + sales.stocking,
                "first": sales.day,
                "sold": sales.columns["quantity"],
            }
        ).filter(pl.col("sold") > 0)
    else:
        # A series that sold before the window, perhaps only then, runs through all of it.
        sql, params = facts_sql(
            "sales",
            ["product_id", "location_id", "day", "quantity"],
            where=query.where(None),
            known_at=query.known_at,
        )
        early = query.read(
            f"SELECT product_id, location_id, MIN(day) AS day FROM ({sql}) s"  # noqa: S608
            " WHERE quantity > 0 GROUP BY product_id, location_id",
            params,
            schema={name: TABLES["sales"].schema[name] for name in ("product_id", "location_id", "day")},
        )
        place = _positions(query.places.ids, early["location_id"].to_numpy())
        rows = pl.DataFrame(
            {
                "key": early["product_id"].to_numpy() * width + query.places.stocking[place],
                "first": early["day"].to_physical().to_numpy().astype(np.int64),
            }
        ).with_columns(pl.col("first").clip(lower_bound=_number(query.begin)))
    return rows.group_by("key").agg(pl.col("first").min()).sort("key")


def _days(query: _Query, grid: _Grid, sales: _Facts) -> _Days:
    row, found = grid.rows(sales)

    def spread(facts: _Facts, name: str, row: Ints, found: npt.NDArray[np.bool_]) -> Floats:
        values = facts.columns[name] if found.all() else facts.columns[name][found]
        # (An empty bincount is of integers.)
        return np.bincount(row, weights=values, minlength=grid.size).astype(np.float64, copy=False)

    columns = {name: spread(sales, name, row, found) for name in sales.columns}
    prices = query.facts("price", ["price"])
    asked = np.full(grid.size, np.nan)
    row, found = grid.rows(prices)
    if len(row):
        count = np.bincount(row, minlength=grid.size)
        np.divide(spread(prices, "price", row, found), count, out=asked, where=count > 0)
    promoted = np.zeros(grid.size)
    promoted[grid.rows(query.facts("promotion", []))[0]] = 1.0
    series = np.repeat(np.arange(len(grid.keys), dtype=np.int64), grid.lengths)
    return _Days(
        series=series,
        day=np.arange(grid.size, dtype=np.int64) - (grid.starts - grid.first)[series],
        y=columns["quantity"],
        revenue=columns["revenue"],
        orders=columns["orders"],
        buyers=columns["buyers"],
        asked=asked,
        promotion=promoted,
        in_stock=_in_stock(query, grid, spread),
    )


def _in_stock(query: _Query, grid: _Grid, spread: Any) -> npt.NDArray[np.int8] | None:
    """Per day: false where it opened or closed with 0 or less; true where it closed with more; unknown."""
    stock = query.facts("stock", ["on_hand"], days_before=1)
    if not len(stock.day):
        return None
    state = np.full(grid.size, _UNKNOWN, np.int8)
    for later in (0, 1):  # what a day closes with, the next one opens with
        row, found = grid.rows(stock, later=later)
        on_hand = spread(stock, "on_hand", row, found)
        known = np.bincount(row, minlength=grid.size) > 0
        if later == 0:
            state[known] = _TRUE
        state[known & (on_hand <= 0)] = _FALSE
    return state


def _periods(days: _Days, freq: Freq, end: int) -> _Days:
    if not len(days.day):
        return days
    if freq == "W":
        period = (end - days.day) // 7
    else:
        period = days.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    begins = np.flatnonzero(
        np.concatenate([[True], (period[1:] != period[:-1]) | (days.series[1:] != days.series[:-1])])
    )
    lengths = np.diff(np.append(begins, len(period)))
    is_asked = ~np.isnan(days.asked)
    asked_days = np.add.reduceat(is_asked.astype(np.int64), begins)
    asked = np.full(len(begins), np.nan)
    np.divide(
        np.add.reduceat(np.where(is_asked, days.asked, 0.0), begins),
        asked_days,
        out=asked,
        where=asked_days > 0,
    )
    in_stock = None
    if days.in_stock is not None:
        # False < true < unknown: one false day decides; otherwise one unknown day does.
        lowest = np.minimum.reduceat(days.in_stock, begins)
        in_stock = np.where(lowest == _FALSE, _FALSE, np.maximum.reduceat(days.in_stock, begins)).astype(
            np.int8
        )
    return _Days(
        series=days.series[begins],
        day=days.day[begins + lengths - 1],
        y=np.add.reduceat(days.y, begins),
        revenue=np.add.reduceat(days.revenue, begins),
        orders=np.add.reduceat(days.orders, begins),
        buyers=np.add.reduceat(days.buyers, begins),
        asked=asked,
        promotion=np.add.reduceat(days.promotion, begins) / lengths,
        in_stock=in_stock,
    )


def _frame(grid: _Grid, days: _Days) -> pl.DataFrame:
    names = pl.Series([f"{p}@{s}" for p, s in zip(grid.product, grid.stocking, strict=True)], dtype=pl.String)
    price = days.asked
    bare = np.isnan(price) & (days.y > 0)
    if bare.any():
        price = price.copy()
        np.divide(days.revenue, days.y, out=price, where=bare)
    known = None if days.in_stock is None else pl.Series(days.in_stock)
    return pl.DataFrame(
        {
            "unique_id": names.gather(days.series),
            "ds": pl.Series(days.day.astype(np.int32)).cast(pl.Date),
            "y": days.y,
            "in_stock": pl.repeat(None, len(days.day), dtype=pl.Boolean, eager=True)
            if known is None
            else pl.select(pl.when(known != _UNKNOWN).then(known == _TRUE)).to_series(),
            "price": pl.Series(price, nan_to_null=True),
            "price_asked": pl.Series(~np.isnan(days.asked)),
            "promotion": days.promotion,
            "orders": pl.Series(days.orders, nan_to_null=True),
            "buyers": pl.Series(days.buyers, nan_to_null=True),
            "revenue": pl.Series(days.revenue, nan_to_null=True),
            **{name: column.gather(days.series) for name, column in grid.attributes.items()},
        }
    )


def _positions(keys: Ints, wanted: Ints) -> Ints:
    """Index in the sorted `keys` of each wanted one; -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    low, span = int(keys[0]), int(keys[-1]) - int(keys[0]) + 1
    if span <= _LOOKUP_SPAN:
        table = np.full(span + 1, -1, np.int64)  # the last entry: not there
        table[keys - low] = np.arange(len(keys))
        offset = wanted - low
        return table[np.where((offset >= 0) & (offset < span), offset, span)]
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[found] == wanted, found, -1)


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _month_end(as_of: date) -> date:
    """The last day of the last month that is complete at the close of `as_of`."""
    following = as_of + timedelta(days=1)
    return following.replace(day=1) - timedelta(days=1)
