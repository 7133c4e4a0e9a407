"""Forecasts as they would have been made on past days, from the demand up to each; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from forecasting.selectors.static import static_columns

if TYPE_CHECKING:
    from forecasting.core.distribution import DemandDistribution
    from forecasting.core.result import ForecastArtifact
    from forecasting.core.spec import ForecastSpec

# Models are trained anew so many days after they were; in between, new sales go through them.
TRAIN_DAYS = 91

Progress = Callable[[str, float], None]


class NoDemandError(Exception):
    """There is nothing to forecast from."""


def backcasts(
    days: Sequence[date],
    *,
    spec: ForecastSpec,
    known_at: datetime | None = None,
    progress: Progress | None = None,
) -> Iterator[DemandDistribution]:
    """The distribution of all product-locations as of each of `days`, which rise, one after the other.

    What was sold after a day is never read for it, and nor are promotions that were still to come: nobody
    can say any more which of them were planned by then. `known_at` reads facts as recorded by that time
    (default: as they are known now, with later corrections). `progress` hears of each day's steps, with the
    share of that day's work. Models are trained on the first day and every `TRAIN_DAYS`, with the
    static columns that make groups then, as in a run. Raises NoDemandError where nothing was sold by a day.
    """
    from catalog.selectors import SERIES_ATTRIBUTES, demand_panel
    from forecasting.core import pipeline

    trained, learned = date.min, list[str]()
    artifact: ForecastArtifact | None = None
    for day in days:
        panel = demand_panel(as_of=day, known_at=known_at, freq=spec.freq)
        if panel.is_empty():
            raise NoDemandError(f"no sales up to {day}")
        columns = sorted(panel.columns)
        if artifact is None or (day - trained).days >= TRAIN_DAYS or columns != learned:
            previous = artifact if columns == learned else None
            own = replace(spec, static=static_columns(panel, smallest=spec.min_segment))
            panel = panel.drop(set(SERIES_ATTRIBUTES) - set(own.static))
            result = pipeline.forecast(panel, as_of=day, spec=own, progress=progress, previous=previous)
            artifact, trained, learned = result.artifact, day, columns
        else:
            panel = panel.drop(set(SERIES_ATTRIBUTES) - set(artifact.spec.static))
            result = pipeline.update(panel, as_of=day, artifact=artifact, progress=progress)
        yield result.distribution
