"""What runs had said beside what came: frozen once it is known, read back for the monitor."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction

from forecasting.models import ForecastOutcome, ForecastRun
from forecasting.selectors.stored import distribution_stored, rows_read, run_with_numbers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.distribution import DemandDistribution, Freq
    from forecasting.core.grid import Grid
    from forecasting.core.monitor import Outcomes, Sums

COLUMNS = (
    "product_id",
    "location_id",
    "segment",
    "actual",
    "mean",
    "expected_error",
    "error_variance",
    "score",
)
# So many periods are looked at, one at a time and summed over about a lead time with its review.
KEEP: dict[Freq, int] = {"D": 56, "W": 26, "M": 12}
LEAD: dict[Freq, int] = {"D": 14, "W": 4, "M": 2}
_SHORTEST_DAYS: dict[Freq, int] = {"D": 1, "W": 7, "M": 28}
_LONGEST_DAYS: dict[Freq, int] = {"D": 1, "W": 7, "M": 31}
# Outcomes so new are made again by each run: some sales and returns are imported late.
_MADE_AGAIN = 2


def outcomes_freeze(*, run: ForecastRun, panel: pl.DataFrame) -> int:
    """Keep what came of the runs before this one, from its demand panel; how many outcomes were written.

    Of each period that a forecast was made in, the newest run counts, and only runs on the same grid: weekly
    runs of other weekdays find theirs in a panel of their own. Stock-outs and unknown demand have no outcome.
    """
    freq = cast("Freq", run.spec["freq"])
    grid = _grid(run)
    now = grid.index_floor(run.as_of)
    origins = _origins(run, grid)
    known = set(
        ForecastOutcome.objects.filter(
            run__in=origins.values(), until__lte=grid.label(now - _MADE_AGAIN)
        ).values_list("run_id", "steps")
    )
    wanted: dict[int, list[int]] = defaultdict(list)
    for index, earlier in origins.items():
        for steps in {1, min(LEAD[freq], int(earlier.spec["horizon"]))}:
            if index + steps <= now and (earlier.pk, steps) not in known:
                wanted[index].append(steps)
    if not wanted:
        return 0
    recent = _recent(panel, after=grid.label(min(wanted)), upto=grid.label(now))
    for index, all_steps in wanted.items():
        try:
            demand = distribution_stored(run_with_numbers(origins[index].pk), None, None)
        except ValueError:  # pruned meanwhile
            continue
        segments = rows_read("product_id, location_id, segment", origins[index])
        for steps in sorted(all_steps):
            first, last = grid.label(index), grid.label(index + steps)
            frame = _outcome(demand, segments, _actuals(recent, first, last, steps), steps, seed=index)
            with transaction.atomic():
                ForecastOutcome.objects.update_or_create(
                    run=origins[index],
                    steps=steps,
                    defaults={
                        "frequency": freq,
                        "until": last,
                        "sums": _sums(frame),
                        "series": _packed(frame),
                    },
                )
    return sum(map(len, wanted.values()))


@dataclass(frozen=True, eq=False)
class Window:
    """The outcomes of T periods that don't overlap: (T, N) of each series, and (T,) sums of each segment."""

    product_id: npt.NDArray[np.int64]
    location_id: npt.NDArray[np.int64]
    segment: list[str]
    series: Outcomes
    sums: dict[str, Sums]


def window_read(*, freq: Freq, steps: int, until: date) -> Window | None:
    """The newest outcomes up to a day, the newest last; None where there are none."""
    import numpy as np
    import polars as pl

    from forecasting.core.monitor import Outcomes, Sums

    rows = _chosen(freq, steps, until)
    if not rows:
        return None
    frames = [
        pl.read_ipc(io.BytesIO(bytes(row.series))).with_columns(pl.col("segment").cast(pl.String))
        for row in rows
    ]
    key = ["product_id", "location_id"]
    # Newest first: the segment is the one that a series has now.
    ids = pl.concat([frame.select(*key, "segment") for frame in reversed(frames)])
    ids = ids.unique(key, keep="first", maintain_order=True).sort(key).with_row_index("n")
    blocks = {name: np.full((len(rows), ids.height), np.nan, dtype=np.float32) for name in COLUMNS[3:]}
    for t, frame in enumerate(frames):
        place = frame.select(key).join(ids, on=key, how="left", maintain_order="left")["n"].to_numpy()
        for name, block in blocks.items():
            block[t, place] = frame[name].to_numpy()
    names = sorted({name for row in rows for name in row.sums})
    sums = {
        name: Sums(
            **{
                column: np.array([float(row.sums.get(name, {}).get(column, 0.0)) for row in rows])
                for column in Sums.__dataclass_fields__
            }
        )
        for name in names
    }
    return Window(
        product_id=ids["product_id"].to_numpy(),
        location_id=ids["location_id"].to_numpy(),
        segment=ids["segment"].to_list(),
        series=Outcomes(**blocks),
        sums=sums,
    )


def _chosen(freq: Freq, steps: int, until: date) -> list[ForecastOutcome]:
    """Rows whose periods don't overlap, the oldest first."""
    outcomes = ForecastOutcome.objects.filter(frequency=freq, steps=steps, until__lte=until)
    oldest = until - timedelta(days=(KEEP[freq] + steps) * _LONGEST_DAYS[freq])
    gap = timedelta(days=steps * _SHORTEST_DAYS[freq])
    chosen: list[int] = []
    last: date | None = None
    listed = outcomes.filter(until__gt=oldest).order_by("-until", "-run_id").values_list("pk", "until")
    for pk, day in listed:
        if (last is None or last - day >= gap) and len(chosen) < KEEP[freq]:
            chosen.append(pk)
            last = day
    return list(ForecastOutcome.objects.filter(pk__in=chosen).order_by("until"))


def _grid(run: ForecastRun) -> Grid:
    from forecasting.core.grid import Grid

    # The panel's weeks end on the as-of date's weekday, its months on their last day.
    freq = run.spec["freq"]
    return Grid(freq, {"D": 0, "W": run.as_of.weekday(), "M": 1}[freq])


def _origins(run: ForecastRun, grid: Grid) -> dict[int, ForecastRun]:
    """The last period that a run knew, to the newest run of that period, for runs that still have numbers."""
    freq = cast("Freq", run.spec["freq"])
    days = (KEEP[freq] + LEAD[freq] + 1) * _LONGEST_DAYS[freq]
    runs = ForecastRun.objects.filter(
        state=ForecastRun.State.DONE,
        pruned_at=None,
        same_as=None,
        spec__freq=freq,
        as_of__lt=run.as_of,
        as_of__gte=run.as_of - timedelta(days=days),
    ).defer("report", "versions")
    return {
        grid.index_floor(earlier.as_of): earlier
        for earlier in runs.order_by("pk")
        if freq != "W" or earlier.as_of.weekday() == run.as_of.weekday()
    }


def _recent(panel: pl.DataFrame, *, after: date, upto: date) -> pl.DataFrame:
    import polars as pl

    return (
        panel.lazy()
        .filter((pl.col("ds") > after) & (pl.col("ds") <= upto))
        .select(
            "unique_id", "ds", "y", seen=pl.col("y").is_not_null() & pl.col("in_stock").fill_null(value=True)
        )
        .collect()
    )


def _actuals(recent: pl.DataFrame, first: date, last: date, steps: int) -> pl.DataFrame:
    """`unique_id, actual`: demand after `first` and up to `last`, null unless all of it was seen."""
    import polars as pl

    return (
        recent.filter((pl.col("ds") > first) & (pl.col("ds") <= last))
        .group_by("unique_id")
        .agg(
            actual=pl.when((pl.len() == steps) & pl.col("seen").all())
            .then(pl.col("y").sum())
            .cast(pl.Float32)
        )
    )


def _outcome(
    demand: DemandDistribution, segments: pl.DataFrame, actuals: pl.DataFrame, steps: int, *, seed: int
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from forecasting.core.monitor import expected_errors, normal_scores

    mean = demand.cum_mean[:, steps - 1]
    quantiles = demand.cum_quantiles[:, steps - 1]
    names = pl.DataFrame({"unique_id": demand.unique_id})
    actual = (
        names.join(actuals, on="unique_id", how="left", maintain_order="left")["actual"]
        .fill_null(float("nan"))
        .to_numpy()
    )
    whole = (quantiles == np.rint(quantiles)).all(axis=1)
    with np.errstate(invalid="ignore"):
        whole &= np.isnan(actual) | (actual == np.rint(actual))
    error, variance = expected_errors(mean, quantiles, demand.levels, whole)
    score = normal_scores(actual, quantiles, demand.levels, whole, seed=seed % 2**32)
    return segments.select(
        "product_id",
        "location_id",
        pl.col("segment").cast(pl.Categorical),
        *(
            pl.Series(name, values.astype(np.float32))
            for name, values in zip(COLUMNS[3:], (actual, mean, error, variance, score), strict=True)
        ),
    )


def _sums(frame: pl.DataFrame) -> dict[str, dict[str, float]]:
    """The monitor's sums over each segment, and over all."""
    import numpy as np

    from forecasting.core.monitor import Outcomes, Sums
    from forecasting.selectors import OVERALL

    names = frame["segment"].cast(str).to_numpy()
    columns: dict[str, Any] = {name: frame[name].to_numpy() for name in COLUMNS[3:]}
    rows = {OVERALL: np.ones(len(names), dtype=bool)}
    rows |= {name: names == name for name in sorted(set(names)) if name != OVERALL}
    result = {}
    for segment, chosen in rows.items():
        sums = Sums.of(Outcomes(**{name: values[None, chosen] for name, values in columns.items()}))
        result[segment] = {name: float(getattr(sums, name)[0]) for name in Sums.__dataclass_fields__}
    return result


def _packed(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_ipc(file, compression="zstd")
    return file.getvalue()
