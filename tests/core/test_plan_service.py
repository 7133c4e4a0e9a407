"""Textbook values, and the service that a plan promises against a simulation of its levels."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core import leadtime
from replenishment.core.counts import Counts, fitted
from replenishment.core.economics import critical_ratio, eoq
from replenishment.core.items import Items
from replenishment.core.policy import plan
from replenishment.core.spread import Spread, mixed

HORIZON = 60
PERIODS, WARM_UP, COPIES = 4000, 200, 4


def test_it_gives_the_textbook_order_quantity() -> None:
    quantity, cost = eoq(np.array([8.0]), np.array([1300.0]), np.array([0.225]))
    assert quantity[0] == pytest.approx(304.0468, abs=1e-4)
    assert cost[0] == pytest.approx(68.4105, abs=1e-4)
    assert eoq(np.array([8.0]), np.array([1300.0]), np.array([0.0]))[0][0] == np.inf


def test_it_gives_the_textbook_newsvendor_level() -> None:
    ratio = critical_ratio(np.array([0.70]), np.array([0.18]))
    assert stats.norm.ppf(ratio[0], 50, 8) == pytest.approx(56.603956, abs=1e-6)
    spread = Spread.from_quantiles(stats.norm.ppf([QUANTILES], 50, 8), QUANTILES, np.array([50.0]))
    assert spread.quantile(ratio)[0] == pytest.approx(56.603956, abs=0.15)
    cost = 0.18 * (56.603956 - 50) + 0.88 * spread.loss(np.array([[56.603956]]))[0, 0]
    assert cost == pytest.approx(1.997605, rel=0.01)


@pytest.mark.parametrize(
    "law",
    [stats.norm(50, 8), stats.gamma(4, scale=10), stats.gamma(0.8, scale=40), stats.lognorm(0.7, scale=30)],
)
def test_it_rebuilds_loss_functions_from_nine_quantiles(law: Any) -> None:
    spread = Spread.from_quantiles(law.ppf([QUANTILES]), QUANTILES, np.array([law.mean()]))
    points = law.ppf([0.2, 0.5, 0.8, 0.9, 0.95, 0.985])
    for point in points:
        exact = law.expect(lambda x, point=point: x - point, lb=point, ub=law.ppf(1 - 1e-9))
        assert spread.loss(np.array([[point]]))[0, 0] == pytest.approx(exact, abs=0.012 * law.mean())
    first, second = spread.losses(points[None])
    step = 1e-4 * law.mean()
    slope = (spread.losses(points[None] - step)[1] - spread.losses(points[None] + step)[1]) / (2 * step)
    assert np.allclose(slope, first, rtol=1e-3, atol=1e-6)
    assert np.all(second >= 0)
    assert spread.deviation[0] == pytest.approx(law.std(), rel=0.1)


def test_it_shortens_a_gamma_process_as_one() -> None:
    whole = Spread.from_quantiles(stats.gamma.ppf([QUANTILES], 3, scale=10), QUANTILES, np.array([30.0]))
    part = whole.shortened(np.array([0.4]))
    points = np.array([[5.0, 12.0, 25.0, 40.0]])
    exact = [stats.gamma(1.2, scale=10).expect(lambda x, p=p: x - p, lb=p) for p in points[0]]
    assert np.allclose(part.loss(points)[0], exact, atol=0.25)
    assert part.mean[0] == pytest.approx(0.4 * whole.mean[0])


@pytest.mark.parametrize(("mean", "ratio"), [(0.05, 1.0), (0.8, 1.0), (3.0, 1.0), (2.0, 4.0), (0.5, 2.5)])
def test_it_recognises_slow_movers(mean: float, ratio: float) -> None:
    law: Any = stats.poisson(mean) if ratio == 1 else stats.nbinom(mean / (ratio - 1), 1 / ratio)
    found, fits = fitted(law.ppf([QUANTILES]), QUANTILES, np.array([mean]))
    assert fits[0]
    counts = Counts.negative_binomial(np.array([mean]), found)
    for level in (0, 1, 2, 4, 8):
        exact = law.expect(lambda k, level=level: np.maximum(k - level, 0))
        assert counts.loss(np.array([[float(level)]]))[0, 0] == pytest.approx(exact, abs=0.04 * mean + 0.004)


def test_it_refuses_to_take_lots_for_slow_single_units() -> None:
    quantiles = np.array([[0, 0, 0, 0, 0, 0, 12, 12, 12]], dtype=float)
    assert not fitted(quantiles, QUANTILES, np.array([2.0]))[1][0]


def test_it_mixes_distributions() -> None:
    laws = [stats.norm(50, 5), stats.norm(80, 8)]
    parts = [Spread.from_quantiles(law.ppf([QUANTILES]), QUANTILES, np.array([law.mean()])) for law in laws]
    both = mixed(parts, np.array([[0.3, 0.7]]))
    points = np.array([[45.0, 60.0, 80.0, 95.0]])
    exact = 0.3 * parts[0].loss(points) + 0.7 * parts[1].loss(points)
    assert np.allclose(both.loss(points), exact, atol=0.3)


def test_it_spreads_a_lead_time_over_whole_periods_without_overtaking() -> None:
    mean, sd = np.array([10.0, 10.0]), np.array([4.0, 4.0])
    found = leadtime.gamma(mean, sd, 1.0, np.array([100.0, 1.0]))
    assert np.allclose(found.weights.sum(axis=1), 1)
    assert found.mean[0] == pytest.approx(10, abs=0.1)
    rng = np.random.default_rng(0)
    drawn = np.round(rng.gamma(6.25, 1.6, 200_000))
    arrival = np.maximum.accumulate(drawn + np.arange(len(drawn)))
    assert found.mean[1] == pytest.approx((arrival - np.arange(len(drawn))).mean(), abs=0.5)


LAWS: dict[str, tuple[Any, Any]] = {
    "smooth": (lambda n: stats.poisson(10 * n), lambda rng, size: rng.poisson(10, size)),
    "erratic": (lambda n: stats.nbinom(n, 1 / 11), lambda rng, size: rng.negative_binomial(1, 1 / 11, size)),
    "intermittent": (lambda n: stats.poisson(0.3 * n), lambda rng, size: rng.poisson(0.3, size)),
    "lumpy": (
        lambda n: stats.nbinom(0.1 * n, 0.1 / 1.1),
        lambda rng, size: rng.negative_binomial(0.1, 0.1 / 1.1, size),
    ),
}
TERMS: list[dict[str, float]] = [
    {"lead_time_mean": 7, "review_days": 7},
    {"lead_time_mean": 14, "review_days": 7},
    {"lead_time_mean": 2, "review_days": 7},
    {"lead_time_mean": 7, "review_days": 1},
    {"lead_time_mean": 14, "review_days": 7, "order_multiple": 12},
    {"lead_time_mean": 7, "review_days": 7, "moq_weeks": 3},
    {"lead_time_mean": 7, "review_days": 7, "order_cost_days": 0.2},
    {"lead_time_mean": 14, "review_days": 7, "lead_time_sd": 4},
]


def cases() -> tuple[Items, DemandDistribution, list[str]]:
    steps = np.arange(1, HORIZON + 1)[:, None]
    rows: list[dict[str, Any]] = []
    laws = []
    for name, (law, _) in LAWS.items():
        for terms in TERMS:
            for unmet in ("lost", "backorder"):
                for kind in ("fill", "cycle"):
                    mean = law(1).mean()
                    row: dict[str, Any] = {key: float(v) for key, v in terms.items() if key in FIELDS}
                    row["moq"] = float(np.ceil(terms.get("moq_weeks", 0) * 7 * mean))
                    row["order_cost"] = terms.get("order_cost_days", 0.0) * mean
                    rows.append({**row, "unmet": unmet, "target_kind": kind, "on_hand": 0.0})
                    laws.append(name)
    names = [f"i{row}" for row in range(len(rows))]
    filled = [{"lead_time_sd": 0.0, "order_multiple": 1.0, **row} for row in rows]
    items = Items.from_frame(pl.DataFrame(filled).with_columns(unique_id=pl.Series(names)))
    cubes = {name: law(steps).ppf(QUANTILES) for name, (law, _) in LAWS.items()}
    mean = np.array([LAWS[name][0](1).mean() for name in laws])
    demand = demand_of(names, mean, np.stack([cubes[name] for name in laws]))
    return items, demand, laws


def demand_of(names: list[str], mean: Any, cumulative: Any) -> DemandDistribution:
    """Stationary demand with means (N,) a day and cumulative quantiles (N, HORIZON, Q)."""
    return DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.repeat(mean[:, None], HORIZON, axis=1),
        quantiles=np.repeat(cumulative[:, :1], HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(cumulative, axis=1),
    )


FIELDS = ("lead_time_mean", "lead_time_sd", "review_days", "order_multiple")


def simulated(items: Items, s: Any, up_to: Any, laws: list[str]) -> tuple[Any, Any]:
    """The obvious twin, day by day: fill rate, and share of clean cycles, receipt to receipt."""
    rng = np.random.default_rng(3)
    rows = np.repeat(np.arange(len(items)), COPIES)
    s, up_to, own = s[rows], up_to[rows], items.take(rows)
    count, lost = len(rows), own.unmet == "lost"
    review = np.maximum(1, np.round(own.review_days)).astype(int)
    places = [(draw, np.flatnonzero(np.array(laws)[rows] == name)) for name, (_, draw) in LAWS.items()]
    stock, on_order, due = up_to.copy(), np.zeros(count), np.zeros((count, 128))
    last, index = np.zeros(count, dtype=int), np.arange(count)
    total, served, cycles, clean_cycles = (np.zeros(count) for _ in range(4))
    begun, clean = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    random = own.lead_time_sd > 0
    shape = np.where(random, (own.lead_time_mean / np.where(random, own.lead_time_sd, 1)) ** 2, 1.0)
    for day in range(PERIODS):
        came = due[:, day % 128].copy()
        due[:, day % 128] = 0
        stock, on_order = stock + came, on_order - came
        if day >= WARM_UP:
            cycles += (came > 0) & begun
            clean_cycles += (came > 0) & begun & clean
            begun |= came > 0
        clean |= came > 0
        wanted = np.empty(count)
        for draw, mine in places:
            wanted[mine] = draw(rng, len(mine))
        given = np.minimum(wanted, np.maximum(stock, 0))
        clean &= given >= wanted
        if day >= WARM_UP:
            total, served = total + wanted, served + given
        stock = stock - np.where(lost, given, wanted)
        need = up_to - stock - on_order
        order = np.ceil(np.maximum(need, own.moq) / own.order_multiple) * own.order_multiple
        order = np.where((stock + on_order <= s) & (need > 0) & (day % review == 0), order, 0)
        lead = np.where(random, np.round(rng.gamma(shape) * own.lead_time_mean / shape), own.lead_time_mean)
        made = order > 0
        last = np.where(made, np.maximum(last, day + 1 + lead.astype(int)), last)
        due[index[made], last[made] % 128] += order[made]
        on_order = on_order + order
    shares = [part.reshape(-1, COPIES).sum(axis=1) for part in (served, total, clean_cycles, cycles)]
    return shares[0] / shares[1], shares[2] / np.maximum(shares[3], 1)


def test_it_promises_the_service_that_a_simulation_of_its_levels_gives() -> None:
    items, demand, laws = cases()
    made = plan(items, demand)
    fill, cycle = simulated(items, made.reorder_point, made.order_up_to, laws)
    asked_fill = items.target_kind == "fill"
    # Where sales are lost and the MOQ is a whole number of weeks of smooth demand, losses pace the orders.
    paced = (items.unmet == "lost") & (items.moq > 0) & (np.array(laws) == "smooth")
    off = np.abs(made.expected_fill_rate - fill)
    assert off[~paced].max() < 0.025
    assert np.mean(off < 0.02) > 0.95
    assert fill[asked_fill].min() > 0.925
    off = np.abs(made.expected_cycle_service - cycle)
    assert off[~asked_fill].max() < 0.05
    assert np.mean(off[~asked_fill] < 0.02) > 0.8
    assert cycle[~asked_fill].min() > 0.9
    assert np.median(cycle[~asked_fill]) > 0.945


def test_it_lets_wide_cycles_lower_the_reorder_point() -> None:
    items, demand, laws = cases()
    alone = plan(items, demand).reorder_point
    wider = plan(replace(items, moq=items.moq + 200.0), demand).reorder_point
    service = items.target_kind == "fill"
    paced = (items.unmet == "lost") & (np.array(laws) == "smooth")
    assert np.all((wider <= alone)[service & ~paced])
    assert np.all((wider <= 1.03 * alone)[service])


def test_it_shares_one_service_level_so_that_dear_stock_is_held_less() -> None:
    steps = np.arange(1, HORIZON + 1)[:, None]
    count = 40
    cube = stats.nbinom(steps, 1 / 11).ppf(QUANTILES)
    names = [f"i{row}" for row in range(count)]
    demand = DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.full((count, HORIZON), 10.0),
        quantiles=np.repeat(cube[:1], HORIZON, axis=0)[None].repeat(count, axis=0),
        cum_quantiles=cube[None].repeat(count, axis=0),
    )
    cost = np.where(np.arange(count) < count // 2, 1.0, 20.0)
    frame = pl.DataFrame({"unique_id": names, "on_hand": 0.0, "unit_cost": cost, "target": 0.95})
    together = plan(Items.from_frame(frame.with_columns(target_kind=pl.lit("overall"))), demand)
    alone = plan(Items.from_frame(frame), demand)
    assert together.expected_fill_rate.mean() == pytest.approx(0.95, abs=0.004)
    assert together.reorder_point[0] > alone.reorder_point[0]
    assert together.reorder_point[-1] < alone.reorder_point[-1]
    assert cost @ together.reorder_point < 0.97 * (cost @ alone.reorder_point)


def test_it_sets_the_level_that_pays_best() -> None:
    names = ["a", "b", "c"]
    steps = np.arange(1, HORIZON + 1)[:, None]
    cube = stats.gamma(2 * steps, scale=10).ppf(QUANTILES)
    demand = DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.full((3, HORIZON), 20.0),
        quantiles=np.repeat(cube[:1], HORIZON, axis=0)[None].repeat(3, axis=0),
        cum_quantiles=cube[None].repeat(3, axis=0),
    )
    frame = pl.DataFrame(
        {
            "unique_id": names,
            "on_hand": 0.0,
            "unit_cost": 100.0,
            "stockout_cost": [5.0, 50.0, 0.0],
            "lead_time_mean": 0.0,
            "review_days": 7.0,
            "target_kind": "economic",
        }
    )
    made = plan(Items.from_frame(frame), demand)
    held = 100 * 0.25 * 7 / 365
    for row, price in ((0, 5.0), (1, 50.0)):
        best = stats.gamma(14, scale=10).ppf(price / (price + held))
        assert made.reorder_point[row] == pytest.approx(best, rel=0.02)
    assert (made.reorder_point[2], made.order_quantity[2]) == (-1, 0)
