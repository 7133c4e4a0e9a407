from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forecasting.core import artifacts
from forecasting.core.artifacts import ArtifactError, artifact_load, artifact_save
from forecasting.core.choose import members
from forecasting.core.models import ModelSettings, TrainingData
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast
from forecasting.core.result import ForecastResult
from forecasting.core.spec import ForecastSpec

KEY = b"a key of this test"
LABELS = [date(2023, 1, 2) + timedelta(days=7 * k) for k in range(40)]


def panel() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.concat(
        pl.DataFrame({"unique_id": f"s{i}", "ds": LABELS, "y": rng.poisson(i + 1, 40).astype(float)})
        for i in range(10)
    )


@pytest.fixture(scope="module")
def result() -> ForecastResult:
    spec = ForecastSpec(horizon=3, models=("moving_average", "lightgbm"), rows=2_000, min_segment=3)
    return forecast(panel(), as_of=LABELS[-1], spec=spec)


def test_it_forecasts_from_a_loaded_artifact_as_the_run_did(result: ForecastResult, tmp_path: Path) -> None:
    artifact_save(result.artifact, tmp_path / "run.artifact", key=KEY)
    loaded = artifact_load(tmp_path / "run.artifact", key=KEY)
    assert loaded.spec == result.artifact.spec
    assert loaded.champion == result.report["champion"]
    dense = panel_from_frame(panel(), as_of=LABELS[-1], freq="W", horizon=3)
    data = TrainingData(dense, horizon=3, settings=ModelSettings())
    for row, name in enumerate(result.model):
        means = [
            loaded.factor.get(member, 1.0) * loaded.models[member].predict(data, dense.periods)[row]
            for member in members(name)
        ]
        np.testing.assert_allclose(np.mean(means, axis=0), result.distribution.mean[row], rtol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["run.artifact"]


def test_it_refuses_another_key_a_changed_byte_and_what_is_no_artifact(
    result: ForecastResult, tmp_path: Path
) -> None:
    path = tmp_path / "run.artifact"
    artifact_save(result.artifact, path, key=KEY)
    good = path.read_bytes()
    with pytest.raises(ArtifactError, match="signature"):
        artifact_load(path, key=b"another")
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ArtifactError, match="signature"):
        artifact_load(path, key=KEY)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(ArtifactError, match="signature"):
        artifact_load(path, key=KEY)
    for junk in (b"", b"[]\n", b"{}\n", b"\xff\xfe\n", b"no json\n"):
        path.write_bytes(junk)
        with pytest.raises(ArtifactError, match="no forecast artifact"):
            artifact_load(path, key=KEY)
    with pytest.raises(ArtifactError, match="can't be read"):
        artifact_load(tmp_path / "absent", key=KEY)


def test_it_refuses_other_versions_even_when_rightly_signed(
    result: ForecastResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.artifact"
    with monkeypatch.context() as past:
        past.setattr(artifacts, "library_versions", lambda: {"lightgbm": "3.0"})
        artifact_save(result.artifact, path, key=KEY)
    with pytest.raises(ArtifactError, match="libraries"):
        artifact_load(path, key=KEY)
    head = json.loads(path.read_bytes().split(b"\n", 1)[0])
    assert head["format"] == artifacts.FORMAT


def test_it_leaves_the_old_file_and_no_other_where_writing_fails(
    result: ForecastResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.artifact"
    path.write_bytes(b"old")

    def full_disk(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        artifact_save(result.artifact, path, key=KEY)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1
