"""Signals as columns of a demand panel, each value in the first period at whose close it was known.

A new signal is a function in `SOURCES`; `tests/forecasting/test_signal_leakage.py` fails until it is shown
there that none of its values is seen early.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from catalog.selectors.frames import Read

BEHAVIOUR = ("views", "carts", "wishlists", "searches", "stock_requests")
REVIEWS = ("review_volume", "review_sentiment")
INDICATOR = "indicator:"
"""Before an indicator's code, the name of its signal."""

# Days of reviews whose mean is the sentiment of a period.
_SENTIMENT_DAYS = 91


@dataclass(frozen=True)
class Signal:
    """A signal in a panel: the name of its column, its rows of data, and the first day of them.

    ``title`` is what an indicator is called (else empty); ``is_assumed`` says that data is made up.
    """

    name: str
    rows: int
    since: date
    is_assumed: bool = False
    title: str = ""


@dataclass(frozen=True)
class Found:
    """A signal with its values: frame of ``keys`` (of product, location, ds) and the column."""

    signal: Signal
    keys: tuple[str, ...]
    values: pl.DataFrame
    # From the first period on that lies wholly after the data begins, no row is zero; None: it is unknown.
    zero_from: date | None = None


@dataclass(frozen=True)
class Scope:
    """What sources read by: facts recorded by ``known_at`` of days up to the panel's last period.

    ``series`` are product, location and category; ``periods`` are ``ds`` (the last day) and ``begins``.
    """

    read: Read
    known_at: datetime
    series: pl.DataFrame
    periods: pl.DataFrame

    @property
    def last(self) -> date:
        """The close of the last period."""
        last: date = self.periods["ds"][-1]
        return last

    def facts(self, kind: str, columns: tuple[str, ...], *, until: str | None = "day") -> pl.DataFrame:
        """Rows of a kind with their types, whose day ``until`` is not after the last period."""
        import polars as pl

        from catalog.selectors import facts_sql
        from catalog.tables import TABLES

        where = "1 = 1" if until is None else f"{until} <= '{self.last.isoformat()}'"
        sql, params = facts_sql(kind, columns, where=where, known_at=self.known_at)
        types = TABLES[kind].schema | {"id": pl.Int64()}
        return self.read(sql, params, schema={name: types[name] for name in columns})

    def in_periods(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows with the period ``ds`` in which their ``day`` lies; without those before the first."""
        import polars as pl

        return (
            frame.filter(pl.col("day") >= self.periods["begins"][0])
            .sort("day")
            .join_asof(
                self.periods.select("ds"), left_on="day", right_on="ds", strategy="forward", coalesce=False
            )
        )


def signal_columns(
    panel: pl.DataFrame, *, known_at: datetime, names: Collection[str] | None = None
) -> tuple[pl.DataFrame, tuple[Signal, ...]]:
    """A demand panel of past periods with a column for each signal of which anything is known, and these.

    ``names`` are those wanted (None: all). A value stands at the first period at whose close it was known:
    behaviour and reviews on their day, indicators on the day that says so.
    """
    import polars as pl

    from catalog.selectors.frames import reading

    found: list[Signal] = []
    if names is not None and not names:
        return panel, ()
    with reading() as read:
        scope = _scope(read, panel, known_at)
        ids = panel.select(pl.col("unique_id").cast(pl.String)).with_columns(_ids())
        panel = panel.with_columns(ids["product"].alias("_product"), ids["location"].alias("_location"))
        series = scope.series.select("product", "location", "category")
        panel = panel.join(
            series.rename({name: f"_{name}" for name in series.columns}),
            on=["_product", "_location"],
            how="left",
            maintain_order="left",
        )
        for source, own in SOURCES.items():
            if names is not None and not any(source_of(name) == source for name in names):
                continue
            for item in own(scope):
                if names is None or item.signal.name in names:
                    panel = _joined(panel, item, scope)
                    found.append(item.signal)
    return panel.drop("_product", "_location", "_category"), tuple(found)


def source_of(name: str) -> str:
    """The source of a signal."""
    return "indicators" if name.startswith(INDICATOR) else "reviews" if name in REVIEWS else "behaviour"


def _ids() -> list[pl.Expr]:
    import polars as pl

    parts = pl.col("unique_id").str.split_exact("@", 1).struct
    return [
        parts.field("field_0").cast(pl.Int64).alias("product"),
        parts.field("field_1").cast(pl.Int64).alias("location"),
    ]


def _scope(read: Read, panel: pl.DataFrame, known_at: datetime) -> Scope:
    import polars as pl

    products = read(
        "SELECT id, category_id FROM catalog_product", schema={"id": pl.Int64(), "category_id": pl.Int64()}
    )
    series = (
        panel.select(pl.col("unique_id").unique().cast(pl.String))
        .with_columns(_ids())
        .join(products.rename({"id": "product", "category_id": "category"}), on="product", how="left")
        .select("product", "location", "category")
    )
    ds = panel["ds"].unique().sort()
    width = (ds[1] - ds[0]) if len(ds) > 1 else timedelta(days=1)
    periods = pl.DataFrame({"ds": ds}).with_columns(
        begins=(pl.col("ds").shift(1).fill_null(ds[0] - width) + pl.duration(days=1)).cast(pl.Date)
    )
    return Scope(read=read, known_at=known_at, series=series, periods=periods)


def _joined(panel: pl.DataFrame, item: Found, scope: Scope) -> pl.DataFrame:
    import polars as pl

    name = item.signal.name
    values = item.values.rename({key: f"_{key}" for key in item.keys if key != "ds"})
    on = ["ds" if key == "ds" else f"_{key}" for key in item.keys]
    panel = panel.join(values.select(*on, name), on=on, how="left", maintain_order="left")
    if item.zero_from is not None:
        whole = scope.periods.filter(pl.col("begins") >= item.zero_from)["ds"].min()
        begun = pl.lit(value=False) if whole is None else pl.col("ds") >= whole
        panel = panel.with_columns(pl.when(begun).then(pl.col(name).fill_null(0)).alias(name))
    return panel.with_columns(pl.col(name).cast(pl.Float64))


def _behaviour(scope: Scope) -> Iterator[Found]:
    """Shoppers' acts by day, at the location that holds the stock."""
    import polars as pl

    from catalog.selectors.places import locations_stocking

    rows = scope.facts("behaviour", ("product_id", "location_id", "day", *BEHAVIOUR, "is_assumed"))
    stocking = locations_stocking(scope.read).select("location_id", "stocking_id")
    rows = rows.join(stocking, on="location_id").rename({"product_id": "product", "stocking_id": "location"})
    sums = (
        scope.in_periods(rows)
        .group_by("product", "location", "ds")
        .agg(*(pl.col(name).sum().cast(pl.Float64) for name in BEHAVIOUR))
    )
    for name in BEHAVIOUR:
        some = rows.filter(pl.col(name) > 0)
        if some.is_empty():
            continue
        since: date = some["day"].min()  # type: ignore[assignment]
        signal = Signal(name, some.height, since, is_assumed=bool(some["is_assumed"].any()))
        yield Found(signal, ("product", "location", "ds"), sums, zero_from=since)


def _reviews(scope: Scope) -> Iterator[Found]:
    """How many reviews a product got, and the mean probability of praise of the last quarter's."""
    import polars as pl

    rows = scope.facts("review", ("id", "product_id", "day", "is_assumed"))
    readings = scope.read(
        "SELECT review_id, p_positive FROM forecasting_reviewreading"
        " WHERE left_out = '' AND p_positive IS NOT NULL",
        schema={"review_id": pl.Int64(), "p_positive": pl.Float64()},
    )
    rows = rows.join(readings, left_on="id", right_on="review_id").rename({"product_id": "product"})
    if rows.is_empty():
        return
    since: date = rows["day"].min()  # type: ignore[assignment]
    assumed = bool(rows["is_assumed"].any())
    volume = scope.in_periods(rows).group_by("product", "ds").agg(review_volume=pl.len())
    yield Found(Signal("review_volume", rows.height, since, assumed), ("product", "ds"), volume, since)
    # Running sums by product, looked up at the close of each period and a quarter earlier.
    running = (
        rows.group_by("product", "day")
        .agg(total=pl.col("p_positive").sum(), number=pl.len().cast(pl.Float64))
        .sort("product", "day")
        .with_columns(pl.col("total", "number").cum_sum().over("product"))
        .sort("day")
    )
    grid = rows.select("product").unique().join(scope.periods.select("ds"), how="cross").sort("ds")
    for place, back in (("now", 0), ("then", _SENTIMENT_DAYS)):
        grid = (
            grid.with_columns(at=(pl.col("ds") - pl.duration(days=back)).cast(pl.Date))
            .sort("at")
            .join_asof(running, left_on="at", right_on="day", by="product", check_sortedness=False)
            .rename({"total": f"total_{place}", "number": f"number_{place}"})
            .select(pl.exclude("at", "day"))
        )
    number = pl.col("number_now").fill_null(0) - pl.col("number_then").fill_null(0)
    total = pl.col("total_now").fill_null(0) - pl.col("total_then").fill_null(0)
    sentiment = grid.select("product", "ds", review_sentiment=pl.when(number > 0).then(total / number))
    yield Found(Signal("review_sentiment", rows.height, since, assumed), ("product", "ds"), sentiment)


def _indicators(scope: Scope) -> Iterator[Found]:
    """Each indicator's value of the latest day known by the close of a period: of the product, else of the
    nearest category above it, else of everything; at the location before everywhere.
    """
    import polars as pl

    from catalog.selectors.places import locations_stocking

    indicators = scope.facts("indicator", ("id", "code", "name", "is_assumed"), until=None)
    columns = ("indicator_id", "product_id", "category_id", "location_id", "day", "value", "known_on")
    rows = scope.facts("indicator_value", columns, until="known_on")
    rows = rows.rename({"product_id": "product", "category_id": "above", "location_id": "location"})
    if rows.is_empty():
        return
    rows = rows.join(_categories(scope), on="above", how="left", nulls_equal=False).with_columns(
        rank=pl.when(pl.col("product").is_not_null())
        .then(0)
        .when(pl.col("above").is_not_null())
        .then(1 + pl.col("distance"))
        .otherwise(1_000)
    )
    stocking = dict(locations_stocking(scope.read).select("location_id", "stocking_id").iter_rows())
    grid = scope.series.join(scope.periods.select("ds"), how="cross").sort("ds").with_row_index()
    for one in indicators.sort("code").iter_rows(named=True):
        own = rows.filter(pl.col("indicator_id") == one["id"]).filter(pl.col("rank").is_not_null())
        if own.is_empty():
            continue
        name = f"{INDICATOR}{one['code']}"
        number = own.select("product", "above", "location", "day").n_unique()
        since: date = own["day"].min()  # type: ignore[assignment]
        signal = Signal(name, number, since, bool(one["is_assumed"]), one["name"])
        yield Found(signal, ("product", "location", "ds"), _nearest(grid, own, stocking, name))


def _categories(scope: Scope) -> pl.DataFrame:
    """Each category with those above it and how far (itself: 0): above, category, distance."""
    import polars as pl

    parents = scope.read(
        "SELECT id, parent_id FROM catalog_category", schema={"id": pl.Int64(), "parent_id": pl.Int64()}
    )
    parent = dict(parents.iter_rows())
    lines = []
    for category in parent:
        above, distance = category, 0
        while above is not None and distance <= len(parent):
            lines.append((above, category, distance))
            above, distance = parent.get(above), distance + 1
    schema = {"above": pl.Int64(), "category": pl.Int64(), "distance": pl.Int64()}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _nearest(grid: pl.DataFrame, rows: pl.DataFrame, stocking: dict[int, int], name: str) -> pl.DataFrame:
    """The column of an indicator: product, location, ds and the value, where one is known.

    ``grid`` are all series and periods in order of `ds`, with an `index`; ``stocking`` says where each
    location's stock is held.
    """
    import polars as pl

    rows = rows.with_columns(pl.col("location").replace(stocking), local=pl.col("location").is_not_null())
    found = pl.Series(name, [None] * grid.height, dtype=pl.Float64)
    for (rank, local), part in sorted(
        rows.group_by("rank", "local"), key=lambda item: (item[0][0], not item[0][1])
    ):
        keys = (["product"] if rank == 0 else [] if rank == 1_000 else ["category"]) + (
            ["location"] if local else []
        )
        latest = pl.col("day").cum_max().over(keys) if keys else pl.col("day").cum_max()
        newest = (
            part.sort("known_on", "day")
            # What is told late of an earlier day changes nothing.
            .filter(pl.col("day") == latest)
            .group_by(*keys, "known_on", maintain_order=True)
            .agg(pl.col("value").last())
            .sort("known_on")
        )
        told = grid.join_asof(
            newest, left_on="ds", right_on="known_on", by=keys or None, check_sortedness=False
        )
        found = pl.select(pl.coalesce(found, told.sort("index")["value"])).to_series().alias(name)
    return grid.with_columns(found).select("product", "location", "ds", name)


SOURCES: dict[str, Callable[[Scope], Iterator[Found]]] = {
    "behaviour": _behaviour,
    "reviews": _reviews,
    "indicators": _indicators,
}
