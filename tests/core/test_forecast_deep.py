"""The deep model: its graph against plain arithmetic and torch, and life without torch."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from forecasting.core.__main__ import main
from forecasting.core.artifacts import artifact_load, artifact_save
from forecasting.core.models import ModelSettings, NotInstalledError, TrainingData, base, deep, make
from forecasting.core.models.network import Training, Weights, scorer, to_onnx, train
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast, update
from forecasting.core.result import ForecastResult
from forecasting.core.spec import ForecastSpec
from tests.conftest import ROOT
from tests.core.extras import needs_torch

Array = npt.NDArray[Any]

MONDAY = date(2022, 1, 3)
KEY = b"a key of this test"
SPEC = ForecastSpec(
    freq="W", horizon=3, models=("deep",), known=("promo",), static=("group",), rows=8_000, folds=1
)


def shop(weeks: int, count: int = 40) -> pl.DataFrame:
    """Series of two groups: promotions triple the demand of one and do nothing to the other's."""
    frames = []
    for number in range(count):
        rng = np.random.default_rng(number)
        promo = rng.random(weeks) < 0.25
        rate = (4 + number % 7) * np.where(promo, 1 + 2 * (number % 2), 1)
        frames.append(
            pl.DataFrame(
                {
                    "unique_id": f"s{number:02d}",
                    "ds": [MONDAY + timedelta(weeks=k) for k in range(weeks)],
                    "y": rng.poisson(rate).astype(float),
                    "promo": promo,
                    "group": "ab"[number % 2],
                }
            )
        )
    return pl.concat(frames)


def panel_of(weeks: int) -> Panel:
    as_of = MONDAY + timedelta(weeks=weeks - 1)
    return panel_from_frame(
        shop(weeks + 3), as_of=as_of, freq="W", horizon=3, known=SPEC.known, static=SPEC.static
    )


def random_weights(width: int, sizes: Sequence[int], seed: int, hidden: tuple[int, ...] = (6, 4)) -> Weights:
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> Array:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    tables = [some(size + 1, 2) for size in sizes]
    into = [width + 2 * len(sizes), *hidden]
    layers = [(some(one, two), some(two)) for one, two in zip(into, hidden, strict=False)]
    return Weights(tables, layers, some(into[0], 1), some(hidden[-1], 1), some(1))


def by_hand(weights: Weights, columns: Array) -> Array:
    width = columns.shape[1] - len(weights.embeddings)
    tables = [table[columns[:, width + c].astype(int)] for c, table in enumerate(weights.embeddings)]
    inputs = np.hstack([columns[:, :width], *tables])
    hidden = inputs
    for matrix, bias in weights.layers:
        hidden = np.maximum(hidden @ matrix + bias, 0)
    score: Array = (inputs @ weights.straight + hidden @ weights.last + weights.bias)[:, 0]
    return score


def some_columns(rows: int, width: int, sizes: Sequence[int]) -> Array:
    rng = np.random.default_rng(1)
    codes = [rng.integers(0, size + 1, rows) for size in sizes]
    return np.column_stack([rng.normal(0, 1, (rows, width)), *codes]).astype(np.float32)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where torch is: training gives networks, here of random weights."""

    def networks(
        columns: Array, target: Array, weight: Array, *, sizes: Sequence[int], **_: object
    ) -> list[Weights]:
        return [random_weights(columns.shape[1] - len(sizes), sizes, seed) for seed in range(2)]

    monkeypatch.setattr(base, "find_spec", lambda name: object())
    monkeypatch.setattr(deep, "train", networks)


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None)


@pytest.mark.parametrize("sizes", [(), (3,), (3, 12)])
def test_the_graph_is_the_mean_of_what_its_networks_say(sizes: tuple[int, ...]) -> None:
    networks = [random_weights(5, sizes, seed) for seed in range(3)]
    columns = some_columns(50, 5, sizes)
    score = scorer(to_onnx(networks))(columns)
    assert score.shape == (50,)
    np.testing.assert_allclose(score, np.mean([by_hand(own, columns) for own in networks], axis=0), atol=1e-5)


def test_the_same_weights_give_the_same_graph() -> None:
    networks = [random_weights(5, (3,), 0)]
    assert to_onnx(networks) == to_onnx(networks)


def test_training_takes_no_more_steps_however_many_rows_there_are() -> None:
    how = Training()
    assert how.steps(10_000_000) == how.steps(100_000_000) == how.most_steps
    assert how.steps(10) < how.steps(200_000) < how.most_steps


@needs_torch
def test_the_graph_says_what_torch_says() -> None:
    import torch

    from forecasting.core.models.network import _Parameters

    columns = some_columns(4_000, 5, (3, 12))
    target = np.sin(columns[:, 0]) + (columns[:, 5] == 2)
    how = Training(networks=1, passes=100)
    (network,) = train(columns, target, np.ones(4_000), sizes=(3, 12), how=how, seed=0)
    score = scorer(to_onnx([network]))(columns)
    tensors = _Parameters(
        [torch.from_numpy(table) for table in network.embeddings],
        [(torch.from_numpy(matrix), torch.from_numpy(bias)) for matrix, bias in network.layers],
        *(torch.from_numpy(values) for values in (network.straight, network.last, network.bias)),
    )
    np.testing.assert_allclose(score, tensors.score(torch.from_numpy(columns)).numpy(), atol=1e-5)
    assert np.mean((score - target) ** 2) < 0.05 * np.var(target)


@needs_torch
def test_its_seed_alone_decides_and_torch_is_left_as_it_was() -> None:
    import torch

    columns = some_columns(2_000, 5, (3,))
    how = Training(networks=2, passes=10)

    def trained(seed: int, threads: int) -> bytes:
        target = columns[:, 0] ** 2
        return to_onnx(
            train(columns, target, np.ones(2_000), sizes=(3,), how=how, seed=seed, threads=threads)
        )

    before = torch.get_num_threads(), torch.random.get_rng_state()
    first = trained(3, 1)
    assert trained(3, 1) == first
    assert trained(3, 2) == first
    assert trained(4, 1) != first
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])


@needs_torch
def test_it_learns_whose_promotions_sell() -> None:
    data = TrainingData(panel_of(90), horizon=3, settings=ModelSettings(rows=8_000))
    model = make("deep", data.settings).fit(data, 90)
    promo = data.panel.known["promo"].values[90:].T > 0
    ratio = model.predict(data, 90) / data.features.level(90).scale[:, None]
    group = np.arange(40) % 2
    lift = [
        np.mean(ratio[(group == g)[:, None] & promo]) / np.mean(ratio[(group == g)[:, None] & ~promo])
        for g in (0, 1)
    ]
    assert lift[0] == pytest.approx(1, abs=0.25)
    assert lift[1] == pytest.approx(3, abs=0.6)


@pytest.mark.usefixtures("untrained")
def test_a_process_without_torch_predicts_from_the_stored_artifact(tmp_path: Path) -> None:
    result = run(60)
    artifact_save(result.artifact, tmp_path / "run.artifact", key=KEY)
    model = artifact_load(tmp_path / "run.artifact", key=KEY).models["deep"]
    data = TrainingData(panel_of(60), horizon=3, settings=ModelSettings())
    np.testing.assert_array_equal(model.predict(data, 60), result.artifact.models["deep"].predict(data, 60))
    (tmp_path / "both").write_bytes(pickle.dumps((model, data)))
    script = (
        "import pickle, sys; sys.modules['torch'] = None\n"
        "model, data = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(model.predict(data, 60).sum())"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "both")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(said.stdout) == pytest.approx(float(model.predict(data, 60).sum()), rel=1e-5)


def test_an_update_needs_no_torch(untrained: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(60)
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    later = update(shop(64), as_of=MONDAY + timedelta(weeks=60), artifact=first.artifact)
    assert set(later.model) == {"deep"}
    assert np.isfinite(later.distribution.mean).all()


@pytest.mark.usefixtures("no_torch")
def test_a_run_without_torch_says_what_to_install() -> None:
    with pytest.raises(NotInstalledError, match=r"'deep' is trained with torch.*requirements-deep\.txt"):
        run(60)


@pytest.mark.usefixtures("no_torch")
def test_the_command_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop(60).write_csv(tmp_path / "panel.csv")
    out = tmp_path / "out.csv"
    as_of = str(MONDAY + timedelta(weeks=59))
    given = ["--freq", "W", "--as-of", as_of, "--horizon", "3", "--models", "moving_average,deep"]
    assert main(["forecast", str(tmp_path / "panel.csv"), *given, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install -r requirements-deep.txt" in said
    assert not out.exists()
    assert (ROOT / "requirements-deep.txt").exists()


def run(weeks: int) -> ForecastResult:
    return forecast(shop(weeks + 3), as_of=MONDAY + timedelta(weeks=weeks - 1), spec=SPEC)
