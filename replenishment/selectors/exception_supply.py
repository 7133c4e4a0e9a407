"""What the search for exceptions reads of supply and of the system: lead times, costs, rates, jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
from django.conf import settings
from django.db.models import Max

from catalog import selectors as catalog
from catalog.models import (
    ExchangeRate,
    ImportBatch,
    SupersededFact,
    SupplyTerms,
)
from replenishment.core.exceptions.limits import Limits
from replenishment.models import (
    PurchaseOrder,
)
from replenishment.selectors.home import jobs_failed
from replenishment.selectors.offers import offers_timed

_PLACE = ["product_id", "location_id"]


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
    """A job that failed and was not followed by one that worked; `holds_up`: plans wait for its data."""

    kind: str
    pk: int
    error: str
    holds_up: bool


def failures() -> list[FailedJob]:
    """`jobs_failed` with what kind each is: import, forecast, plan or replay."""
    kinds = {"importbatch": "import", "forecastrun": "forecast", "planrun": "plan", "replayrun": "replay"}
    found = []
    for job in jobs_failed():
        kind = kinds[str(job._meta.model_name)]
        is_photos = isinstance(job, ImportBatch) and job.kind == ImportBatch.PHOTOS
        found.append(FailedJob(kind, job.pk, job.error[:200], kind != "replay" and not is_photos))
    return found
