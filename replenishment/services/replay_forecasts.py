"""The forecasts that a replay may look at: those made on its way, and backcasts where there were none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.conf import settings

from forecasting import selectors as forecasting
from forecasting.core.distribution import DemandDistribution, Freq
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastRun
from replenishment.core.history import History

# How far ahead a backcast looks, in periods: past most protection intervals.
HORIZONS = {"D": 56, "W": 13, "M": 6}
# A monthly forecast knows whole months alone. Made so many days after a month's end, it is of that close.
_LATE_DAYS = 10


@dataclass(frozen=True)
class Source:
    """A forecast in force from the close of a replayed `period` on, whose label is `day`.

    `run_id` and `as_of` are of the run that was made, None and `day` for a backcast.
    """

    period: int
    day: date
    as_of: date
    run_id: int | None = None


def sources_choose(history: History, *, every: int) -> list[Source]:
    """Runs as they came, and a backcast wherever the forecast in force would be `every` weeks old or older.

    Of runs at the replay's frequency that are done and hold their numbers. A run counts from the close of the
    period in which its as-of date lies, not before it; a monthly one only if that is a month's end or a few
    days after one, whose close it then is. The first source is in force at the close of the first period;
    none is made for the last one, after which nothing arrives any more.
    """
    labels = [label.item() for label in history.labels[history.begin :]]
    runs = _runs(history.freq, begin=labels[0] - timedelta(weeks=every), end=labels[-1])
    every = max(1, round(every * 7 / history.period_days))
    first = history.grid.index(labels[0])
    made: dict[int, Source] = {}
    for run in runs:
        at = history.grid.index_floor(run.as_of)
        late = (run.as_of - history.grid.label(at)).days
        if history.freq == "M" and late > _LATE_DAYS:
            continue
        at += late > 0 and history.freq == "W"
        made[at - first] = Source(at - first, history.grid.label(at), run.as_of, run.pk)
    earlier = [made[period] for period in sorted(made) if period < 0]
    chosen: list[Source] = []
    if 0 not in made and earlier and -earlier[-1].period < every:
        chosen.append(earlier[-1])
    for period, label in enumerate(labels):
        if period in made:
            chosen.append(made[period])
        elif not chosen or (period - chosen[-1].period >= every and period < len(labels) - 1):
            chosen.append(Source(period, label, label))
    return chosen


def demands_make(
    sources: Sequence[Source],
    *,
    freq: Freq,
    seed: int,
    known_at: datetime | None,
    progress: Callable[[float], None],
) -> Iterator[DemandDistribution]:
    """The distributions of the sources, in their order, as the models had them; `progress` hears the share.

    Raises NoDemandError where nothing had been sold by the first backcast.
    """
    count = len(sources)
    done = 0

    def tell(step: str, share: float) -> None:
        progress((done + share) / count)

    days = [source.day for source in sources if source.run_id is None]
    spec = ForecastSpec(freq=freq, horizon=HORIZONS[freq], seed=seed, threads=settings.FORESTOCK_THREADS)
    anew = forecasting.backcasts(days, spec=spec, known_at=known_at, progress=tell)
    for source in sources:
        progress(done / count)
        if source.run_id is None:
            yield next(anew)
        else:
            # Overrides are left out: which were in force then, and which came later, is not kept by the day.
            stored = forecasting.distribution_read(run_id=source.run_id, with_overrides=False)
            yield replace(stored, as_of=source.day)
        done += 1
    progress(1.0)


def _runs(freq: Freq, *, begin: date, end: date) -> list[ForecastRun]:
    """Runs at a frequency as of these days, in the order of their as-of dates, the newest of a day last."""
    runs = ForecastRun.objects.filter(
        state=ForecastRun.State.DONE, pruned_at=None, same_as=None, as_of__gt=begin, as_of__lte=end
    )
    return [
        run for run in runs.only("as_of", "spec").order_by("as_of", "pk") if run.spec.get("freq", "W") == freq
    ]
