from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.core.chunks import in_chunks
from forecasting.core.cleaning import clean
from forecasting.core.features import FeatureTable
from forecasting.core.panel import Column, Panel
from forecasting.core.windows import WindowSums
from tests.core.test_forecast_cleaning import make_panel


def daily(count: int = 40, periods: int = 460) -> Panel:
    """Days with zeros, gaps, late starts and a price that is known ahead."""
    rng = np.random.default_rng(5)
    y = rng.poisson(rng.gamma(1, 2, count), (periods, count)).astype(np.float32)
    y[rng.random(y.shape) < 0.03] = np.nan
    for series in range(0, count, 5):
        y[: 20 * series, series] = np.nan
    price = rng.uniform(1, 9, (periods + 1, count)).astype(np.float32)
    store = (np.arange(count) % 3).astype(np.float32)
    return make_panel(
        y,
        freq="D",
        censored=rng.random(y.shape) < 0.02,
        known={"price": Column(price, categorical=False)},
        static={"store": Column(store, categorical=True, labels=("a", "b", "c"))},
    )


def test_it_works_on_every_part_once_on_any_number_of_threads() -> None:
    for threads in (1, 3):
        seen = np.zeros(1001, dtype=int)

        def count(part: slice, seen: np.ndarray = seen) -> None:
            seen[part] += 1

        in_chunks(count, len(seen), 10, threads)
        assert (seen == 1).all()


def test_it_raises_what_a_thread_raised() -> None:
    def fail(part: slice) -> None:
        raise ValueError(f"no luck from {part.start} on")

    with pytest.raises(ValueError, match="from 0 on"):
        in_chunks(fail, 100, 10, threads=2)


def test_it_sums_windows_the_same_whatever_origins_came_before() -> None:
    rng = np.random.default_rng(0)
    seen = rng.random((120, 9)) < 0.8
    units = np.where(seen & (rng.random(seen.shape) < 0.4), rng.gamma(2, 3, seen.shape), 0)
    units[60:100, 3] = 0
    windows = (3, 7, 30)
    sums = WindowSums(units.astype(np.float32), seen, windows)
    for cut in (1, 2, 5, 6, 40, 43, 90, 95, 100, 101, 100, 20, 120):
        found = sums.at(cut)
        for place, window in enumerate(windows):
            part = slice(max(0, cut - window), cut)
            rows = units[part].astype(np.float32).astype(np.float64)
            direct = rows.sum(axis=0), seen[part].sum(axis=0), (rows**2).sum(axis=0), (rows > 0).sum(axis=0)
            np.testing.assert_allclose(found[:, place], direct, rtol=1e-9, atol=1e-9)
            # What sums up to nothing is nothing, not what rounding left.
            assert (found[0, place][direct[3] == 0] == 0).all()


def test_it_makes_the_same_rows_on_one_thread_and_on_two() -> None:
    panel = daily()
    tables = [FeatureTable(panel, threads=threads) for threads in (1, 2)]
    one, two = (table.samples(horizon=1, rows=20_000, seed=1) for table in tables)
    for name in ("x", "scale", "series", "target"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    alone, together = (table.block(panel.periods, 1) for table in tables)
    np.testing.assert_array_equal(alone, together)


def test_it_makes_training_rows_in_place_as_it_copies_them() -> None:
    panel = daily()
    found = clean(panel)
    copied = FeatureTable(panel).samples(horizon=1, rows=20_000, seed=1).before(panel.periods, found)
    moved = FeatureTable(panel).samples(horizon=1, rows=20_000, seed=1)
    given = len(moved.x)
    in_place = moved.before(panel.periods, found, last=True)
    assert len(in_place.x) < given
    for name in ("x", "y", "weight", "series", "target"):
        np.testing.assert_array_equal(getattr(copied, name), getattr(in_place, name))


def test_it_cleans_the_same_on_one_thread_and_on_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecasting.core.cleaning.spikes._CHUNK", 7)
    monkeypatch.setattr("forecasting.core.cleaning.expected.SERIES_CHUNK", 7)
    panel = daily()
    one, two = clean(panel), clean(panel, threads=2)
    for name in ("demand", "weight", "probability", "reason"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_it_knows_counts_though_some_periods_are_unknown() -> None:
    panel = daily()
    assert panel.counts.all()
    y = panel.y.copy()
    y[panel.start[0] + 3, 0] = 1.5
    assert replace(panel, y=y).counts.tolist() == [False, *[True] * 39]


def column_of(table: FeatureTable, name: str, cut: int) -> np.ndarray:
    values: np.ndarray = table.block(cut, 1)[:, table.names.index(name)]
    return values


def test_a_series_is_told_how_its_group_moves() -> None:
    """Sixteen series in two stores; in the last quarter one store sells twice its usual, the other half."""
    y = np.full((60, 16), 4.0, dtype=np.float32)
    store = (np.arange(16) % 2).astype(np.float32)
    y[-13:, store == 0], y[-13:, store == 1] = 8, 2
    y[-2:, 15] = np.nan  # unknown demand moves nobody
    static = {"store": Column(store, categorical=True, labels=("up", "down"))}
    panel = make_panel(y, freq="W", static=static)
    found = column_of(FeatureTable(panel), "total_store", 60)
    # (The long window, 52 weeks, has the short one in it.)
    assert found[store == 0] == pytest.approx(8 / ((39 * 4 + 13 * 8) / 52))
    late = 8 * 13 - 2
    usual = (8 * 39 * 4 + late * 2) / (8 * 39 + late)
    assert found[store == 1] == pytest.approx(2 / usual)


def test_a_series_is_told_how_often_and_how_much_at_a_time_it_is_bought() -> None:
    y = np.zeros((60, 2), dtype=np.float32)
    orders = np.full((60, 2), np.nan, dtype=np.float32)
    y[::2, 0], orders[::2, 0] = 6, 2  # every second week two orders of three
    y[:, 1], orders[:, 1] = 6, 1
    panel = make_panel(y, freq="W", past={"orders": Column(orders, categorical=False)})
    table = FeatureTable(panel)
    # A week without a sale had no order, whether the column says so or nothing.
    assert column_of(table, "often_orders", 60) == pytest.approx([1.0, 1.0])
    assert column_of(table, "recent_orders", 60) == pytest.approx([12 / 13, 1.0])
    scale = table.level(60).scale
    assert column_of(table, "amount_orders", 60) * scale == pytest.approx([3.0, 6.0])
