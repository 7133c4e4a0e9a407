"""Alarms: opened, kept up and closed by what came of the frozen forecasts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.utils import timezone

from forecasting.models import ForecastAlarm, ForecastRun
from forecasting.services.outcomes import LEAD, Window, outcomes_freeze, window_read

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import Freq

logger = logging.getLogger(__name__)

# steps, kind, product, location, segment: product and location are None for a segment, which is "" for them.
Key = tuple[int, str, int | None, int | None, str]
_BATCH = 1000


@dataclass(frozen=True)
class _Off:
    """What a finding says of one series or segment."""

    segment: str
    value: float
    limit: float
    effect: float


def alarms_refresh(*, run: ForecastRun, panel: pl.DataFrame) -> None:
    """Freeze what came of earlier runs, and bring the open alarms to what all outcomes say.

    `panel` is the demand panel that the run was made from. Safe to repeat, and for several workers at once:
    the alarms are compared and written in one transaction, one worker after the other. A run of a day before
    the latest changes no alarm: it knows less than what opened them.
    """
    freq = cast("Freq", run.spec["freq"])
    outcomes_freeze(run=run, panel=panel)
    found: dict[Key, _Off] = {}
    for steps in (1, LEAD[freq]):
        window = window_read(freq=freq, steps=steps, until=run.as_of)
        if window is not None:
            found |= dict(_findings(window, steps))
    with transaction.atomic():
        # Whoever refreshes waits here for whoever does already.
        ForecastRun.objects.select_for_update(no_key=True).order_by("pk").first()
        done = ForecastRun.objects.filter(state=ForecastRun.State.DONE, spec__freq=freq)
        if done.filter(as_of__gt=run.as_of).exists():
            return
        _write(run, freq, found)


def _write(run: ForecastRun, freq: Freq, found: dict[Key, _Off]) -> None:
    still: list[ForecastAlarm] = []
    over: list[int] = []
    for alarm in ForecastAlarm.objects.filter(frequency=freq, closed_at=None):
        own = alarm.segment if alarm.product_id is None else ""
        now = found.pop((alarm.steps, alarm.kind, alarm.product_id, alarm.location_id, own), None)
        if now is None:
            over.append(alarm.pk)
            continue
        alarm.segment, alarm.value, alarm.limit, alarm.effect = now.segment, now.value, now.limit, now.effect
        alarm.seen_by = run
        still.append(alarm)
    for start in range(0, len(over), _BATCH):
        ForecastAlarm.objects.filter(pk__in=over[start : start + _BATCH]).update(closed_at=timezone.now())
    ForecastAlarm.objects.bulk_update(
        still, ["segment", "value", "limit", "effect", "seen_by"], batch_size=_BATCH
    )
    ForecastAlarm.objects.bulk_create(
        [
            ForecastAlarm(
                frequency=freq,
                steps=steps,
                kind=kind,
                product_id=product,
                location_id=location,
                segment=off.segment,
                value=off.value,
                limit=off.limit,
                effect=off.effect,
                opened_by=run,
                seen_by=run,
            )
            for (steps, kind, product, location, _), off in found.items()
        ],
        batch_size=_BATCH,
    )
    logger.info(
        "Forecast run %d: %d alarms opened, %d still open, %d closed",
        run.pk,
        len(found),
        len(still),
        len(over),
    )


def _findings(window: Window, steps: int) -> Iterator[tuple[Key, _Off]]:
    """Everything that is off: segments, then product-locations."""
    import numpy as np

    from forecasting.core.monitor import segment_findings, series_findings

    for segment, sums in window.sums.items():
        for kind, finding in segment_findings(sums).items():
            if finding.off[0]:
                numbers = (float(item[0]) for item in (finding.value, finding.limit, finding.effect))
                yield (steps, kind, None, None, segment), _Off(segment, *numbers)
    for kind, finding in series_findings(window.series).items():
        for n in np.flatnonzero(finding.off).tolist():
            numbers = (float(item[n]) for item in (finding.value, finding.limit, finding.effect))
            key = (steps, kind, int(window.product_id[n]), int(window.location_id[n]), "")
            yield key, _Off(window.segment[n], *numbers)
