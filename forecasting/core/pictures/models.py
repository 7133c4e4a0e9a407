"""The network that turns a photo into a vector: the one that comes along, or a shop's own ONNX file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.core.pictures import lite0

_BATCH = 16  # views at a time: a larger batch is no faster on a processor


class ImageModelError(ValueError):
    """A model file that is not the one that was named, or does not do what was said of it."""


@dataclass(frozen=True, slots=True)
class ImageModel:
    """An ONNX file and how to use it: pixels enter as (x - mean) / scale, x from 0 to 255, RGB.

    `mean` and `scale` are one number, or one for each channel. `output` gives one vector for each picture
    (N, D); an output (N, D, H, W) is averaged over the picture.
    """

    name: str
    path: Path
    sha256: str
    input: str = "image"
    output: str = "embedding"
    size: int = lite0.SIZE
    mean: tuple[float, ...] = (127.0,)
    scale: tuple[float, ...] = (128.0,)
    layout: Literal["NCHW", "NHWC"] = "NCHW"

    @property
    def id(self) -> str:
        """What a vector keeps of its maker: another file, size or scale makes other vectors."""
        how = f"{self.input},{self.output},{self.size},{self.mean},{self.scale},{self.layout},{_VIEWS}"
        return f"{self.name}-{hashlib.sha256(f'{self.sha256},{how}'.encode()).hexdigest()[:16]}"


def lite0_model(folder: Path) -> ImageModel:
    """EfficientNet-Lite0; its ONNX file is written into `folder` unless it is there as it was written."""
    path, sha256 = lite0.lite0_export(folder)
    return ImageModel(lite0.NAME, path, sha256)


class Encoder:
    """A model that was loaded and checked. Raises ImageModelError where it is not as `model` says."""

    def __init__(self, model: ImageModel, *, threads: int = 1) -> None:
        self.model = model
        try:
            data = model.path.read_bytes()
        except OSError as error:
            raise ImageModelError(f"{model.path}: {error.strerror}") from error
        found = hashlib.sha256(data).hexdigest()
        if found != model.sha256.lower():
            raise ImageModelError(f"{model.path}: its SHA-256 is {found}, not {model.sha256}")
        self._session = _session(model, data, threads)
        _check_names(model, self._session)
        try:
            trial = self._run(np.zeros((2, model.size, model.size, 3), np.uint8))
        except Exception as error:  # the runtime's own errors have no common class
            raise ImageModelError(f"{model.path}: a trial run failed: {error}") from error
        if trial.ndim != 2 or trial.shape[0] != 2 or not trial.shape[1] or not np.isfinite(trial).all():
            raise ImageModelError(
                f"{model.path}: the output {model.output!r} has the shape {trial.shape} for two pictures, "
                "not one vector of finite numbers for each"
            )
        self.dimensions = int(trial.shape[1])

    def encode(
        self, pictures: Iterable[NDArray[np.uint8]], *, say: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Vectors (N, D) of unit length for pictures (height, width, 3); `say` hears how many are done.

        A vector is the mean of several views of its picture: whole and its middle, each also mirrored.
        """
        vectors = []
        views: list[NDArray[np.uint8]] = []
        for number, picture in enumerate(pictures, 1):
            views += picture_views(picture, self.model.size)
            if len(views) >= _BATCH:
                vectors.append(self._vectors(views))
                views = []
                if say:
                    say(number)
        if views:
            vectors.append(self._vectors(views))
        return np.concatenate(vectors) if vectors else np.zeros((0, self.dimensions), np.float32)

    def _vectors(self, views: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        found = _unit(self._run(np.stack(views)))
        return _unit(found.reshape(-1, _VIEWS, found.shape[1]).mean(axis=1))

    def _run(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        model = self.model
        pixels = (views - np.array(model.mean, np.float32)) / np.array(model.scale, np.float32)
        if model.layout == "NCHW":
            pixels = pixels.transpose(0, 3, 1, 2)
        inputs = {model.input: np.ascontiguousarray(pixels)}
        found = np.asarray(self._session.run([model.output], inputs)[0], np.float32)
        return found.mean(axis=(2, 3)) if found.ndim == 4 else found


_VIEWS = 4


def picture_views(picture: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """Four views (size, size, 3): the whole picture, its middle square, and both mirrored."""
    from PIL import Image

    image = Image.fromarray(picture)
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    views = []
    for box in ((0, 0, width, height), (left, top, left + side, top + side)):
        view = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0))
        views += [view, view[:, ::-1]]
    return views


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _session(model: ImageModel, data: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own errors have no common class
        raise ImageModelError(f"{model.path} is no ONNX model that can be run: {error}") from error


def _check_names(model: ImageModel, session: Any) -> None:
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = [value.name for value in session.get_outputs()]
    if model.input not in inputs:
        raise ImageModelError(f"{model.path} has no input {model.input!r}, only {', '.join(inputs)}")
    if model.output not in outputs:
        raise ImageModelError(f"{model.path} has no output {model.output!r}, only {', '.join(outputs)}")
    value = inputs[model.input]
    if value.type != "tensor(float)":
        raise ImageModelError(f"{model.path}: the input takes {value.type}, not 32-bit floats")
    channels_last = model.layout == "NHWC"
    wanted: tuple[object, ...] = (model.size, model.size, 3) if channels_last else (3, model.size, model.size)
    shape = tuple(value.shape)
    fits = len(shape) == 4 and all(
        not isinstance(is_, int) or is_ == want for is_, want in zip(shape[1:], wanted, strict=True)
    )
    if not fits or isinstance(shape[0], int):
        raise ImageModelError(
            f"{model.path}: the input has the shape {shape}, not (any number, {', '.join(map(str, wanted))})"
        )
