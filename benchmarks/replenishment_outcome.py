"""Stock at equal service on real weekly demand: the engine against classic policies, gate by gate.

    python -m benchmarks.replenishment_outcome FORECASTS [--sets frat,retail] [--items 600] [--every 1]
        [--train-every 4] [--policies NAME,NAME] [--seed 0]

FORECASTS is a folder that keeps the forecasts between runs (`benchmarks.replenishment_sets` makes them).
Weekly review, lost sales, demand known to the end of last week; 52 weeks (frat) or 40 (retail) after 10 of
warm-up; docs/replay.md lists the terms. Every policy's knob is swept: cover for min/max, the target for the
others; the engine is asked for an `overall` fill. Average stock value and total cost are read off at equal
unit fill, on straight lines between the knob's values (of log value). The least cost of a classic policy is
that of its best knob in hindsight; asked for `economic` levels, the engine has no knob.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr

from benchmarks.replenishment_sets import SETS, WARM_UP, Replayed, forecasts, items
from forecasting.core.distribution import DemandDistribution
from forecasting.core.panel_read import panel_from_frame
from replenishment.core.classic import CLASSICS, Situation
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.core.replay import ENGINE, POLICIES, QUANTILE, forecast_schedules, lead_times, replayable
from replenishment.core.simulate import Run, Schedule, simulate

Array = npt.NDArray[Any]

FILLS = (0.90, 0.95, 0.98)
COVERS = (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 18, 26, 40)  # weeks
SCORES = (-0.75, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.7)
SHARES = (0.6, 0.7, 0.8, 0.88, 0.92, 0.95, 0.97, 0.985, 0.995)
BEST_GATE, MINMAX_GATE, PROMOTION_GATE = 1.02, 0.90, 0.75


@dataclass(frozen=True)
class Point:
    """A policy at one setting of its knob: share of units served, stock value, cost of a year."""

    knob: float
    fill: float
    value: float
    cost: float
    cycle: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A set, ready to run: N items, their history, lead times and distributions."""

    name: str
    items: Items
    history: History
    lead: Array
    demands: list[DemandDistribution]
    seed: int

    def run(self, schedule: Schedule) -> Run:
        """The measured weeks under a schedule."""
        return simulate(
            self.items, self.history.replayed, schedule, self.lead, period_days=7.0, warm_up=WARM_UP
        )

    def point(self, knob: float, run: Run) -> Point:
        """Sums over the items."""
        years = (self.history.periods - WARM_UP) * 7 / DAYS_PER_YEAR
        own = self.items
        value = run.stock * own.unit_cost
        cost = (
            value * own.holding_rate * years
            + run.orders * own.order_cost
            + (run.demand - run.served) * own.stockout_cost
        )
        return Point(
            knob,
            float(run.served.sum() / run.demand.sum()),
            float(value.sum()),
            float(cost.sum() / years),
            float(run.clean.sum() / max(run.cycles.sum(), 1)),
        )

    def with_target(self, target: float, kind: str = "fill") -> Scene:
        """The same scene with one target for all."""
        count = len(self.items)
        own = replace(self.items, target=np.full(count, target), target_kind=np.full(count, kind))
        return replace(self, items=own)

    def engine(self) -> Schedule:
        """The engine's levels."""
        return forecast_schedules(self.items, self.history, self.demands, [ENGINE])[ENGINE]


def scene(replayed: Replayed, folder: Path, *, count: int | None, every: int, seed: int) -> Scene:
    """Read a set; ``every`` is the number of weeks between the distributions that are used."""
    table = items(replayed, count, seed)
    names = table["unique_id"]
    panel = panel_from_frame(
        replayed.case.panel.filter(pl.col("unique_id").is_in(names.implode())).select("unique_id", "ds", "y"),
        as_of=replayed.end,
        freq="W",
        horizon=1,
    )
    _, own, history = replayable(Items.from_frame(table), History.of(panel, replayed.begin))
    demands = []
    for origin in replayed.origins[::every]:
        frame = pl.read_parquet(folder / f"{origin}.parquet")
        frame = frame.filter(pl.col("unique_id").is_in(names.implode()))
        demands.append(DemandDistribution.from_frame(frame, "W", origin))
    return Scene(replayed.name, own, history, lead_times(own, history, seed=seed), demands, seed)


def frontier(where: Scene, policy: str, shares: Sequence[float]) -> list[Point]:
    """A policy at each value of its knob."""
    points = []
    if policy.startswith("minmax"):
        for cover in COVERS:
            situation = Situation(where.items, where.history, cover_days=7.0 * cover, seed=where.seed)
            points.append(where.point(cover, where.run(CLASSICS[policy](situation))))
    elif policy in (ENGINE, "ses_allocated"):
        for share in shares:
            asked = where.with_target(share, "overall")
            schedule = (
                asked.engine()
                if policy == ENGINE
                else CLASSICS[policy](Situation(asked.items, asked.history, seed=where.seed))
            )
            points.append(where.point(share, where.run(schedule)))
    else:
        for score in SCORES:
            asked = where.with_target(float(ndtr(score)))
            if policy == QUANTILE:
                schedule = forecast_schedules(asked.items, asked.history, asked.demands, [policy])[policy]
            else:
                schedule = CLASSICS[policy](Situation(asked.items, asked.history, seed=where.seed))
            points.append(where.point(score, where.run(schedule)))
    return points


def read_off(points: Sequence[Point], fill: float, of: str = "value") -> float:
    """Stock value or cost at a share of units served; NaN where the sweep does not reach it."""
    ranked = sorted(points, key=lambda point: point.knob)
    fills = np.maximum.accumulate([point.fill for point in ranked])
    if not fills[0] <= fill <= fills[-1]:
        return float("nan")
    return float(np.exp(np.interp(fill, fills, np.log([getattr(point, of) for point in ranked]))))


def print_frontiers(where: Scene, found: dict[str, list[Point]]) -> None:
    """Stock value and cost at equal fill."""
    heads = "".join(f"{f'{100 * fill:g}%':>9}" for fill in FILLS)
    words = f"{where.name}: {len(where.items)} items"
    print(f"\n{words:28}{'stock value, thousands':>27}{'cost a year, thousands':>30}")
    print(f"{'unit fill':28}{heads}   {heads}    least")
    for policy, points in found.items():
        cells = "".join(f"{read_off(points, fill) / 1000:9.2f}" for fill in FILLS)
        costs = "".join(f"{read_off(points, fill, 'cost') / 1000:9.2f}" for fill in FILLS)
        print(f"{policy:28}{cells}   {costs}{least_cost(points) / 1000:9.2f}")


def least_cost(points: Sequence[Point]) -> float:
    """The cost of a year at the best setting of the knob."""
    return min(point.cost for point in points)


def print_gates(where: Scene, found: dict[str, list[Point]]) -> None:
    """Which gates hold."""
    classics = [name for name in found if name != ENGINE]

    def line(words: str, ratio: float, gate: float) -> None:
        print(f"{words:62}{ratio:8.3f}  gate {gate}: {verdict(ratio <= gate)}")

    for fill in FILLS:
        own = read_off(found[ENGINE], fill)
        values = {name: read_off(found[name], fill) for name in classics}
        reached = {name: value for name, value in values.items() if np.isfinite(value)}
        best = min(reached, key=lambda name: reached[name])
        line(f"stock at {100 * fill:g}% fill / the best classic's, {best}", own / reached[best], BEST_GATE)
        costs = {name: read_off(found[name], fill, "cost") for name in reached}
        best = min(costs, key=lambda name: costs[name])
        words = f"cost at {100 * fill:g}% fill / the best classic's, {best}"
        line(words, read_off(found[ENGINE], fill, "cost") / costs[best], BEST_GATE)
        if np.isfinite(values.get("minmax", np.nan)):
            line(f"stock at {100 * fill:g}% fill / min/max", own / values["minmax"], MINMAX_GATE)
        if where.name == "frat" and fill == 0.95 and "ses" in values:
            line("stock at 95% fill / SES, promotions known", own / values["ses"], PROMOTION_GATE)
    asked = where.with_target(0.95, "economic")
    point = asked.point(0.0, asked.run(asked.engine()))
    best = min(classics, key=lambda name: least_cost(found[name]))
    least = least_cost(found[best])
    line(
        f"least cost, asked for overall fill / least of {best}", least_cost(found[ENGINE]) / least, BEST_GATE
    )
    line(f"cost, asked for economic levels / least of {best}", point.cost / least, BEST_GATE)
    told = (
        f"cost {point.cost / 1000:.2f} a year at {point.fill:.3f} fill, stock value {point.value / 1000:.2f}"
    )
    print(f"{'':4}{told}")


def print_promises(where: Scene) -> None:
    """What was asked and promised against what the replay gave."""
    for kind, target in (("overall", 0.95), ("fill", 0.95), ("cycle", 0.95)):
        asked = where.with_target(target, kind)
        schedule = asked.engine()
        run = asked.run(schedule)
        point = asked.point(target, run)
        if schedule.fill is None or schedule.cycle is None:
            raise RuntimeError("the engine promises no service")
        stretches = [schedule.stretch(t) for t in range(WARM_UP, where.history.periods)]
        demand = where.history.replayed[WARM_UP:]
        promise = float(np.nansum(schedule.fill[stretches] * demand) / demand.sum())
        cycle = float(np.nansum(schedule.cycle[stretches].mean(axis=0) * run.cycles) / run.cycles.sum())
        print(
            f"asked for 95% {kind:8} promised fill {promise:.3f}, got {point.fill:.3f}; promised cycles"
            f" {cycle:.3f}, got {point.cycle:.3f}; stock value {point.value / 1000:.2f}"
        )
        print(f"{'':22}fill within 2 points: {verdict(abs(promise - point.fill) <= 0.02)}", end="")
        if kind == "cycle":
            print(f"; 93 to 97% of cycles: {verdict(0.93 <= point.cycle <= 0.97)}", end="")
        print()


def verdict(reached: bool) -> str:
    """In words."""
    return "reached" if reached else "NOT reached"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table per set and the gates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FORECASTS")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--items", type=int, help="a random sample of so many; default: all")
    parser.add_argument("--every", type=int, default=1, help="weeks between the forecasts that are used")
    parser.add_argument("--train-every", type=int, default=4, help="weeks between trainings of the models")
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--shares", default=",".join(map(str, SHARES)), help="what the engine is asked for")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    for name in options.sets.split(","):
        replayed = SETS[name]()
        place = forecasts(replayed, options.folder, train_every=options.train_every, threads=1)
        where = scene(replayed, place, count=options.items, every=options.every, seed=options.seed)
        weeks = where.history.periods - WARM_UP
        first = replayed.begin + timedelta(weeks=WARM_UP)
        print(
            f"\n== {name}: {weeks} weeks from {first}, a forecast every {options.every} weeks ==", flush=True
        )
        shares = [float(share) for share in options.shares.split(",")]
        found = {policy: frontier(where, policy, shares) for policy in options.policies.split(",")}
        print_frontiers(where, found)
        if ENGINE in found and len(found) > 1:
            print_gates(where, found)
        if ENGINE in found:
            print_promises(where)


if __name__ == "__main__":
    main()
