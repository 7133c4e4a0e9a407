"""What the search for exceptions reads: a plan and what lies around it, in a few bulk reads."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from django.conf import settings
from django.db.models import F, Max, Min

from catalog import selectors as catalog
from catalog.models import (
    ExchangeRate,
    ImportBatch,
    Location,
    Product,
    SalesRecord,
    StockLevel,
    SupersededFact,
    SupplyTerms,
)
from catalog.selectors.frames import read_frame, real
from forecasting.models import ForecastAlarm, LookAlike, ProductVoice, TrendReading
from forecasting.selectors.trends import trend_run_latest
from replenishment.core.exceptions.demand import WEEKS
from replenishment.core.exceptions.limits import Limits
from replenishment.core.items import DEFAULT_MARGIN
from replenishment.models import (
    ExceptionCase,
    PlanAction,
    PlanRun,
    PurchaseOrder,
    PurchaseOrderLine,
    Suggestion,
)
from replenishment.selectors.home import jobs_failed, orders_late
from replenishment.selectors.offers import offers_timed

_PLACE = ["product_id", "location_id"]
_HOLDING_RATE = 0.25
_ROWS: dict[str, Any] = {
    "suggestion_id": pl.Int64(),
    "product_id": pl.Int64(),
    "location_id": pl.Int64(),
    "supplier_id": pl.Int64(),
    "terms_id": pl.Int64(),
    "on_hand": pl.Float64(),
    "on_order": pl.Float64(),
    "daily": pl.Float64(),
    "stock_out_on": pl.Date(),
    "lead_days": pl.Float64(),
    "order_up_to": pl.Float64(),
    "state": pl.String(),
    "quantity": pl.Float64(),
    "margin_at_risk": pl.Float64(),
    "landed_cost": pl.Float64(),
    "unit_cost": pl.Float64(),
    "currency": pl.String(),
    "reason": pl.String(),
    "moq": pl.Float64(),
}


def plan_frame(plan: PlanRun) -> pl.DataFrame:
    """The plan's rows as the rules of `replenishment.core.exceptions` take them.

    `cost` and `margin` are of a unit, in the home currency: the price is what the plan was made with, else
    that of the usual margin; 0 without terms or an exchange rate. `quantity` is what would still be ordered.
    """
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    rows = read_frame(
        "SELECT s.id AS suggestion_id, s.product_id, s.location_id, s.supplier_id, s.terms_id, s.on_hand,"  # noqa: S608 - our own names
        " s.on_order, s.daily_demand AS daily, s.stock_out_on, s.lead_time_days AS lead_days, s.order_up_to,"
        " s.state, COALESCE(s.edited_quantity, s.order_quantity) AS quantity, s.margin_at_risk,"
        f" s.landed_cost, {real('s.unit_cost')} AS unit_cost, s.currency, s.reason,"
        f" {real('t.moq')} AS moq"
        f" FROM {Suggestion._meta.db_table} s"
        f" LEFT JOIN {SupplyTerms._meta.db_table} t ON t.id = s.terms_id WHERE s.plan_run_id = %s"
        " ORDER BY s.id",
        [plan.pk],
        schema=_ROWS,
    )
    rate = pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64)
    is_open = pl.col("state") == Suggestion.State.OPEN.value
    return (
        rows.with_columns(
            cost=pl.coalesce("landed_cost", pl.col("unit_cost") * rate).fill_null(0.0),
            quantity=pl.when(is_open).then("quantity").otherwise(0.0),
            place=pl.format("{}@{}", *_PLACE),
        )
        .join(_prices(plan), on="place", how="left", maintain_order="left")
        .with_columns(
            holding_rate=pl.col("holding_rate").fill_null(_HOLDING_RATE),
            margin=(pl.coalesce("price", pl.col("cost") / (1 - DEFAULT_MARGIN)) - pl.col("cost")).clip(
                lower_bound=0.0
            ),
        )
        .drop("place", "price")
    )


def _prices(plan: PlanRun) -> pl.DataFrame:
    """place, price and holding_rate of what the plan kept of its items."""
    wanted = {"unique_id": pl.String, "price": pl.Float64, "holding_rate": pl.Float64}
    table = plan.items_table
    kept = pl.read_parquet(io.BytesIO(table)) if table else pl.DataFrame(schema=wanted)
    return kept.select(
        place="unique_id", **{name: pl.col(name).cast(pl.Float64) for name in list(wanted)[1:]}
    )


def products_frame(rows: pl.DataFrame) -> pl.DataFrame:
    """`plan_frame` by product: product_id, daily, daily_margin, stock_value, order_value."""
    return rows.group_by("product_id").agg(
        daily=pl.col("daily").sum(),
        daily_margin=(pl.col("daily").fill_null(0.0) * pl.col("margin")).sum(),
        stock_value=(pl.col("on_hand").fill_null(0.0).clip(lower_bound=0.0) * pl.col("cost")).sum(),
        order_value=(pl.col("quantity") * pl.col("cost")).sum(),
    )


def actions_frame(plan: PlanRun) -> pl.DataFrame:
    """The plan's open actions: action_id, place, kind, quantity, saving, days, their order line and order."""
    return pl.DataFrame(
        list(
            PlanAction.objects.filter(plan_run=plan, state=PlanAction.State.OPEN)
            .order_by("pk")
            .values_list(
                "pk",
                "product_id",
                "location_id",
                "kind",
                "quantity",
                "saving",
                "details__days",
                "order_line_id",
                "order_line__order_id",
                "order_line__order__supplier_id",
                "other_location_id",
            )
        ),
        schema={
            "action_id": pl.Int64,
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "kind": pl.String,
            "quantity": pl.Float64,
            "saving": pl.Float64,
            "days": pl.Float64,
            "line_id": pl.Int64,
            "order_id": pl.Int64,
            "supplier_id": pl.Int64,
            "other_location_id": pl.Int64,
        },
        orient="row",
    )


def late_lines(*, today: date) -> pl.DataFrame:
    """Lines still to come of orders whose day has passed, at their stocking locations."""
    late = orders_late(today=today).order_by().values("pk")
    rows = (
        PurchaseOrderLine.objects.filter(order__in=late, quantity__gt=F("received"))
        .order_by("order_id", "pk")
        .values_list(
            "order_id",
            "order__supplier_id",
            "order__location_id",
            "order__location__receiving_location_id",
            "order__number",
            "order__expected_on",
            "product_id",
            "quantity",
            "received",
        )
    )
    return pl.DataFrame(
        [
            (order, supplier, receiving or place, number, (today - day).days, product, float(all_ - come))
            for order, supplier, place, receiving, number, day, product, all_, come in rows
            if day is not None
        ],
        schema={
            "order_id": pl.Int64,
            "supplier_id": pl.Int64,
            "location_id": pl.Int64,
            "number": pl.String,
            "days": pl.Int64,
            "product_id": pl.Int64,
            "quantity": pl.Float64,
        },
        orient="row",
    )


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


def slips_frame(*, as_of: date) -> pl.DataFrame:
    """Offers with what was learned of their lead times, where any order was ever sent."""
    columns = [
        "terms_id", "supplier_id", "location_id", "product_id", "stated_days", "learned_days",
        "lead_time_receipts",
    ]  # fmt: skip
    sent = PurchaseOrder.objects.filter(supplier__isnull=False).exclude(
        state__in=[PurchaseOrder.State.DRAFT, PurchaseOrder.State.SUBMITTED, PurchaseOrder.State.APPROVED]
    )
    if not sent.exists():
        return pl.DataFrame(
            schema=dict.fromkeys(columns[:4], pl.Int64)
            | dict.fromkeys(columns[4:6], pl.Float64)
            | {"lead_time_receipts": pl.Int64}
        )
    return offers_timed(as_of=as_of).select(columns)


def costs_frame(*, now: datetime, as_of: date, limits: Limits) -> pl.DataFrame:
    """terms_id, product_id, location_id, supplier_id, before, now, currency, rate: terms whose unit cost was
    replaced in the last `jump_days`; before is the first of the values replaced.
    """
    old = (
        SupersededFact.objects.filter(
            kind="supply_terms", superseded_at__gt=now - timedelta(days=limits.jump_days)
        )
        .order_by("superseded_at", "pk")
        .values_list("row__id", "row__unit_cost", "row__currency")
    )
    before: dict[int, tuple[float, str]] = {}
    for pk, cost, currency in old.iterator(chunk_size=10_000):
        before.setdefault(int(pk), (float(cost), currency))
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    terms = SupplyTerms.objects.filter(pk__in=before).order_by("pk")
    return pl.DataFrame(
        [
            (pk, product, place, supplier, before[pk][0], float(cost), currency, rates.get(currency, 0.0))
            for pk, product, place, supplier, cost, currency in terms.values_list(
                "pk", "product_id", "location_id", "supplier_id", "unit_cost", "currency"
            )
            # Another currency is another price, not a jump of this one.
            if before[pk][1] == currency and before[pk][0] != float(cost)
        ],
        schema={
            "terms_id": pl.Int64,
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "supplier_id": pl.Int64,
            "before": pl.Float64,
            "now": pl.Float64,
            "currency": pl.String,
            "rate": pl.Float64,
        },
        orient="row",
    )


def rates_frame(*, as_of: date, limits: Limits) -> pl.DataFrame:
    """currency, before and now: a unit in the home currency `jump_days` ago and as of the day."""
    home = settings.FORESTOCK_HOME_CURRENCY
    past = as_of - timedelta(days=limits.jump_days)
    rows: list[tuple[str, float, float]] = []
    if ExchangeRate.objects.filter(day__gt=past, day__lte=as_of).exists():
        then = catalog.exchange_rates_frame(quote=home, day=past)
        today = catalog.exchange_rates_frame(quote=home, day=as_of)
        rows = [(code, then[code], today[code]) for code in sorted(then.keys() & today.keys() - {home})]
    return pl.DataFrame(
        rows, schema={"currency": pl.String, "before": pl.Float64, "now": pl.Float64}, orient="row"
    )


def batches_rejecting() -> list[ImportBatch]:
    """The last import of each kind, where it was done without some of its rows and stands."""
    last = (
        ImportBatch.objects.filter(state=ImportBatch.State.DONE, taken_back_at=None)
        .order_by()
        .values("kind")
        .annotate(last=Max("pk"))
        .values("last")
    )
    return list(ImportBatch.objects.filter(pk__in=last, rows_rejected__gt=0).order_by("pk"))


@dataclass(frozen=True)
class FailedJob:
    """A job that failed and was not followed by one that worked."""

    kind: str
    pk: int
    error: str


def failures() -> list[FailedJob]:
    """`jobs_failed` with what kind each is: import, forecast, plan or replay."""
    kinds = {"importbatch": "import", "forecastrun": "forecast", "planrun": "plan", "replayrun": "replay"}
    return [FailedJob(kinds[str(job._meta.model_name)], job.pk, job.error[:200]) for job in jobs_failed()]
