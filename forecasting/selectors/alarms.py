"""Open and closed alarms."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from forecasting.models import ForecastAlarm


def alarms_list(
    *, kind: str = "", is_open: bool | None = None, search: str = "", of_segments: bool | None = None
) -> QuerySet[ForecastAlarm]:
    """Alarms with their products, locations and runs, the newest first; narrowed by what is given.

    `search` is a part of a product's SKU or name. `of_segments`: whole segments, or product-locations.
    """
    from catalog.selectors import products_search

    alarms = ForecastAlarm.objects.select_related("product", "location", "opened_by", "seen_by").defer(
        *(f"{run}__{column}" for run in ("opened_by", "seen_by") for column in ("report", "versions"))
    )
    if kind:
        alarms = alarms.filter(kind=kind)
    if is_open is not None:
        alarms = alarms.filter(closed_at__isnull=is_open)
    if of_segments is not None:
        alarms = alarms.filter(product__isnull=of_segments)
    if search:
        alarms = alarms.filter(product__in=products_search(search))
    return alarms


def alarms_of(*, product_id: int, location_id: int) -> list[ForecastAlarm]:
    """What is off about one product-location now."""
    return list(alarms_list(is_open=True).filter(product=product_id, location=location_id))


def alarms_overall() -> list[ForecastAlarm]:
    """What is off about whole segments now; all product-locations first."""
    found = alarms_list(is_open=True, of_segments=True)
    return sorted(found, key=lambda alarm: (alarm.segment != "overall", alarm.segment, alarm.steps))


def alarm_counts() -> dict[str, int]:
    """How many alarms of each kind are open."""
    rows = ForecastAlarm.objects.filter(closed_at=None).values("kind").annotate(count=Count("pk")).order_by()
    found = {row["kind"]: row["count"] for row in rows}
    return {kind: found.get(kind, 0) for kind in ForecastAlarm.Kind.values}
