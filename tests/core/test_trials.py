from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from benchmarks.signal_shops import AS_OF, SIGNALS, shop
from forecasting.core.trials import SPEC, TrialError, holm, paired_difference, trial
from forecasting.core.trials.ablation import trial_cuts

QUICK = replace(SPEC, horizon=2, rows=4_000)


def test_with_independent_cells_of_one_series_it_is_students_t_test() -> None:
    """One series: only origins are left to cluster by, and the test is the textbook's."""
    differences = np.array([0.3, -0.1, 0.4, 0.2, 0.25, -0.05])
    found = paired_difference(differences[None, :] / 6)
    expected = ttest_1samp(differences, 0.0)
    interval = expected.confidence_interval(0.95)
    assert found.mean == pytest.approx(differences.mean())
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_what_all_series_of_an_origin_share_counts_once() -> None:
    """A hundred series that move together say no more than one."""
    differences = np.array([[0.3, -0.1, 0.4, 0.2, 0.25, -0.05]]) / 6
    one = paired_difference(differences)
    many = paired_difference(np.repeat(differences, 100, axis=0) / 100)
    assert many.p_value == pytest.approx(one.p_value)
    assert many.low == pytest.approx(one.low)


def test_one_series_that_gains_at_all_origins_is_no_proof() -> None:
    """Origins agree, but of fifty series only one has gained."""
    losses = np.zeros((50, 8))
    losses[7] = -0.01
    assert paired_difference(losses).p_value > 0.05


def test_no_difference_is_no_difference() -> None:
    found = paired_difference(np.zeros((4, 5)))
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_one_origin_is_no_test() -> None:
    with pytest.raises(ValueError, match="two origins"):
        paired_difference(np.zeros((4, 1)))


def test_holm_corrects_as_in_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_corrected_p_value_is_never_smaller_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(0 <= own <= after <= 1 for own, after in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_origins_lie_a_horizon_apart_up_to_the_end() -> None:
    assert trial_cuts(100, 4, 8) == [68, 72, 76, 80, 84, 88, 92, 96]
    assert trial_cuts(40, 4, 8) == [16, 20, 24, 28, 32, 36]
    with pytest.raises(TrialError, match="too few"):
        trial_cuts(20, 4, 8)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_signal_that_leads_demand_is_used_and_its_echo_is_not(seed: int) -> None:
    found = trial(shop("leads", seed=seed, series=100, weeks=80), as_of=AS_OF, signals=SIGNALS, spec=QUICK)
    assert found.used == ("carts",)
    carts = found.verdicts[0]
    assert carts.high < 0
    assert carts.wape_with < 0.97 * carts.wape_without
    assert carts.difference == pytest.approx(carts.wape_with - carts.wape_without)
    assert carts.pinball_with < carts.pinball_without


@pytest.mark.parametrize("seed", [0, 1])
def test_signals_that_nobody_acts_on_are_not_used(seed: int) -> None:
    found = trial(shop("none", seed=seed, series=100, weeks=80), as_of=AS_OF, signals=SIGNALS, spec=QUICK)
    assert found.used == ()
    assert {verdict.reason for verdict in found.verdicts} == {"no_better"}
    assert found.together is None


def test_two_signals_that_say_the_same_are_tried_together() -> None:
    panel = shop("leads", seed=0, series=100, weeks=80).with_columns(clicks=pl.col("carts") * 3)
    signals = {"carts": ("carts",), "clicks": ("clicks",)}
    found = trial(panel, as_of=AS_OF, signals=signals, spec=QUICK)
    assert found.together is not None
    assert found.together.signal == "carts+clicks"
    if found.together.wape_with > min(verdict.wape_with for verdict in found.verdicts):
        assert len(found.used) == 1
        assert {verdict.reason for verdict in found.verdicts} == {"helps", "redundant"}
    else:
        assert found.used == ("carts", "clicks")


def test_the_same_trial_gives_the_same_numbers() -> None:
    panel = shop("leads", seed=2, series=10, weeks=60)
    one, two = (trial(panel, as_of=AS_OF, signals=SIGNALS, spec=QUICK).to_dict() for _ in range(2))
    assert one == two


def test_a_signal_of_which_too_little_is_known_is_left_out_with_the_reason() -> None:
    recent = pl.col("ds") > AS_OF - timedelta(weeks=10)
    panel = shop("none", seed=0, series=10, weeks=60).with_columns(
        late=pl.when(recent).then(pl.col("carts")),
        never=pl.lit(None, dtype=pl.Float64),
        still=pl.lit(3.0),
    )
    signals = {name: (name,) for name in ("late", "never", "still")}
    found = trial(panel, as_of=AS_OF, signals=signals, spec=QUICK)
    assert found.left_out == {"late": "short", "never": "unknown", "still": "constant"}
    assert found.verdicts == ()


def test_a_sample_of_series_does_not_depend_on_their_order() -> None:
    panel = shop("none", seed=0, series=20, weeks=60)
    spec = replace(QUICK, tested=10)
    one = trial(panel, as_of=AS_OF, signals={"echo": ("echo",)}, spec=spec)
    two = trial(panel.reverse(), as_of=AS_OF, signals={"echo": ("echo",)}, spec=spec)
    assert one.series == 10
    assert one == two
