from __future__ import annotations

import hashlib
import os
import pickle
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.core.pictures.lite0 import Convolution, Lite0, lite0_id, lite0_read, weights_path
from forecasting.core.pictures.models import Encoder, ImageModel, ImageModelError, lite0_model, picture_views
from forecasting.core.pictures.neighbours import neighbours_find
from forecasting.core.pictures.weights import WeightsError, weights_read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(lite0_model(folder))


# -- the slow, obvious twin ------------------------------------------------------------------------


def convolve(x: NDArray[Any], part: Convolution) -> NDArray[Any]:
    """(channels, height, width) through one convolution with TensorFlow's "SAME" padding, tap by tap."""
    out, _per_group, k, _k = part.kernel.shape
    sizes, pads = [], []
    for length in x.shape[1:]:
        size = -(-length // part.stride)
        total = max((size - 1) * part.stride + k - length, 0)
        sizes.append(size)
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, [(0, 0), *pads])
    y = np.zeros((out, *sizes)) + part.bias[:, None, None]
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + part.stride * (sizes[0] - 1) + 1, part.stride)
            columns = slice(j, j + part.stride * (sizes[1] - 1) + 1, part.stride)
            tap = padded[:, rows, columns]
            if part.groups > 1:
                y += tap * part.kernel[:, 0, i, j][:, None, None]
            else:
                y += np.tensordot(part.kernel[:, :, i, j], tap, axes=1)
    return np.clip(y, 0, 6) if part.relu6 else y


def twin(network: Lite0, picture: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    x = ((picture.astype(float) - 127) / 128).transpose(2, 0, 1)
    for block in network.blocks:
        start = x
        for part in block.convolutions:
            x = convolve(x, part)
        if block.residual:
            x = x + start
    embedding = x.mean(axis=(1, 2))
    return embedding, network.classifier @ embedding + network.classifier_bias


def test_it_runs_the_network_as_a_slow_twin_does(encoder: Encoder) -> None:
    import onnxruntime

    rng = np.random.default_rng(1)
    rough = rng.integers(0, 255, (14, 14, 3), np.uint8)
    picture = np.kron(rough, np.ones((16, 16, 1), np.uint8))
    embedding, logits = twin(lite0_read(weights_path()), picture)
    session = onnxruntime.InferenceSession(encoder.model.path)
    pixels = ((picture.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    found = session.run(["embedding", "logits"], {"image": pixels})
    np.testing.assert_allclose(found[0][0], embedding, atol=2e-3)
    np.testing.assert_allclose(found[1][0], logits, atol=2e-2)


def test_it_folds_a_normalisation_into_its_convolution() -> None:
    tensors = weights_read(weights_path())
    part = lite0_read(weights_path()).blocks[0].convolutions[0]
    x = np.random.default_rng(0).normal(size=(3, 9, 9))
    kernel = tensors["_conv_stem.weight"]
    plain = convolve(x, Convolution(kernel, np.zeros(32, np.float32), 2, 1, False))
    scale = tensors["_bn0.weight"] / np.sqrt(tensors["_bn0.running_var"] + 1e-3)
    normed = (plain - tensors["_bn0.running_mean"][:, None, None]) * scale[:, None, None]
    wanted = np.clip(normed + tensors["_bn0.bias"][:, None, None], 0, 6)
    np.testing.assert_allclose(convolve(x, part), wanted, atol=1e-5)


# -- weights ---------------------------------------------------------------------------------------


def dump(path: Path, arguments: tuple[Any, ...], numbers: NDArray[Any]) -> Path:
    """A file with one tensor `w`, written opcode by opcode: no PyTorch here."""
    storage, rest = arguments[0], arguments[1:]
    body = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\x00\x00\x00w"
    body += b"ctorch._utils\n_rebuild_tensor_v2\n("
    body += b"(X\x07\x00\x00\x00storage" + f"ctorch\n{storage[0]}\n".encode()
    body += b"X\x01\x00\x00\x00k" + b"X\x03\x00\x00\x00cpu" + f"I{storage[1]}\n".encode() + b"NtQ"
    body += pickle.dumps(rest[0], 2)[2:-1]
    for shape in rest[1:]:
        body += b"(" + b"".join(pickle.dumps(n, 2)[2:-1] for n in shape) + b"t"
    body += b"\x89ccollections\nOrderedDict\n)RtRs."
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(part, file, protocol=2)
        file.write(body)
        pickle.dump(["k"], file, protocol=2)
        file.write(len(numbers).to_bytes(8, "little") + numbers.tobytes())
    return path


def test_it_reads_a_tensor_through_its_strides(tmp_path: Path) -> None:
    numbers = np.arange(8, dtype="<f4")
    path = dump(tmp_path / "w.pth", (("FloatStorage", 8), 1, (2, 3), (1, 2)), numbers)
    np.testing.assert_array_equal(weights_read(path)["w"], [[1, 3, 5], [2, 4, 6]])


def test_it_refuses_a_tensor_that_reaches_past_its_numbers(tmp_path: Path) -> None:
    numbers = np.arange(8, dtype="<f4")
    for arguments in (
        (("FloatStorage", 8), 3, (2, 3), (1, 2)),
        (("FloatStorage", 9), 0, (2, 3), (1, 2)),
        (("FloatStorage", 8), 0, (2, 3), (1,)),
        (("FloatStorage", 10**12), 0, (2,), (1,)),
    ):
        with pytest.raises(WeightsError):
            weights_read(dump(tmp_path / "w.pth", arguments, numbers))


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "eval"), ("torch", "load")])
def test_it_refuses_every_name_that_weights_do_not_need(tmp_path: Path, module: str, name: str) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (os.system, (f"touch {tmp_path / 'owned'}",))

    path = tmp_path / "evil.pth"
    path.write_bytes(f"c{module}\n{name}\n(S'x'\ntR.".encode())
    with pytest.raises(WeightsError, match=f"{module}.{name}"):
        weights_read(path)
    path.write_bytes(pickle.dumps(OrderedDict(w=Evil())))
    with pytest.raises(WeightsError):
        weights_read(path)
    assert not (tmp_path / "owned").exists()


def test_it_refuses_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    whole = weights_path().read_bytes()
    for data in (b"", b"PK\x03\x04", whole[:2000], whole[:200_000]):
        path.write_bytes(data)
        with pytest.raises(WeightsError):
            weights_read(path)


# -- models ----------------------------------------------------------------------------------------


def own_model(path: Path, *, shape: tuple[Any, ...] = ("n", 3, 8, 8), pooled: bool = True) -> ImageModel:
    """A model whose vector is the mean of each channel."""
    from onnx import TensorProto, helper

    axes = [2, 3] if shape[1] == 3 else [1, 2]
    node = helper.make_node("ReduceMean", ["in"], ["out"], axes=axes, keepdims=0 if pooled else 1)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return ImageModel(
        "own", path, sha256, "in", "out", 8, (0.0,), (255.0,), "NCHW" if shape[1] == 3 else "NHWC"
    )


@pytest.mark.parametrize(
    ("shape", "pooled"),
    [(("n", 3, 8, 8), True), (("n", 3, "h", "w"), True), (("n", 8, 8, 3), True), (("n", 3, 8, 8), False)],
)
def test_it_runs_a_model_of_the_users_own(tmp_path: Path, shape: tuple[Any, ...], pooled: bool) -> None:
    own = Encoder(own_model(tmp_path / "own.onnx", shape=shape, pooled=pooled))
    red = np.zeros((20, 30, 3), np.uint8)
    red[:, :, 0] = 255
    np.testing.assert_allclose(own.encode([red]), [[1, 0, 0]], atol=1e-6)


def test_it_refuses_a_model_that_is_not_as_it_was_described(tmp_path: Path) -> None:
    model = own_model(tmp_path / "own.onnx")
    for wrong, words in (
        (replace(model, sha256="0" * 64), "SHA-256"),
        (replace(model, path=tmp_path / "none.onnx"), "No such file"),
        (replace(model, input="image"), "no input 'image'"),
        (replace(model, output="vector"), "no output 'vector'"),
        (replace(model, size=16), "shape"),
        (replace(model, layout="NHWC"), "shape"),
        (replace(model, mean=(1.0, 2.0)), "trial run"),
    ):
        with pytest.raises(ImageModelError, match=words):
            Encoder(wrong)
    path = tmp_path / "text.onnx"
    path.write_bytes(b"not a model")
    sha256 = hashlib.sha256(b"not a model").hexdigest()
    with pytest.raises(ImageModelError, match="no ONNX model"):
        Encoder(replace(model, path=path, sha256=sha256))


def test_it_gives_another_id_to_another_file_or_another_use(tmp_path: Path) -> None:
    model = own_model(tmp_path / "own.onnx")
    others = [replace(model, sha256="0" * 64), replace(model, size=16), replace(model, mean=(1.0,))]
    assert len({one.id for one in [model, *others]}) == 4


def test_it_writes_the_network_once(folder: Path, encoder: Encoder) -> None:
    before = encoder.model.path.stat().st_mtime_ns
    assert lite0_model(folder) == encoder.model
    assert encoder.model.path.stat().st_mtime_ns == before
    path = encoder.model.path
    assert sorted(folder.iterdir()) == [path, path.with_suffix(".sha256")]


@pytest.mark.parametrize("ending", [".onnx", ".sha256"])
def test_it_writes_the_network_anew_where_a_file_is_changed_or_gone(folder: Path, ending: str) -> None:
    model = lite0_model(folder)
    whole = model.path.read_bytes()
    changed = model.path.with_suffix(ending)
    changed.write_bytes(b"something else")
    assert lite0_model(folder) == model
    assert model.path.read_bytes() == whole
    changed.unlink()
    assert lite0_model(folder) == model
    assert model.path.with_suffix(".sha256").read_text() == hashlib.sha256(whole).hexdigest()


def test_another_version_of_the_graph_is_another_file(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecasting.core.pictures.lite0._GRAPH", 0)
    assert lite0_id(weights_path()) != encoder.model.path.stem


def test_it_encodes_pictures_of_any_shape_to_unit_vectors(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    shapes = [(160, 120), (1, 1), (3, 500), (700, 640), (224, 224)]
    pictures = [rng.integers(0, 255, (*shape, 3), np.uint8) for shape in shapes]
    heard: list[int] = []
    vectors = encoder.encode(pictures, say=heard.append)
    assert vectors.shape == (5, 1280)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(pictures[3:4]), vectors[3:4], atol=1e-5)
    # Its mirror image is the same goods.
    np.testing.assert_allclose(encoder.encode([pictures[0][:, ::-1].copy()]), vectors[:1], atol=1e-3)
    assert encoder.encode([]).shape == (0, 1280)
    assert heard == [4]


def test_it_looks_at_the_whole_and_at_the_middle() -> None:
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, 10:20] = 255
    whole, _mirrored, middle, _both = picture_views(picture, 30)
    assert whole.shape == middle.shape == (30, 30, 3)
    assert middle.mean() > 240 > 120 > whole.mean()


# -- neighbours ------------------------------------------------------------------------------------


def test_it_finds_the_neighbours_that_a_full_sort_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecasting.core.pictures.neighbours._CELLS", 700)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    places, cosines = neighbours_find(vectors, vectors, 5, leave_out=np.arange(300))
    full = vectors @ vectors.T
    np.fill_diagonal(full, -np.inf)
    np.testing.assert_array_equal(places, np.argsort(-full, axis=1)[:, :5])
    np.testing.assert_allclose(cosines, -np.sort(-full, axis=1)[:, :5], atol=1e-6)


def test_it_gives_as_many_neighbours_as_there_are() -> None:
    one = np.ones((1, 4), np.float32) / 2
    assert neighbours_find(one, one, 5)[0].tolist() == [[0]]
    assert neighbours_find(one, one, 5, leave_out=np.array([0]))[0].shape == (1, 0)
