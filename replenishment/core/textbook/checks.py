"""Refusing numbers that make no sense, with the row that holds the first of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def rows(**given: npt.ArrayLike) -> list[Array]:
    """The values as float64 arrays (N,), broadcast to one length; ValueError where they can't be."""
    arrays = [np.asarray(values, dtype=np.float64) for values in given.values()]
    for name, values in zip(given, arrays, strict=True):
        if values.ndim > 1:
            raise ValueError(f"{name} has shape {values.shape}, expected one number for each item")
    try:
        shaped = np.broadcast_arrays(*[np.atleast_1d(values) for values in arrays])
    except ValueError:
        sizes = ", ".join(f"{name} {values.shape}" for name, values in zip(given, arrays, strict=True))
        raise ValueError(f"lengths differ: {sizes}") from None
    return [np.ascontiguousarray(values) for values in shaped]


def positive(**given: Array) -> None:
    """Every value is finite and above 0."""
    for name, values in given.items():
        _refuse(name, values, ~(np.isfinite(values) & (values > 0)), "finite and above 0")


def at_least_zero(**given: Array) -> None:
    """Every value is finite and 0 or more."""
    for name, values in given.items():
        _refuse(name, values, ~(np.isfinite(values) & (values >= 0)), "finite and 0 or more")


def chances(**given: Array) -> None:
    """Every row (N, K) is a distribution on 0, 1, ... K - 1."""
    for name, values in given.items():
        if values.ndim != 2 or not values.shape[1]:
            raise ValueError(f"{name} has shape {values.shape}, expected (items, units)")
        _refuse(name, values, ~(np.isfinite(values) & (values >= 0)), "finite and 0 or more")
        total = values.sum(axis=1)
        _refuse(f"the sum of {name}", total, np.abs(total - 1) > 1e-6, "1")


def _refuse(name: str, values: Array, bad: Array, wanted: str) -> None:
    if np.any(bad):
        place = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise ValueError(f"row {int(place[0]) + 1}: {name} must be {wanted}, not {values[place]:g}")
