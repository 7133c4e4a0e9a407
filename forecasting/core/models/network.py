"""Small networks with embedded codes: trained with torch, kept as ONNX, and run without torch.

torch is an extra (``requirements-deep.txt``), imported only to train. What is kept is an ONNX graph, so that
any process with onnxruntime can score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_OPSET = 17
_IR_VERSION = 8
_WIDEST = 8  # an embedding's width
_CHUNK = 16_384  # rows at a time: hidden layers are wide


@dataclass(frozen=True)
class Training:
    """How networks are trained: layer widths, how many networks, and the steps of AdamW on batches of rows.

    ``rate`` is the highest learning rate of one cycle, ``decay`` the weight decay, ``dropout`` the share of
    hidden units left out.
    """

    hidden: tuple[int, ...] = (128, 64)
    networks: int = 3
    passes: float = 4.0
    most_steps: int = 1_500
    batch: int = 1_024
    rate: float = 2e-3
    decay: float = 1e-4
    dropout: float = 0.1
    warm_up: float = 0.2

    def steps(self, rows: int) -> int:
        """Steps of one network for so many rows."""
        return int(np.clip(self.passes * rows / self.batch, 100, self.most_steps))


@dataclass(frozen=True, eq=False)
class Weights:
    """One network: ``embeddings`` (codes + 1, width) each, ``layers`` of (in, out) weights and biases, and
    the last layer's, which takes the inputs themselves and the last hidden units.
    """

    embeddings: list[Array]
    layers: list[tuple[Array, Array]]
    straight: Array
    last: Array
    bias: Array


def train(
    columns: Array,
    target: Array,
    weight: Array,
    *,
    sizes: Sequence[int],
    how: Training,
    seed: int,
    threads: int = 1,
) -> list[Weights]:
    """Train networks to the weighted mean of ``target`` (n,) by squared error.

    ``columns`` (n, D + C) are D numbers and then C codes, 0 to ``sizes[c]``, 0 for one that is not known.
    Networks differ in their starting weights and in the order of rows. Each is trained by one thread, several
    side by side: the numbers depend on the seed alone.
    """
    import torch

    def one(number: int) -> Weights:
        torch.set_num_threads(1)
        return _train_one(columns, target, weight, sizes, how, seed * 1_000 + number)

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(max(1, min(threads, how.networks))) as pool:
            return list(pool.map(one, range(how.networks)))
    finally:
        torch.set_num_threads(before)


def _train_one(
    columns: Array, target: Array, weight: Array, sizes: Sequence[int], how: Training, seed: int
) -> Weights:
    import torch

    random = torch.Generator().manual_seed(seed)
    count, width = len(columns), columns.shape[1] - len(sizes)
    x = torch.from_numpy(np.ascontiguousarray(columns, dtype=np.float32))
    y, w = (torch.from_numpy(np.asarray(values, dtype=np.float32)) for values in (target, weight))
    parameters = _start(width, sizes, how.hidden, random)
    optimiser = torch.optim.AdamW(parameters.every, lr=how.rate, weight_decay=how.decay)
    steps = how.steps(count)
    rates = _one_cycle(how, steps)
    order, at, batch = torch.randperm(count, generator=random), 0, min(how.batch, count)
    for step in range(steps):
        if at + batch > count:
            order, at = torch.randperm(count, generator=random), 0
        rows = order[at : at + batch]
        at += batch
        for group in optimiser.param_groups:
            group["lr"] = rates[step]
        error = parameters.score(x[rows], how.dropout, random) - y[rows]
        loss = (error * error * w[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.every, 1.0)
        optimiser.step()
    return parameters.weights()


def _one_cycle(how: Training, steps: int) -> Array:
    """Learning rates (steps,): up to the highest, then down to nothing, each along half a cosine."""
    rise = max(1, int(how.warm_up * steps))
    up = (1 - np.cos(np.pi * np.arange(rise) / rise)) / 2
    down = (1 + np.cos(np.pi * np.arange(steps - rise) / max(1, steps - rise))) / 2
    return how.rate * np.concatenate([np.maximum(up, 0.04), np.maximum(down, 1e-4)])


class _Parameters:
    """The tensors of one network while it is trained."""

    def __init__(
        self, embeddings: list[Any], layers: list[tuple[Any, Any]], straight: Any, last: Any, bias: Any
    ) -> None:
        self.embeddings, self.layers = embeddings, layers
        self.straight, self.last, self.bias = straight, last, bias
        self.every = [*embeddings, *(tensor for layer in layers for tensor in layer), straight, last, bias]

    def score(self, x: Any, dropout: float = 0.0, random: Any = None) -> Any:
        """Scores (n,) of columns (n, D + C); hidden units are left out while there is a ``random``."""
        import torch

        width = x.shape[1] - len(self.embeddings)
        parts = [table[x[:, width + c].long()] for c, table in enumerate(self.embeddings)]
        inputs = torch.cat([x[:, :width], *parts], dim=1)
        hidden = inputs
        for matrix, bias in self.layers:
            hidden = torch.relu(hidden @ matrix + bias)
            if random is not None:
                hidden = hidden * (torch.rand(hidden.shape, generator=random) >= dropout) / (1 - dropout)
        return (inputs @ self.straight + hidden @ self.last + self.bias)[:, 0]

    def weights(self) -> Weights:
        """As arrays."""

        def plain(tensor: Any) -> Array:
            return np.array(tensor.detach().numpy(), dtype=np.float32)

        return Weights(
            [plain(table) for table in self.embeddings],
            [(plain(matrix), plain(bias)) for matrix, bias in self.layers],
            plain(self.straight),
            plain(self.last),
            plain(self.bias),
        )


def _start(width: int, sizes: Sequence[int], hidden: Sequence[int], random: Any) -> _Parameters:
    """Starting weights: He's for hidden layers, nothing for the last, so that training starts at the mean."""
    import torch

    def normal(*shape: int, spread: float) -> Any:
        return (torch.randn(*shape, generator=random) * spread).requires_grad_()

    def nothing(*shape: int) -> Any:
        return torch.zeros(*shape).requires_grad_()

    embeddings = [normal(size + 1, min(_WIDEST, max(2, int(size**0.5))), spread=0.05) for size in sizes]
    width += sum(table.shape[1] for table in embeddings)
    layers, into = [], width
    for units in hidden:
        layers.append((normal(into, units, spread=(1 / into) ** 0.5), nothing(units)))
        into = units
    return _Parameters(embeddings, layers, nothing(width, 1), nothing(into, 1), nothing(1))


def to_onnx(networks: Sequence[Weights]) -> bytes:
    """One ONNX graph, ``columns`` (n, D + C) to ``score`` (n,): the mean of the networks' scores."""
    from onnx import TensorProto, checker, helper, numpy_helper

    first = networks[0]
    width = len(first.straight) - sum(table.shape[1] for table in first.embeddings)
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, values: Array) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    numbers = node("Gather", ["columns", constant("numbers_at", np.arange(width))], "numbers", axis=1)
    codes = []
    for c in range(len(first.embeddings)):
        place = constant(f"code{c}_at", np.array(width + c))
        code = node("Gather", ["columns", place], f"code{c}_float", axis=1)
        codes.append(node("Cast", [code], f"code{c}", to=TensorProto.INT64))
    scores = []
    for k, network in enumerate(networks):
        parts = [
            node("Gather", [constant(f"table{k}_{c}", table), codes[c]], f"embedded{k}_{c}", axis=0)
            for c, table in enumerate(network.embeddings)
        ]
        inputs = node("Concat", [numbers, *parts], f"inputs{k}", axis=1)
        hidden = inputs
        for layer, (matrix, bias) in enumerate(network.layers):
            name = f"{k}_{layer}"
            weights = [constant(f"matrix{name}", matrix), constant(f"bias{name}", bias)]
            hidden = node("Relu", [node("Gemm", [hidden, *weights], f"linear{name}")], f"hidden{name}")
        last = [constant(f"last{k}", network.last), constant(f"last_bias{k}", network.bias)]
        straight = node("MatMul", [inputs, constant(f"straight{k}", network.straight)], f"straight_score{k}")
        scores.append(
            node("Add", [straight, node("Gemm", [hidden, *last], f"hidden_score{k}")], f"network{k}")
        )
    mean = node("Mean", scores, "mean_score")
    node("Squeeze", [mean, constant("second_axis", np.array([1]))], "score")
    graph = helper.make_graph(
        nodes,
        "demand",
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["rows", width + len(codes)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def scorer(graph: bytes, threads: int = 1) -> Callable[[Array], Array]:
    """A function from columns (n, D + C) to scores (n,), by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def score(columns: Array) -> Array:
        result = np.empty(len(columns), dtype=np.float32)
        for at in range(0, len(columns), _CHUNK):
            part = columns[at : at + _CHUNK].astype(np.float32, copy=False)
            result[at : at + _CHUNK] = session.run(["score"], {"columns": part})[0]
        return result

    return score
