"""The health of the data: how fresh it is, which days are missing, and what products lack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from catalog.models import DataHealth, ImportBatch, Job, Location, Product, SalesRecord, StockLevel
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import inlined, reading
from catalog.selectors.network import lanes_frame
from catalog.selectors.places import locations_stocking
from catalog.selectors.stock import stock_on
from catalog.selectors.supply import prices_latest, terms_all

SOLD_DAYS, WEEKDAY_DAYS, GAP_DAYS = 365, 182, 90
# A weekday on which so large a share of weeks had sales normally has some.
NORMAL = 0.8
# Of fewer weeks than these nothing is normal yet.
_FEWEST_WEEKS = 4
_OLD_DAYS = 7
_EXAMPLES = 5
_REJECTED_DAYS = 30
_KEY = ["product_id", "location_id"]


@dataclass(frozen=True)
class Freshness:
    """The last day with sales, and with a stock figure, of a location; None where there never was one."""

    location: Location
    sales: date | None
    stock: date | None
    gaps: int = 0
    gap_days: tuple[date, ...] = ()

    @property
    def oldest(self) -> date:
        """The older of the two that there are."""
        return min((day for day in (self.sales, self.stock) if day is not None), default=date.max)


@dataclass(frozen=True)
class Rejected:
    """Files of the last 30 days: rows that were refused, files with such rows, and files that failed."""

    rows: int
    files: int
    failed: int
    newest: ImportBatch | None


def health_latest() -> DataHealth | None:
    """The health of the data as last measured."""
    return DataHealth.objects.order_by("-measured_at", "-pk").first()


def freshness_list(health: DataHealth | None) -> list[Freshness]:
    """Each location that has sales or stock, the stalest first, with the gaps of a measurement.

    Asks the index on location and day for its ends alone.
    """
    gaps = {int(row["location"]): row for row in (health.report.get("gaps", []) if health else [])}
    rows = []
    for place in _with_days(Location.objects.all()):
        gap = gaps.get(place.pk, {})
        sales, stock = place.last_sales, place.last_stock  # type: ignore[attr-defined]
        if sales or stock:
            days = tuple(date.fromisoformat(day) for day in gap.get("last", ()))
            rows.append(Freshness(place, sales, stock, gap.get("days", 0), days))
    return sorted(rows, key=lambda row: (row.oldest, row.location.code))


def _with_days(places: QuerySet[Location]) -> QuerySet[Location]:
    def last(model: type[SalesRecord] | type[StockLevel]) -> Subquery:
        rows = model._base_manager.filter(location=OuterRef("pk")).order_by("-day")
        return Subquery(rows.values("day")[:1])

    return places.annotate(last_sales=last(SalesRecord), last_stock=last(StockLevel))


def imports_rejected() -> Rejected:
    """What the imports of the last 30 days refused."""
    recent = ImportBatch.objects.filter(
        created_at__gte=timezone.now() - timedelta(days=_REJECTED_DAYS), taken_back_at=None
    )
    refused = Q(rows_rejected__gt=0)
    sums = recent.aggregate(
        rows=Sum("rows_rejected", filter=refused),
        files=Count("pk", filter=refused),
        failed=Count("pk", filter=Q(state=Job.State.FAILED)),
    )
    newest = recent.filter(refused).defer("errors", "drops", "mapping").order_by("-pk").first()
    return Rejected(sums["rows"] or 0, sums["files"], sums["failed"], newest)


def health_measured(*, as_of: date) -> dict[str, Any]:
    """What the data lacks on a day, for `DataHealth.report`; reads all of a year's sales.

    `sold`: product-locations sold in the last 365 days and not discontinued; of those `no_stock`, `no_terms`,
    `no_price` and `old_stock` (a figure of more than 7 days before), `assumed_stock`, `assumed_terms`, each
    with its `count` and a few `skus`. `unsold`: products that are sold no more, or never were. `first`: the
    first day with sales (ISO). `gaps`: by location, days within the last 90 without any sale though that
    weekday normally has some (in 4 of 5 of the last 26 weeks), up to its last day with sales.
    """
    sold, first, active = _sold(as_of)
    stock = stock_on(as_of=as_of).select(*_KEY, "day", assumed_stock="is_assumed")
    terms = terms_all(as_of=as_of).group_by(_KEY).agg(assumed_terms=pl.col("is_assumed").all())
    supplied = lanes_frame().filter(pl.col("is_supply")).select(location_id="destination_id").unique()
    prices = prices_latest(as_of=as_of).select(*_KEY, "price")
    rows = (
        sold.join(stock, on=_KEY, how="left")
        .join(terms, on=_KEY, how="left")
        .join(prices, on=_KEY, how="left")
        .join(supplied.with_columns(supplied=pl.lit(True)), on="location_id", how="left")
        .sort("units", "product_id", "location_id", descending=[True, False, False])
    )
    conditions = {
        "no_stock": pl.col("day").is_null(),
        "old_stock": pl.col("day") < as_of - timedelta(days=_OLD_DAYS),
        "assumed_stock": pl.col("assumed_stock").fill_null(False),
        "no_terms": pl.col("assumed_terms").is_null() & pl.col("supplied").is_null(),
        "assumed_terms": pl.col("assumed_terms").fill_null(False),
        "no_price": pl.col("price").is_null(),
    }
    return {
        "sold": rows.height,
        "products": active,
        "unsold": active - rows["product_id"].n_unique(),
        "first": first.isoformat() if first else None,
        "gaps": _gaps(as_of),
        **{name: _lacking(rows.filter(condition)) for name, condition in conditions.items()},
    }


def _sold(as_of: date) -> tuple[pl.DataFrame, date | None, int]:
    """Product-locations (stocking) that sold, with sku and units; the first day of all; products in use."""
    sql, params = facts_sql(
        "sales",
        ["product_id", "location_id", "quantity", "day"],
        where=inlined("day > %s AND day <= %s", [as_of - timedelta(days=SOLD_DAYS), as_of]),
    )
    with reading() as read:
        found = read(
            f"SELECT product_id, location_id, SUM(quantity) AS units FROM ({sql}) sold"  # noqa: S608
            " WHERE quantity > 0 GROUP BY product_id, location_id",
            params,
            schema={"product_id": pl.Int64(), "location_id": pl.Int64(), "units": pl.Float64()},
        )
        products = read(
            "SELECT id AS product_id, sku, status FROM catalog_product",
            schema={"product_id": pl.Int64(), "sku": pl.String(), "status": pl.String()},
        )
        places = locations_stocking(read)
    used = products.filter(pl.col("status") != Product.Status.DISCONTINUED.value)
    sold = (
        found.join(places.select("location_id", "stocking_id"), on="location_id")
        .group_by("product_id", location_id=pl.col("stocking_id"))
        .agg(pl.col("units").sum())
        .join(used.select("product_id", "sku"), on="product_id")
    )
    first_days = SalesRecord.objects.filter(location=OuterRef("pk")).order_by("day").values("day")[:1]
    days = Location.objects.annotate(first=Subquery(first_days)).values_list("first", flat=True)
    return sold, min((day for day in days if day is not None), default=None), used.height


def _lacking(rows: pl.DataFrame) -> dict[str, Any]:
    """How many, and the best sold of them."""
    skus = rows["sku"].unique(maintain_order=True).head(_EXAMPLES).to_list()
    return {"count": rows.height, "skus": skus}


def _gaps(as_of: date) -> list[dict[str, Any]]:
    begin = as_of - timedelta(days=WEEKDAY_DAYS)
    where = inlined("day > %s AND day <= %s", [begin, as_of])
    sql, params = facts_sql("sales", ["location_id", "day", "quantity"], where=where)
    with reading() as read:
        found = read(
            f"SELECT DISTINCT location_id, day FROM ({sql}) sold WHERE quantity > 0",  # noqa: S608
            params,
            schema={"location_id": pl.Int64(), "day": pl.Date()},
        )
    by_place: dict[int, set[date]] = {}
    for place, day in found.iter_rows():
        by_place.setdefault(place, set()).add(day)
    gaps = []
    for place in sorted(by_place):
        missing = days_missing(by_place[place], first_gap=as_of - timedelta(days=GAP_DAYS))
        if missing:
            last = [day.isoformat() for day in missing[-_EXAMPLES:]]
            gaps.append({"location": place, "days": len(missing), "last": last})
    return gaps


def days_missing(sold: set[date], *, first_gap: date) -> list[date]:
    """Days after `first_gap` without a sale, between the first and the last with one, on weekdays of which at
    least `NORMAL` of the weeks between the two had sales.
    """
    first, last = min(sold), max(sold)
    between = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(between) < 7 * _FEWEST_WEEKS:
        return []
    had, of = [0] * 7, [0] * 7
    for day in between:
        of[day.weekday()] += 1
        had[day.weekday()] += day in sold
    return [
        day
        for day in between
        if day > first_gap and day not in sold and had[day.weekday()] >= NORMAL * of[day.weekday()]
    ]
