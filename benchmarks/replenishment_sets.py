"""Real weekly demand, supply terms and forecasts on which the replenishment benchmarks run.

Breakfast at the Frat (store x product, promotions known ahead) and Online Retail II by product, with the
supply terms that docs/replay.md describes. The forecasts of each as-of date are made once and kept as OUT
files in a folder: models are trained every few weeks, the weeks between take new sales through them.

    python -m benchmarks.replenishment_sets FOLDER [--sets frat,retail] [--train-every 4] [--threads 1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import forecast_sets
from benchmarks.forecast_sets import Case
from forecasting.core.pipeline import forecast, update
from forecasting.core.result import ForecastArtifact
from forecasting.core.spec import ForecastSpec

HORIZON = 10
WARM_UP = 10
MARGIN = 0.3
LEAD_TIME_SPREAD = 0.35
ORDER_COST_SHARE = 0.005  # of a week's cost of sales


@dataclass(frozen=True)
class Replayed:
    """A panel and the part of it that is replayed.

    ``begin`` is the first label, that of the warm-up; ``measured`` the first one that counts; ``end`` the
    last.
    """

    case: Case
    begin: date
    measured: date
    end: date

    @property
    def name(self) -> str:
        """The set's name."""
        return self.case.name

    @property
    def origins(self) -> list[date]:
        """As-of labels, one a week: from the close before the warm-up to the last but one."""
        weeks = (self.end - self.begin).days // 7
        return [self.begin + timedelta(weeks=week) for week in range(-1, weeks)]


def frat() -> Replayed:
    """Breakfast at the Frat: 52 weeks after a warm-up, every second store x product."""
    case = forecast_sets.frat()
    return _last_weeks(replace(case, spec=replace(case.spec, horizon=HORIZON)), 52)


def retail() -> Replayed:
    """Online Retail II: 40 weeks after a warm-up, products sold in 20 or more weeks before it."""
    lines = forecast_sets._retail_lines().with_columns(pl.col("StockCode").alias("unique_id"))
    end = date(2011, 11, 28)
    sales = forecast_sets._retail_sums(lines, "1w").filter(pl.col("ds") <= end)
    before = end - timedelta(weeks=40 + WARM_UP)
    chosen = forecast_sets._often_sold(sales, before, least=20)
    panel = forecast_sets.dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), end)
    return _last_weeks(Case("retail", panel, (), ForecastSpec(freq="W", horizon=HORIZON)), 40)


SETS: dict[str, Callable[[], Replayed]] = {"frat": frat, "retail": retail}


def _last_weeks(case: Case, weeks: int) -> Replayed:
    end: date = case.panel["ds"].max()  # type: ignore[assignment]
    measured = end - timedelta(weeks=weeks - 1)
    return Replayed(case, measured - timedelta(weeks=WARM_UP), measured, end)


def items(replayed: Replayed, count: int | None = None, seed: int = 0) -> pl.DataFrame:
    """ITEMS of the series with 13 or more weeks of history and some sales before the warm-up.

    ``count`` takes a random sample. Unit cost .7 of the median price; half a percent of a week's cost of
    sales per order line; MOQ none, one or two weeks of mean demand; packs of 1, 6 or 12; lead time 1 to 4
    weeks; each drawn per series.
    """
    rng = np.random.default_rng(seed)
    past = replayed.case.panel.filter(pl.col("ds") < replayed.begin)
    facts = (
        past.group_by("unique_id")
        .agg(pl.len().alias("weeks"), pl.col("y").mean().alias("rate"))
        .filter((pl.col("weeks") >= 13) & (pl.col("rate") > 0))
        .join(
            replayed.case.panel.filter(pl.col("price") > 0)
            .group_by("unique_id")
            .agg(pl.col("price").median()),
            on="unique_id",
        )
        .sort("unique_id")
    )
    size = facts.height
    lead = 7.0 * rng.integers(1, 5, size)
    rate = facts["rate"].to_numpy()
    cost = (1 - MARGIN) * facts["price"].to_numpy()
    frame = pl.DataFrame(
        {
            "unique_id": facts["unique_id"],
            "on_hand": np.ceil(rate * (lead / 7 + 2)),
            "unit_cost": cost,
            "price": facts["price"],
            "order_cost": ORDER_COST_SHARE * rate * cost,
            "lead_time_mean": lead,
            "lead_time_sd": LEAD_TIME_SPREAD * lead,
            "review_days": 7.0,
            "moq": np.round(rate * rng.integers(0, 3, size)),
            "order_multiple": rng.choice([1.0, 6.0, 12.0], size),
        }
    )
    if count is None or count >= size:
        return frame
    chosen = np.sort(rng.choice(size, count, replace=False))
    return frame.select(pl.all().gather(chosen))


def forecasts(replayed: Replayed, folder: Path, *, train_every: int, threads: int) -> Path:
    """The folder of OUT files of a set, one a week, made where they are absent."""
    place = folder / replayed.name
    place.mkdir(parents=True, exist_ok=True)
    spec = replace(replayed.case.spec, threads=threads)
    artifact: ForecastArtifact | None = None
    origins = replayed.origins
    for week, origin in enumerate(origins):
        path = place / f"{origin}.parquet"
        if path.exists():
            continue
        clock = time.process_time()
        trained = origins[week - week % train_every]
        if artifact is None or artifact.as_of != trained:
            result = forecast(replayed.case.fold(trained).panel, as_of=trained, spec=spec)
            artifact = result.artifact
        if origin != trained:
            result = update(replayed.case.fold(origin).panel, as_of=origin, artifact=artifact)
        draft = path.with_suffix(".draft")
        result.distribution.to_frame().write_parquet(draft)
        draft.replace(path)
        print(f"{replayed.name} {origin}: {time.process_time() - clock:.1f} s CPU", flush=True)
    return place


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the forecasts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--train-every", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    for name in options.sets.split(","):
        forecasts(SETS[name](), options.folder, train_every=options.train_every, threads=options.threads)


if __name__ == "__main__":
    main()
