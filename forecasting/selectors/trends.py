"""Where products, categories and markets are going, as the latest reading of signals saw it."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from catalog.selectors import categories_under, products_search
from forecasting.models import SignalRun, TrendReading


def trend_run_latest() -> SignalRun | None:
    """The latest run that told trends."""
    return SignalRun.objects.filter(trends__isnull=False).order_by("-pk").first()


def trends_list(
    *,
    run: SignalRun | None,
    kind: str = "",
    trend: str = "",
    category: int | None = None,
    search: str = "",
) -> QuerySet[TrendReading]:
    """Readings of a run with their things, the likeliest money moved first; narrowed by what is given.

    `category`: products in it or under it, or the categories themselves.
    """
    found = TrendReading.objects.filter(run=run).select_related("product__category", "category", "location")
    if kind:
        found = found.filter(kind=kind)
    if trend:
        found = found.filter(trend=trend)
    if category is not None:
        branch = categories_under([category])[category]
        found = found.filter(Q(product__category__in=branch) | Q(category__in=branch))
    if search:
        found = found.filter(
            Q(product__in=products_search(search))
            | Q(category__name__icontains=search)
            | Q(category__code__icontains=search)
            | Q(location__name__icontains=search)
            | Q(location__code__icontains=search)
        )
    return found.order_by("-score", "pk")


def trends_of(product_ids: Collection[int]) -> dict[int, TrendReading]:
    """The latest readings of these products, by product; in one query."""
    latest = TrendReading.objects.order_by("-run").values("run")[:1]
    found = TrendReading.objects.filter(run=latest, kind=TrendReading.Kind.PRODUCT, product__in=product_ids)
    return {reading.product_id: reading for reading in found if reading.product_id is not None}


def trend_counts(found: QuerySet[TrendReading]) -> dict[str, int]:
    """How many readings of each class."""
    rows = found.order_by().values("trend").annotate(count=Count("pk"))
    counted = {row["trend"]: row["count"] for row in rows}
    return {trend: counted.get(trend, 0) for trend in TrendReading.Trend.values}
