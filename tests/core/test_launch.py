"""Look-alikes and the demand of new products: oracles, and what must always hold."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, polygamma

from forecasting.core.distribution import QUANTILES, DemandDistribution
from forecasting.core.launch.curve import handed_over, launch_curve, launch_distribution, own_share
from forecasting.core.launch.find import FIRST_WEEKS, Weeks
from forecasting.core.launch.forecast import NewSeries, forecast_new
from forecasting.core.launch.history import History
from forecasting.core.launch.level import Level, Scatter, gamma_of, own_weight, posterior
from forecasting.core.launch.likeness import PARTS, Goods, filled
from forecasting.core.launch.weights import Candidates, PartWeights, learn, neighbours

MONDAY = date(2025, 1, 6)


def goods(titles: list[str], *, price: float = 5.0) -> Goods:
    count = len(titles)
    return Goods(
        code=[f"A{1000 + 700 * at}" for at in range(count)],
        title=titles,
        price=np.full(count, price),
        category=np.full(count, -1),
        brand=np.full(count, -1),
        attributes=[frozenset()] * count,
    )


def test_the_posterior_is_the_gamma_poisson_one_by_hand() -> None:
    # Gamma(3, 2) and 10 units in 4 periods: Gamma(13, 6); its mean 13/6, own sales 4/6 of it.
    prior = Level(np.array([3.0]), np.array([2.0]))
    after = posterior(prior, np.array([10.0]), np.array([4.0]), np.array([4]), Scatter())
    assert (after.shape[0], after.rate[0]) == (13.0, 6.0)
    assert own_weight(prior, after)[0] == pytest.approx(4 / 6)
    assert after.mean[0] == pytest.approx((1 - 4 / 6) * 1.5 + 4 / 6 * 2.5)


def test_scatter_makes_own_sales_count_less() -> None:
    prior = Level(np.array([3.0]), np.array([2.0]))
    wild = posterior(prior, np.array([10.0]), np.array([4.0]), np.array([4]), Scatter(2.0, 0.5))
    assert wild.rate[0] < 6


def test_a_gamma_is_matched_on_the_log_scale() -> None:
    level = gamma_of(np.array([1.0, 4.0]), np.array([0.3, 2.0]))
    np.testing.assert_allclose(digamma(level.shape) - np.log(level.rate), [1.0, 4.0], rtol=1e-6)
    np.testing.assert_allclose(polygamma(1, level.shape), [0.3, 2.0], rtol=1e-6)


@given(
    st.lists(st.floats(0.05, 50), min_size=1, max_size=4),
    st.floats(0.05, 500),
    st.floats(1, 5),
    st.floats(0, 2),
)
@settings(max_examples=40, deadline=None)
def test_quantiles_are_ordered_and_sums_never_fall(
    shapes: list[float], mean: float, dispersion: float, noise: float
) -> None:
    shape = np.array(shapes)
    courses = np.tile([1.5, 1.0, 0.8, 0.0, 1.0], (len(shape), 1))
    _, period, summed = launch_distribution(Level(shape, shape / mean), courses, Scatter(dispersion, noise))
    assert (np.diff(period, axis=2) >= 0).all()
    assert (np.diff(summed, axis=2) >= 0).all()
    assert (np.diff(summed, axis=1) >= 0).all()


def test_it_is_wide_at_first_and_narrows_as_own_sales_arrive() -> None:
    prior = Level(np.array([0.8]), np.array([0.8 / 20]))
    widths = []
    for weeks in (0, 1, 2, 4, 8):
        after = posterior(
            prior, np.array([20.0 * weeks]), np.array([float(weeks)]), np.array([weeks]), Scatter(1.5, 0.2)
        )
        _, _, summed = launch_distribution(after, np.ones((1, 8)), Scatter(1.5, 0.2))
        widths.append(summed[0, -1, 7] - summed[0, -1, 1])
    assert (np.diff(widths) < 0).all()


def test_the_hand_over_starts_at_nothing_ends_at_all_and_never_jumps() -> None:
    weeks = np.arange(31)
    prior = Level(np.full(31, 2.0), np.full(31, 0.1))
    after = posterior(prior, 20.0 * weeks, weeks.astype(float), weeks, Scatter(2.0, 0.3))
    share = own_share(own_weight(prior, after), weeks, 26)
    assert share[0] == 0
    assert (share[26:] == 1).all()
    assert (np.diff(share) >= 0).all()
    # From week to week the blend of two forecasts moves by no more than what own sales moved it.
    ours = tuple(np.full((31, *tail), 30.0) for tail in ((4,), (4, 9), (4, 9)))
    other = tuple(np.full((31, *tail), 20.0) for tail in ((4,), (4, 9), (4, 9)))
    mean, _, _ = handed_over(ours, other, share)  # type: ignore[arg-type]
    steps = -np.diff(mean[1:, 0])
    assert (np.diff(steps) <= 1e-6).all()
    assert steps.max() < 2.0
    assert mean[25, 0] - mean[26, 0] < 0.2


def test_a_curve_is_one_on_average_and_tells_the_shape_apart_from_the_level() -> None:
    shape = np.array([2.0, 1.2, 1.0, 0.9, 0.8, 0.75, 0.7, 0.65])
    units = np.outer([10, 100, 1000] * 20, shape)
    curve = launch_curve(units, 12, 8)
    assert curve[:8].mean() == pytest.approx(1)
    np.testing.assert_allclose(curve[:8], (60 * shape + 3) / 63, rtol=0.02)
    assert curve[8] == pytest.approx(curve[4:8].mean())
    np.testing.assert_allclose(launch_curve(np.zeros((0, 8)), 5, 8), np.ones(5))


def test_a_missing_part_says_nothing() -> None:
    parts = np.full((len(PARTS), 1, 3), np.nan, dtype=np.float32)
    parts[0] = [[0.2, np.nan, 0.6]]
    np.testing.assert_allclose(filled(parts)[0], [[0.2, 0.4, 0.6]])
    assert (filled(parts)[1] == 0).all()


def test_a_title_finds_its_family_in_any_script() -> None:
    own = goods(["jumbo bag green", "jumbo bag red", "desk lamp", "帆布包 红色", "帆布包 绿色", ""])
    alike = own.likeness(np.array([0, 3]), np.arange(6))[PARTS.index("title")]
    assert alike[0, 1] > 2 * alike[0, 2]
    assert alike[1, 4] > alike[1, 0]
    assert np.isnan(alike[0, 5])


def planted(seed: int = 3, families: int = 12, count: int = 160) -> tuple[Goods, Weeks]:
    """Families of one word each sell at a level of their own; prices and codes say nothing."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), 7)) for _ in range(families)]
    level = np.exp(rng.normal(3, 1.2, families))
    family = rng.integers(0, families, count)
    first = np.sort(rng.integers(0, 90, count))
    units = np.zeros((count, 104), dtype=np.float32)
    for row in range(count):
        units[row, first[row] :] = rng.poisson(level[family[row]], 104 - first[row])
        units[row, first[row]] += 1
    own = Goods(
        code=[f"X{rng.integers(1000, 9999)}" for _ in range(count)],
        title=[f"{words[kind]} {rng.integers(10, 99)}" for kind in family],
        price=np.exp(rng.normal(1, 0.7, count)),
        category=np.full(count, -1),
        brand=np.full(count, -1),
        attributes=[frozenset()] * count,
    )
    return own, Weeks(units, first)


def test_planted_families_are_learned_and_found() -> None:
    own, weeks = planted()
    learned, launches = weeks.learned(own, weeks.curve())
    assert launches >= 60
    value = dict(zip(PARTS, learned.parts, strict=True))
    usual = dict(zip(PARTS, PartWeights().parts, strict=True))
    assert value["title"] / max(value["price"], 0.1) > usual["title"] / usual["price"]
    rows = np.flatnonzero(weeks.launched)[-20:]
    found = weeks.candidates(rows, weeks.first[rows], np.arange(len(weeks.first)), own, weeks.curve())
    near = neighbours(found, learned)
    family = np.array([title.split()[0] for title in own.title])
    right = (family[near.index] == family[rows][:, None]) * near.weight
    assert right.sum(axis=1).mean() > 0.6
    np.testing.assert_allclose(near.weight.sum(axis=1), 1, rtol=1e-5)


def test_what_launches_or_sells_later_is_never_seen() -> None:
    own, weeks = planted()
    curve = weeks.curve()
    rows = np.flatnonzero(weeks.launched)[40:60]
    every = np.arange(len(weeks.first))
    seen = weeks.candidates(rows, weeks.first[rows], every, own, curve)
    later = weeks.first[rows].max()
    units = weeks.units.copy()
    units[:, later:] = 1e6
    changed = Weeks(units, weeks.first).candidates(rows[-1:], weeks.first[rows[-1:]], every, own, curve)
    same = seen.allowed[-1]
    np.testing.assert_array_equal(changed.allowed[-1], same)
    np.testing.assert_allclose(changed.level[-1][same], seen.level[-1][same], rtol=1e-4, atol=1e-4)
    assert (weeks.first[every][same] < weeks.first[rows[-1]]).all()
    assert not seen.allowed[np.arange(len(rows)), rows].any()


def test_what_a_buyer_removed_has_no_weight_and_what_was_added_weighs_as_the_nearest() -> None:
    parts = np.tile(np.linspace(0, 1, 30), (len(PARTS), 1, 1)).astype(np.float32)
    allowed = np.ones((1, 30), dtype=bool)
    allowed[0, 29] = False
    added = np.zeros((1, 30), dtype=bool)
    added[0, 0] = True
    found = Candidates(parts, np.ones((1, 30)), np.full((1, 30), np.nan), allowed, added)
    near = neighbours(found, PartWeights(), most=5)
    weight = dict(zip(near.index[0].tolist(), near.weight[0].tolist(), strict=True))
    assert weight.get(29, 0) == 0
    assert weight[0] == pytest.approx(max(weight.values()))
    assert sum(weight.values()) == pytest.approx(1)


def test_few_launches_teach_nothing() -> None:
    parts = np.zeros((len(PARTS), 3, 2), dtype=np.float32)
    found = Candidates(parts, np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 2), dtype=bool))
    assert learn(found, np.ones(3)) == PartWeights()


def test_weights_survive_json() -> None:
    weights = PartWeights(background=0.4, shift=-0.1)
    assert PartWeights.from_dict(weights.to_dict()) == weights
    assert PartWeights.from_dict({"parts": {"smell": 3}}) == PartWeights()


def panel_of(rates: dict[str, tuple[float, int]], weeks: int = 60) -> pl.DataFrame:
    """Steady series by name: rate a week, and weeks sold up to the end."""
    rows = [
        {"unique_id": name, "ds": MONDAY + timedelta(weeks=week), "y": rate}
        for name, (rate, sold) in rates.items()
        for week in range(weeks - sold, weeks)
    ]
    return pl.DataFrame(rows)


def test_a_new_product_moves_smoothly_from_its_look_alikes_to_its_own_model() -> None:
    level, own = 40.0, 10.0
    means = []
    for sold in range(28):
        rates = {"1@1": (level, 60), "2@1": (level, 60), "3@1": (level * 1.2, 30)}
        if sold:
            rates["9@1"] = (own, sold)
        panel = panel_of(rates)
        history = History.of(panel, as_of=MONDAY + timedelta(weeks=59), freq="W")
        names = sorted(rates)
        flat = np.array([rates[name][0] for name in names])[:, None] * np.ones((1, 4))
        cube = np.repeat(flat[:, :, None], 9, axis=2)
        ordinary = DemandDistribution(
            names, history.as_of, "W",
            np.array([history.as_of + timedelta(weeks=h) for h in range(1, 5)], dtype="datetime64[D]"),
            flat, cube, np.cumsum(cube, axis=1), QUANTILES,
        )  # fmt: skip
        row = history.unique_id.index("9@1") if sold else -1
        new = NewSeries(["9@1"], np.array([row]), np.array([[1, 2, 3]]), np.array([[0.4, 0.4, 0.2]]))
        means.append(float(forecast_new(new, history, ordinary, PartWeights()).mean[0, 0]))
    assert means[0] > 25
    assert means[26] == pytest.approx(own)
    steps = np.diff(means)
    assert (steps < 0.5).all()
    # One week of sales moves it most; from then on each week moves it less than a seventh of the way.
    assert np.abs(steps[1:]).max() < (means[0] - own) / 5


def test_a_look_alike_elsewhere_counts_by_the_size_of_the_place() -> None:
    rates = {"1@1": (40.0, 60), "1@2": (10.0, 60), "2@1": (80.0, 60), "2@2": (20.0, 60), "3@1": (40.0, 60)}
    panel = panel_of(rates)
    history = History.of(panel, as_of=MONDAY + timedelta(weeks=59), freq="W")
    names = sorted(rates)
    zero = np.zeros((5, 2))
    cube = np.zeros((5, 2, 9))
    ds = np.array([history.as_of + timedelta(weeks=h) for h in (1, 2)], dtype="datetime64[D]")
    ordinary = DemandDistribution(names, history.as_of, "W", ds, zero, cube, cube, QUANTILES)
    new = NewSeries(["9@1", "9@2"], np.array([-1, -1]), np.array([[3], [3]]), np.ones((2, 1)))
    mean = forecast_new(new, history, ordinary, PartWeights(background=0.0)).mean[:, 0]
    assert 0.15 < mean[1] / mean[0] < 0.5


def test_a_launch_of_which_little_has_passed_counts_less() -> None:
    own, weeks = planted()
    found = weeks.candidates(np.array([159]), np.array([104]), np.arange(159), own, weeks.curve())
    age = 104 - weeks.first[:159]
    young = (age < FIRST_WEEKS) & weeks.launched[:159]
    assert (found.seen[0][young] < 1).all()
    assert np.isnan(found.seen[0][~weeks.launched[:159]]).all()
