"""Open and closed alarms."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from forecasting.models import ForecastAlarm, ForecastRun
from forecasting.selectors.runs import OVERALL


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


def alarms_overall(*, run: ForecastRun | None = None) -> list[ForecastAlarm]:
    """What is off about whole segments, now or when a run was made; all product-locations first."""
    found = _at(alarms_list(of_segments=True), run, is_open=True)
    return sorted(found, key=lambda alarm: (alarm.segment != OVERALL, alarm.segment, alarm.kind, alarm.steps))


def alarm_counts(*, run: ForecastRun | None = None, is_open: bool = True) -> dict[str, int]:
    """How many alarms there are of each kind: open (or closed) ones now, or those when a run was made."""
    alarms = _at(ForecastAlarm.objects.all(), run, is_open=is_open)
    found = {
        row["kind"]: row["count"] for row in alarms.values("kind").annotate(count=Count("pk")).order_by()
    }
    return {kind: found.get(kind, 0) for kind in ForecastAlarm.Kind.values}


def _at(
    alarms: QuerySet[ForecastAlarm], run: ForecastRun | None, *, is_open: bool
) -> QuerySet[ForecastAlarm]:
    if run is None:
        return alarms.filter(closed_at__isnull=is_open)
    seen = run.same_as_id or run.pk
    return alarms.filter(opened_by__lte=seen, seen_by__gte=seen, frequency=run.spec.get("freq", ""))
