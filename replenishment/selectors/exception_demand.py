"""What the search for exceptions reads of demand: sales, trends, alarms, reviews, new products."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
from django.conf import settings
from django.db.models import F, Min

from catalog import selectors as catalog
from catalog.models import (
    Location,
    Product,
    SalesRecord,
    StockLevel,
)
from catalog.selectors.frames import read_frame, real
from forecasting.models import ForecastAlarm, LookAlike, ProductVoice, TrendReading
from forecasting.selectors.trends import trend_run_latest
from replenishment.core.exceptions.demand import WEEKS
from replenishment.core.exceptions.limits import Limits
from replenishment.models import (
    ExceptionCase,
    PlanRun,
    Suggestion,
)

_PLACE = ["product_id", "location_id"]


def sold_frame(plan: PlanRun, limits: Limits) -> pl.DataFrame:
    """product_id, location_id, is_sold, is_old of all rows with stock: `core.exceptions.excess`.

    Two or three steps in an index for each row; no sales are summed.
    """
    since = plan.as_of - timedelta(days=limits.dead_days)
    sales, stock = SalesRecord._meta.db_table, StockLevel._meta.db_table
    same = "r.product_id = s.product_id AND r.location_id = s.location_id"
    return read_frame(
        "SELECT s.product_id, s.location_id,"  # noqa: S608 - our own names
        f" EXISTS (SELECT 1 FROM {sales} r WHERE {same} AND r.day > %s AND r.quantity > 0) AS is_sold,"
        f" (EXISTS (SELECT 1 FROM {sales} r WHERE {same} AND r.day <= %s)"
        f" OR EXISTS (SELECT 1 FROM {stock} r WHERE {same} AND r.day <= %s)) AS is_old"
        f" FROM {Suggestion._meta.db_table} s WHERE s.plan_run_id = %s AND s.on_hand > 0",
        [since, since, since, plan.pk],
        schema={
            "product_id": pl.Int64(),
            "location_id": pl.Int64(),
            "is_sold": pl.Boolean(),
            "is_old": pl.Boolean(),
        },
    )


def weeks_frame(as_of: date) -> pl.DataFrame:
    """product_id, location_id, w0 to w8: units of the last seven days and of the eight weeks before; revenue
    of the last four weeks in the home currency.
    """
    ends = [as_of - timedelta(days=7 * week) for week in range(WEEKS + 2)]
    weeks = ", ".join(
        f"SUM(CASE WHEN day > %s AND day <= %s THEN {real('quantity')} ELSE 0 END) AS w{week}"
        for week in range(WEEKS + 1)
    )
    sums = read_frame(
        f"SELECT product_id, location_id, {weeks},"  # noqa: S608 - our own names
        f" SUM(CASE WHEN day > %s THEN {real('revenue')} ELSE 0 END) AS revenue"
        f" FROM {SalesRecord._meta.db_table} WHERE day > %s AND day <= %s GROUP BY product_id, location_id",
        [
            *(day for week in range(WEEKS + 1) for day in (ends[week + 1], ends[week])),
            ends[4],
            ends[-1],
            as_of,
        ],
        schema={"product_id": pl.Int64(), "location_id": pl.Int64()}
        | {name: pl.Float64() for name in (*(f"w{week}" for week in range(WEEKS + 1)), "revenue")},
    )
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    factor = {pk: rates.get(code, 0.0) for pk, code in Location.objects.values_list("pk", "currency")}
    return sums.with_columns(
        revenue=pl.col("revenue")
        * pl.col("location_id").replace_strict(factor or {-1: 0.0}, default=0.0, return_dtype=pl.Float64)
    )


def trends_frame() -> pl.DataFrame:
    """product_id, trend, previous, confidence, change: of products whose class is another one than before."""
    found = TrendReading.objects.filter(run=trend_run_latest(), kind=TrendReading.Kind.PRODUCT)
    changed = found.exclude(previous="").exclude(previous=F("trend")).order_by("pk")
    return pl.DataFrame(
        list(changed.values_list("product_id", "trend", "previous", "confidence", "evidence__change")),
        schema={
            "product_id": pl.Int64,
            "trend": pl.String,
            "previous": pl.String,
            "confidence": pl.Float64,
            "change": pl.Float64,
        },
        orient="row",
    )


def flips_lasting(*, since: datetime) -> list[ExceptionCase]:
    """Turned trends found since then that the latest reading still sees going the way they turned."""
    cases = list(
        ExceptionCase.objects.filter(
            kind=ExceptionCase.Kind.TREND_FLIP, is_found=True, first_seen__gte=since
        ).select_related(None)
    )
    if not cases:
        return []
    now = dict(
        TrendReading.objects.filter(
            run=trend_run_latest(),
            kind=TrendReading.Kind.PRODUCT,
            product__in=[case.product_id for case in cases],
        ).values_list("product_id", "trend")
    )
    return [case for case in cases if now.get(case.product_id or 0) == case.details.get("trend")]


def alarms_frame() -> pl.DataFrame:
    """product_id, location_id, kind and effect of the open alarms of product-locations."""
    found = ForecastAlarm.objects.filter(closed_at=None, product__isnull=False).order_by("pk")
    return pl.DataFrame(
        list(found.values_list("product_id", "location_id", "kind", "effect")),
        schema={
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "kind": pl.String,
            "effect": pl.Float64,
        },
        orient="row",
    )


def voices_frame(*, as_of: date, limits: Limits) -> pl.DataFrame:
    """product_id, before, level, change, changed_on, reviews of praise that fell of late."""
    found = ProductVoice.objects.filter(
        change__lt=0,
        changed_on__gt=as_of - timedelta(days=limits.sentiment_days),
        before__isnull=False,
    ).order_by("pk")
    return pl.DataFrame(
        list(found.values_list("product_id", "before", "level", "change", "changed_on", "reviews")),
        schema={
            "product_id": pl.Int64,
            "before": pl.Float64,
            "level": pl.Float64,
            "change": pl.Float64,
            "changed_on": pl.Date,
            "reviews": pl.Int64,
        },
        orient="row",
    )


def new_frame(*, as_of: date) -> pl.DataFrame:
    """product_id and weeks sold of products of status new, sold for less than eight weeks, that nothing is
    learned from.
    """
    bare = Product.objects.filter(status=Product.Status.NEW).exclude(
        pk__in=LookAlike.objects.values("product")
    )
    ids = list(bare.order_by("pk").values_list("pk", flat=True))
    first = dict(
        SalesRecord.objects.filter(product_id__in=ids, quantity__gt=0)
        .order_by()
        .values_list("product_id")
        .annotate(first=Min("day"))
    )
    weeks = [(pk, (as_of - first[pk]).days // 7 if pk in first else 0) for pk in ids]
    return pl.DataFrame(
        [row for row in weeks if row[1] < WEEKS],
        schema={"product_id": pl.Int64, "weeks": pl.Int64},
        orient="row",
    )
