"""The step of a reading that turns shoppers' behaviour into interest, conversion and lost demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
from django.conf import settings
from django.db import transaction

from catalog.services.heartbeat import hold
from forecasting.models import BehaviourReading, SignalRun

if TYPE_CHECKING:
    from forecasting.services.signals import Say

HISTORY_DAYS = 26 * 7
WINDOW_DAYS = 8 * 7
RECENT_DAYS = 4 * 7

# What counts as a change: by a fifth at least, and surely so.
_NOTABLE = 1.2
# Product-locations at most that are read at once: 26 weeks of each are held in memory.
_AT_ONCE = 20_000
_KEY = ["product_id", "location_id"]
_COUNTS = ["views", "carts", "wishlists", "searches", "stock_requests"]


@dataclass(frozen=True)
class _Batch:
    """What is read together: products from `first` up to below `end` (None: all), at locations."""

    locations: list[int]
    first: int = 0
    end: int | None = None

    def of(self, records: pl.DataFrame) -> pl.DataFrame:
        """Its rows."""
        mine = records.filter(pl.col("location_id").is_in(self.locations), pl.col("product_id") >= self.first)
        return mine if self.end is None else mine.filter(pl.col("product_id") < self.end)

    def delete(self) -> None:
        """What is stored of it."""
        old = BehaviourReading.objects.filter(location__in=self.locations, product_id__gte=self.first)
        (old if self.end is None else old.filter(product_id__lt=self.end)).delete()


def behaviour_read(run: SignalRun, say: Say) -> dict[str, Any]:
    """Read the behaviour of every product-location anew, as it was known to the run."""
    from catalog import selectors as catalog

    records = catalog.behaviour_records(
        first=run.as_of - timedelta(days=HISTORY_DAYS - 1), last=run.as_of, known_at=run.known_at
    )
    prices = _prices_home(run)
    written = lost = 0
    kept: list[int] = []
    for number, batch in enumerate(batches := list(_batches(records))):
        readings = _readings(run, batch.of(records), prices)
        with transaction.atomic():
            hold(run)
            batch.delete()
            BehaviourReading.objects.bulk_create(readings, batch_size=5_000)
        written += len(readings)
        lost += sum(bool(reading.lost_units) for reading in readings)
        kept += batch.locations
        say((number + 1) / len(batches))
    with transaction.atomic():
        hold(run)
        BehaviourReading.objects.exclude(location__in=kept).delete()
    return {"product_locations": written, "lost": lost}


def _batches(records: pl.DataFrame) -> Iterator[_Batch]:
    """Locations, so many together that their product-locations are not too many, or slices of a large one.

    Rates are drawn to those of their category within the batch.
    """
    pairs = records.select(_KEY).unique()
    batch: list[int] = []
    total = 0
    for location, size in pairs.group_by("location_id").len().sort("location_id").iter_rows():
        if size > _AT_ONCE:
            products = pairs.filter(pl.col("location_id") == location)["product_id"].sort()
            # The first begins at 0 and the last has no end: what was stored of others goes too.
            bounds = [0, *products.gather_every(_AT_ONCE, _AT_ONCE), None]
            for first, end in pairwise(bounds):
                yield _Batch([location], first or 0, end)
            continue
        if batch and total + size > _AT_ONCE:
            yield _Batch(batch)
            batch, total = [], 0
        batch.append(location)
        total += size
    if batch:
        yield _Batch(batch)


def _readings(
    run: SignalRun, records: pl.DataFrame, prices: dict[tuple[int, int], float]
) -> list[BehaviourReading]:
    from forecasting.core.lost_demand import behaviour_summarise

    days = _days(run, records)
    weeks = _sparklines(days)
    assumed = set(records.filter("is_assumed").select(_KEY).unique().iter_rows())
    found = behaviour_summarise(days, window=WINDOW_DAYS, recent=RECENT_DAYS)
    readings = []
    for row in found.iter_rows(named=True):
        product, location = map(int, row["unique_id"].split("@"))
        price = prices.get((product, location))
        lost = row["lost_units"]
        readings.append(
            BehaviourReading(
                product_id=product,
                location_id=location,
                as_of=run.as_of,
                views_before=row["views_before"],
                **{name: row[name] for name in _COUNTS},
                conversion=row["conversion"],
                conversion_low=row["conversion_low"],
                conversion_high=row["conversion_high"],
                interest_change=row["interest_change"],
                interest_went=_went(row, "interest_change"),
                conversion_change=row["conversion_change"],
                conversion_went=_went(row, "conversion_change"),
                out_days=row["out_days"],
                lost_units=lost,
                lost_low=row["lost_low"],
                lost_high=row["lost_high"],
                lost_value=None if lost is None or price is None else Decimal(f"{lost * price:.2f}"),
                sparkline=weeks[row["unique_id"]],
                is_assumed=(product, location) in assumed,
            )
        )
    return readings


def _days(run: SignalRun, records: pl.DataFrame) -> pl.DataFrame:
    """The days that `behaviour_summarise` wants: all that the panel or the records have."""
    from catalog import selectors as catalog

    panel = catalog.demand_panel(
        as_of=run.as_of,
        known_at=run.known_at,
        history_days=HISTORY_DAYS,
        product_ids=records["product_id"].unique().sort().to_list(),
        location_ids=records["location_id"].unique().sort().to_list(),
    ).select("unique_id", pl.col("ds").alias("day"), "y", "in_stock", pl.col("category").cast(pl.String))
    named = records.with_columns(unique_id=pl.format("{}@{}", *_KEY)).select("unique_id", "day", *_COUNTS)
    ids = named.select("unique_id").unique()
    categories = panel.select("unique_id", "category").unique("unique_id")
    days = (
        panel.drop("category")
        .join(ids, on="unique_id", how="semi")
        .join(named, on=["unique_id", "day"], how="full", coalesce=True)
        .join(categories, on="unique_id", how="left")
    )
    return days.select(
        "unique_id",
        "day",
        *(pl.col(name).fill_null(0) for name in _COUNTS),
        "y",
        "in_stock",
        age=(pl.lit(run.as_of) - pl.col("day")).dt.total_days(),
        group=pl.col("category").fill_null("").rank("dense").cast(pl.Int64) - 1,
    )


def _sparklines(days: pl.DataFrame) -> dict[str, list[int]]:
    """Views (carts where there are none) of each of the weeks up to the as-of date, oldest first."""
    weeks = HISTORY_DAYS // 7
    by_week = days.group_by("unique_id", week=pl.col("age") // 7).agg(
        pl.col("views").sum(), pl.col("carts").sum()
    )
    lines: dict[str, list[int]] = {}
    carts: dict[str, list[int]] = {}
    for unique_id, week, seen, put in by_week.iter_rows():
        lines.setdefault(unique_id, [0] * weeks)[weeks - 1 - week] = seen
        carts.setdefault(unique_id, [0] * weeks)[weeks - 1 - week] = put
    return {unique_id: line if any(line) else carts[unique_id] for unique_id, line in lines.items()}


def _prices_home(run: SignalRun) -> dict[tuple[int, int], float]:
    """What a unit sells for in the home currency, by product and stocking location, where it is known."""
    from catalog import selectors as catalog
    from catalog.models import Location

    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=run.as_of)
    currencies = dict(Location.objects.values_list("pk", "currency"))
    return {
        (product, location): price * rates[currencies[location]]
        for product, location, price in catalog.prices_latest(as_of=run.as_of).iter_rows()
        if currencies[location] in rates
    }


def _went(row: dict[str, Any], name: str) -> str:
    change, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if change is None:
        return BehaviourReading.Change.UNKNOWN
    if change >= _NOTABLE and low > 1:
        return BehaviourReading.Change.UP
    if change <= 1 / _NOTABLE and high < 1:
        return BehaviourReading.Change.DOWN
    return BehaviourReading.Change.STEADY
