"""The trend board, and the page of one product, category or market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from catalog.models import Category
from forecasting.charts import LineChart, line_chart
from forecasting.models import SignalRun, TrendReading
from forecasting.selectors import trends as reads
from forecasting.trend_words import SIGNS, fortnights, rule_words, second_opinion, signed_share, trend_reasons
from forecasting.views.access import inside_only

PAGE_SIZE = 25


@dataclass(frozen=True)
class TrendLine:
    """A reading in the reader's words, with the last year as means of two weeks."""

    reading: TrendReading
    name: str
    code: str
    url: str
    reasons: list[str]
    second: str
    expected: str
    weeks: list[float]
    flipped_from: str


@dataclass(frozen=True)
class Tab:
    """A class (all: empty), its label and how many there are."""

    key: str
    label: str
    count: int
    sign: str


@require_GET
@inside_only
@permission_required("forecasting.view_trendreading", raise_exception=True)
def trend_board(request: HttpRequest) -> HttpResponse:
    """Products, categories or markets by class, the likeliest money moved first."""
    run = reads.trend_run_latest()
    kind = request.GET.get("kind", "")
    if kind not in TrendReading.Kind.values:
        kind = TrendReading.Kind.PRODUCT.value
    trend = request.GET.get("trend", "")
    if trend not in TrendReading.Trend.values:
        trend = ""
    search = request.GET.get("q", "").strip()[:100]
    category = _number(request.GET.get("category", ""))
    found = reads.trends_list(run=run, kind=kind, category=category, search=search)
    counts = reads.trend_counts(found)
    page = Paginator(found.filter(trend=trend) if trend else found, PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    report = run.report.get("trends", {}) if run else {}
    return render(
        request,
        "forecasting/trend_board.html",
        {
            "run": run,
            "page": page,
            "lines": [_line(reading) for reading in page],
            "kind": kind,
            "kinds": TrendReading.Kind.choices,
            "trend": trend,
            "q": search,
            "category": category,
            "categories": Category.objects.order_by("name") if kind != TrendReading.Kind.MARKET else [],
            "tabs": [
                Tab("", _("All"), sum(counts.values()), ""),
                *(Tab(key, str(label), counts[key], SIGNS[key]) for key, label in TrendReading.Trend.choices),
            ],
            "rules": [
                {"words": rule_words(rule), "share": rule["share"], "count": rule["count"]}
                for rule in report.get("rules", [])
            ],
            "validation": report.get("validation"),
            "validated_on": _day(report.get("validation")),
            "kind_name": TrendReading.Kind(kind).label,
        },
    )


@require_GET
@inside_only
@permission_required("forecasting.view_trendreading", raise_exception=True)
def trend_detail(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """One thing: its weeks, its class with the evidence, and for a category the products in it."""
    run = reads.trend_run_latest()
    if kind not in TrendReading.Kind.values:
        raise Http404
    column = {"product": "product", "category": "category", "market": "location"}[kind]
    reading = reads.trends_list(run=run, kind=kind).filter(**{column: pk}).first()
    if reading is None or run is None:
        raise Http404
    page = None
    if kind == TrendReading.Kind.CATEGORY:
        inside = reads.trends_list(run=run, kind=TrendReading.Kind.PRODUCT, category=pk)
        page = Paginator(inside, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "forecasting/trend_detail.html",
        {
            "run": run,
            "line": _line(reading),
            "evidence": reading.evidence,
            "chances": dict(zip(("down", "stable", "up"), reading.evidence["chances"], strict=True)),
            "chart": _chart(run, reading),
            "page": page,
            "lines": [_line(row) for row in page] if page else [],
            "kind_name": TrendReading.Kind.PRODUCT.label,
        },
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _day(validation: dict[str, Any] | None) -> date | None:
    return date.fromisoformat(validation["day"]) if validation else None


def _line(reading: TrendReading) -> TrendLine:
    if reading.product:
        name, code, pk = reading.product.display_name, reading.product.sku, reading.product_id
    elif reading.category:
        name, code, pk = reading.category.display_name, reading.category.code, reading.category_id
    else:
        assert reading.location is not None  # noqa: S101  # a constraint of the table
        name, code, pk = reading.location.name, reading.location.code, reading.location_id
    flipped = reading.previous and reading.previous != reading.trend
    return TrendLine(
        reading=reading,
        name=name,
        code=code,
        url=reverse("forecasting:trend-detail", args=[reading.kind, pk]),
        reasons=trend_reasons(reading),
        second=second_opinion(reading),
        expected=signed_share(reading.evidence["change"]),
        weeks=fortnights(reading.sparkline),
        flipped_from=str(TrendReading.Trend(reading.previous).label) if flipped else "",
    )


def _chart(run: SignalRun, reading: TrendReading) -> LineChart | None:
    values: list[Any] = reading.sparkline
    days = [run.as_of - timedelta(days=7 * back) for back in range(len(values) - 1, -1, -1)]
    return line_chart(days, [(_("Units a week"), "accent", values)], unit="units")
