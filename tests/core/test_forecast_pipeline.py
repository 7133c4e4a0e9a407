from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.core.backtest import fold_cuts
from forecasting.core.distribution import QUANTILES
from forecasting.core.fingerprint import fingerprint
from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast
from forecasting.core.result import ForecastResult
from forecasting.core.spec import ForecastSpec
from tests.core.extras import EVERY_MODEL

MONDAY = date(2022, 1, 3)
FAST = ForecastSpec(horizon=4, models=("seasonal_naive", "moving_average", "linear"), rows=5_000)


def weeks(count: int) -> list[date]:
    return [MONDAY + timedelta(days=7 * k) for k in range(count)]


def shop(count: int = 80, periods: int = 70, seed: int = 0) -> pl.DataFrame:
    """Series with a level of their own, a season and a promotion that doubles demand."""
    rng = np.random.default_rng(seed)
    labels = weeks(periods)
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(periods) / 13)
    frames = []
    for number in range(count):
        promo = rng.random(periods) < 0.15
        y = rng.poisson(rng.gamma(1, 4) * season * (1 + promo)).astype(float)
        frames.append(
            pl.DataFrame(
                {
                    "unique_id": f"s{number:03d}",
                    "ds": labels,
                    "y": y,
                    "promo": promo,
                    "noise": rng.normal(size=periods),
                    "group": "ab"[number % 2],
                }
            )
        )
    return pl.concat(frames)


def assert_sound(result: ForecastResult) -> None:
    d = result.distribution
    for values in (d.mean, d.quantiles, d.cum_quantiles):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert (np.diff(d.quantiles, axis=2) >= 0).all()
    assert (np.diff(d.cum_quantiles, axis=2) >= 0).all()
    assert (np.diff(d.cum_quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(d.quantiles[:, 0], d.cum_quantiles[:, 0])
    json.dumps(result.report, allow_nan=False)


def assert_same(one: ForecastResult, two: ForecastResult) -> None:
    assert one.distribution.unique_id == two.distribution.unique_id
    for name in ("mean", "quantiles", "cum_quantiles"):
        np.testing.assert_array_equal(getattr(one.distribution, name), getattr(two.distribution, name))


@cache
def full_run() -> tuple[pl.DataFrame, ForecastSpec, ForecastResult]:
    panel = shop()
    spec = ForecastSpec(horizon=4, known=("promo",), static=("group",), rows=4_000)
    return panel, spec, forecast(panel, as_of=weeks(66)[65], spec=spec)


def test_it_forecasts_every_series_with_its_champion() -> None:
    panel, spec, result = full_run()
    assert result.distribution.unique_id == panel["unique_id"].unique().sort().to_list()
    assert result.distribution.levels == QUANTILES
    assert result.distribution.ds[0].astype(object) == weeks(67)[66]
    assert len(result.model) == len(result.segment) == len(result.pattern) == 80
    assert set(result.model) <= set(spec.models)
    assert [result.report["champion"][name] for name in result.segment] == result.model
    assert_sound(result)


def test_it_reports_stages_scores_champions_and_coverage() -> None:
    _, spec, result = full_run()
    report = result.report
    assert {"panel", "features", "backtest", "calibrate", "score", "fit", "distribution"} <= set(
        report["stages"]
    )
    assert all(set(stage) == {"seconds", "peak_mib"} for stage in report["stages"].values())
    blends = {name for name in report["champion"].values() if "+" in name}
    assert set(report["models"]) == {*spec.models, *blends, "champion"}
    assert "pinball" not in report["models"]["linear"]["overall"]
    row = report["models"]["champion"]["overall"]
    assert {"wape", "bias", "mse", "rmsse", "pinball", "cum_pinball", "coverage_95"} <= set(row)
    assert report["coverage"]["0.95"]["period"][0] <= report["coverage"]["0.95"]["period"][1]
    assert len(report["folds"]) == 3


def test_it_beats_the_baselines_where_promotions_and_seasons_move_demand() -> None:
    _, _, result = full_run()
    models = result.report["models"]
    for baseline in ("seasonal_naive", "moving_average"):
        for name in ("wape", "pinball", "cum_pinball"):
            assert models["champion"]["overall"][name] < 0.95 * models[baseline]["overall"][name]


def test_it_gives_the_same_numbers_again_whatever_the_order_of_rows() -> None:
    panel, spec, result = full_run()
    shuffled = panel.sample(fraction=1.0, shuffle=True, seed=3)
    assert_same(result, forecast(shuffled, as_of=weeks(66)[65], spec=spec))


def test_it_never_looks_past_the_as_of_date_but_at_known_columns() -> None:
    panel, spec, result = full_run()
    as_of = weeks(66)[65]
    later = pl.col("ds") > as_of
    altered = panel.with_columns(
        pl.when(later).then(-1e6).otherwise(pl.col("y")).alias("y"),
        pl.when(later).then(float("inf")).otherwise(pl.col("noise")).alias("noise"),
        pl.when(later).then(False).otherwise(None).alias("in_stock"),
    )
    assert_same(result, forecast(altered, as_of=as_of, spec=spec))
    changed = panel.with_columns(
        pl.when(later).then(~pl.col("promo")).otherwise(pl.col("promo")).alias("promo")
    )
    again = forecast(changed, as_of=as_of, spec=spec)
    assert not np.array_equal(result.distribution.mean, again.distribution.mean)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_fits_a_model_at_an_origin_by_what_came_before_alone(name: str) -> None:
    cut = 50
    frames = [
        shop(40),
        shop(40).with_columns(
            pl.when(pl.col("ds") >= weeks(60)[cut]).then(pl.col("y") * 7 + 3).otherwise(pl.col("y"))
        ),
    ]
    means = []
    for frame in frames:
        panel = panel_from_frame(frame, as_of=weeks(70)[69], freq="W", horizon=4, known=["promo"])
        data = TrainingData(panel, horizon=4, settings=ModelSettings(rows=6_000))
        means.append(make(name, data.settings).fit(data, cut).predict(data, cut))
    assert (means[0] >= 0).all()
    np.testing.assert_allclose(means[0], means[1], rtol=1e-5)


def test_it_takes_a_missing_future_value_as_unknown_and_not_as_zero() -> None:
    panel = full_run()[0]
    spec = ForecastSpec(horizon=4, known=("promo",), models=("lightgbm",), quantiles="none", rows=4_000)
    as_of = weeks(66)[65]
    later = pl.col("ds") > as_of
    runs = [
        forecast(
            panel.with_columns(pl.when(later).then(value).otherwise(pl.col("promo")).alias("promo")),
            as_of=as_of,
            spec=spec,
        ).distribution.mean.sum()
        for value in (False, None, True)
    ]
    absent = forecast(panel.filter(~later), as_of=as_of, spec=spec).distribution.mean.sum()
    assert runs[0] < runs[2]
    assert runs[1] == pytest.approx(absent)
    assert runs[1] != pytest.approx(runs[0], rel=1e-4)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_it_is_sound_for_any_small_panel(data: st.DataObject) -> None:
    count, periods = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 24))
    value = st.one_of(st.none(), st.integers(0, 9).map(float), st.floats(0, 1e6, width=32))
    rows: list[tuple[str, date, float | None]] = []
    for number in range(count):
        labels = data.draw(st.lists(st.sampled_from(weeks(periods)), min_size=1, unique=True))
        rows.extend((f"s{number}", label, data.draw(value)) for label in labels)
    frame = pl.DataFrame(rows, schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64}, orient="row")
    result = forecast(frame, as_of=weeks(periods)[-1], spec=FAST)
    assert result.distribution.unique_id == sorted({row[0] for row in rows})
    assert_sound(result)


def test_it_is_sensible_for_one_row_and_for_nothing_but_zeros() -> None:
    panel = shop(60)
    last = weeks(70)[69]
    extra = pl.DataFrame(
        {
            "unique_id": ["new", *["zero"] * 70],
            "ds": [last, *weeks(70)],
            "y": [6.0, *[0.0] * 70],
        }
    )
    spec = ForecastSpec(horizon=4, rows=8_000)
    result = forecast(pl.concat([panel.select(extra.columns), extra]), as_of=last, spec=spec)
    d = result.distribution
    new, zero = d.unique_id.index("new"), d.unique_id.index("zero")
    assert 1 < d.mean[new].mean() < 20
    assert d.quantiles[new, 0, -1] > d.mean[new, 0]
    assert d.mean[zero].max() < 0.01
    assert d.cum_quantiles[zero].max() == 0
    assert_sound(result)


@pytest.mark.parametrize(("freq", "step", "periods"), [("D", 1, 60), ("M", 0, 30)])
def test_it_runs_on_days_and_months_too(freq: str, step: int, periods: int) -> None:
    rng = np.random.default_rng(1)
    first = date(2022, 1, 1)
    labels = [
        first + timedelta(days=k) if step else date(2022 + k // 12, k % 12 + 1, 1) for k in range(periods)
    ]
    frame = pl.concat(
        pl.DataFrame({"unique_id": f"s{i}", "ds": labels, "y": rng.poisson(3, periods).astype(float)})
        for i in range(12)
    )
    spec = ForecastSpec(freq=freq, horizon=7, rows=4_000)  # type: ignore[arg-type]
    result = forecast(frame, as_of=labels[-1], spec=spec)
    assert_sound(result)
    assert abs(result.distribution.mean.mean() - 3) < 0.6


def test_it_gives_whole_units_for_counts_and_fractions_for_weights() -> None:
    frame = shop(60).select("unique_id", "ds", "y")
    kilos = frame.with_columns(pl.col("y") * 0.731, pl.format("k{}", "unique_id").alias("unique_id"))
    last = weeks(70)[69]
    for panel, whole in ((frame, True), (kilos, False)):
        quantiles = forecast(panel, as_of=last, spec=FAST).distribution.quantiles
        assert np.array_equal(quantiles, np.rint(quantiles)) is whole


def test_it_forecasts_means_alone_where_no_quantiles_are_asked_for() -> None:
    spec = ForecastSpec(horizon=4, models=("moving_average",), quantiles="none")
    result = forecast(shop(5), as_of=weeks(70)[69], spec=spec)
    assert result.distribution.levels == ()
    assert result.distribution.to_frame().columns == ["unique_id", "ds", "h", "mean", "cum_mean"]
    assert set(result.model) == {"moving_average"}


def test_it_lets_lightgbm_alone_forecast_means_of_many_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecasting.core.pipeline._MEAN_CHOSEN", 40)
    spec = ForecastSpec(horizon=4, known=("promo",), models=("linear", "lightgbm"), quantiles="none")
    many, few = (forecast(shop(count), as_of=weeks(70)[69], spec=spec) for count in (41, 40))
    assert set(many.model) == {"lightgbm"}
    assert (many.report["folds"], many.report["tested"]) == ([], 0)
    assert set(many.report["models"]) == {"lightgbm"}
    assert set(few.report["models"]) >= {"linear", "lightgbm", "champion"}
    assert_sound(many)
    everything = forecast(shop(41), as_of=weeks(70)[69], spec=FAST)
    assert everything.report["tested"] == 41


def test_it_tells_its_progress_from_nothing_to_done() -> None:
    heard: list[tuple[str, float]] = []
    forecast(
        shop(5), as_of=weeks(70)[69], spec=FAST, progress=lambda name, share: heard.append((name, share))
    )
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert heard[-1] == ("done", 1.0)


def test_it_carries_a_spec_through_json_and_refuses_a_wrong_one() -> None:
    spec = ForecastSpec(freq="D", horizon=28, known=("price",), models=("linear",), seed=7)
    assert ForecastSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    wrongs: list[dict[str, object]] = [
        {"freq": "Y"},
        {"horizon": 0},
        {"models": ["oracle"]},
        {"models": []},
        {"quantiles": "some"},
        {"colour": "red"},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"."):
            ForecastSpec.from_dict(wrong)


def test_it_fingerprints_content_and_spec_but_not_the_order_of_rows_or_threads() -> None:
    panel, spec = shop(4), ForecastSpec()
    own = fingerprint(panel, spec)
    assert len(own) == 64
    assert own == fingerprint(panel.sample(fraction=1.0, shuffle=True, seed=1), spec)
    assert own == fingerprint(panel.with_columns(pl.col("unique_id").cast(pl.Categorical)), spec)
    assert own == fingerprint(panel, ForecastSpec(threads=2))
    kinds = panel.with_columns(kind=pl.when(pl.col("unique_id") != "s001").then(pl.lit("b")))
    of_kinds = fingerprint(kinds, spec)
    for kind in (pl.Categorical(), pl.Enum(["a", "b"])):
        assert of_kinds == fingerprint(kinds.with_columns(pl.col("kind").cast(kind)), spec)
    assert of_kinds != fingerprint(kinds.with_columns(pl.col("kind").fill_null("b")), spec)
    assert of_kinds != fingerprint(kinds.with_columns(pl.col("kind").replace("b", "c")), spec)
    assert own != fingerprint(panel, ForecastSpec(seed=1))
    changed = [
        panel.with_columns(pl.col("y") + (pl.int_range(pl.len()) == 9)),
        panel.with_columns(y=pl.when(pl.int_range(pl.len()) == 9).then(None).otherwise(pl.col("y"))),
        panel.with_columns(pl.col("unique_id").str.replace("s003", "s004")),
        panel.head(-1),
    ]
    assert len({own, *(fingerprint(frame, spec) for frame in changed)}) == 5


def test_it_lays_folds_back_to_back_and_makes_do_with_short_histories() -> None:
    assert fold_cuts(104, 4, 3) == [92, 96, 100]
    assert fold_cuts(53, 13, 3) == [26, 33, 40]
    assert fold_cuts(3, 13, 3) == []
    for periods in range(4, 60):
        cuts = fold_cuts(periods, 13, 3)
        assert cuts
        assert all(2 <= cut < periods for cut in cuts)
        assert cuts == sorted(set(cuts))
