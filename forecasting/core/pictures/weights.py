"""Weights from PyTorch's older `.pth` format, read without PyTorch and without trusting the file.

A `.pth` file is made of pickles, and a pickle can call anything. Here only the names that a dictionary of
tensors needs are known; any other name is refused before it is looked up. The layout (``torch.save`` before
version 1.6): magic number, protocol, facts about the machine, the dictionary whose tensors name their
storages, the list of storage keys, and then each storage as a count (int64) and its raw numbers, in the
list's order.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_TYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
}
_MOST_NUMBERS = 50_000_000  # 200 MB of float32: far above any network that runs here


class WeightsError(ValueError):
    """A file that is no dictionary of tensors, is damaged, or asks for more than reading one."""


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    numbers: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_ignored: Any
) -> _Tensor:
    """What `torch._utils._rebuild_tensor_v2` gets, kept until its storage has been read."""
    whole = all(isinstance(number, int) and number >= 0 for number in (offset, *shape, *strides))
    if not isinstance(storage, _Storage) or not whole or len(shape) != len(strides):
        raise WeightsError("a tensor is not described as one")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Knows five names, and calls two of them: OrderedDict and `_rebuild_tensor`."""

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any] | str] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            **{("torch", kind): kind for kind in _TYPES},
        }
        if (module, name) not in known:
            raise WeightsError(f"the file asks for {module}.{name}, which no weights need")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(kind), str(key), "cpu", int(numbers), None) if kind in _TYPES:
                if 0 <= numbers <= _MOST_NUMBERS:
                    return _Storage(key, _TYPES[kind], numbers)
        raise WeightsError("a storage is not described as one")


def weights_read(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a `.pth` file by name, each a contiguous array of its own. Raises WeightsError."""
    with path.open("rb") as file:
        try:
            if _load(file) != _MAGIC or _load(file) != _PROTOCOL:
                raise WeightsError(f"{path.name} is not in the format read here")
            _load(file)  # facts about the machine that wrote it
            tensors = _load(file)
            keys = _load(file)
        except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError) as error:
            raise WeightsError(f"{path.name} is damaged") from error
        if not isinstance(tensors, OrderedDict) or not isinstance(keys, list):
            raise WeightsError(f"{path.name} holds no dictionary of tensors")
        storages = {
            tensor.storage.key: tensor.storage for tensor in tensors.values() if isinstance(tensor, _Tensor)
        }
        numbers = {key: _storage_read(file, storages.get(key)) for key in keys}
    return {str(name): _array(str(name), tensor, numbers) for name, tensor in tensors.items()}


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _storage_read(file: BinaryIO, storage: _Storage | None) -> NDArray[Any]:
    count = file.read(8)
    if storage is None or int.from_bytes(count, "little") != storage.numbers or len(count) < 8:
        raise WeightsError("the numbers are not those that the tensors describe")
    data = file.read(storage.numbers * storage.dtype.itemsize)
    if len(data) < storage.numbers * storage.dtype.itemsize:
        raise WeightsError("the file ends in the middle of its numbers")
    return np.frombuffer(data, storage.dtype)


def _array(name: str, tensor: object, numbers: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """A tensor is a view of its storage: rows need not lie one after the other."""
    if not isinstance(tensor, _Tensor) or tensor.storage.key not in numbers:
        raise WeightsError(f"{name} is no tensor with numbers")
    flat = numbers[tensor.storage.key]
    last = tensor.offset + sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    if 0 not in tensor.shape and last >= flat.size:
        raise WeightsError(f"{name} reaches past its numbers")
    strides = tuple(stride * flat.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.ascontiguousarray(view)
