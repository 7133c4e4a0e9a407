"""The nearest vectors by cosine, in blocks: a hundred thousand photos fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CELLS = 16_000_000  # cosines at a time: 64 MB


def neighbours_find(
    vectors: NDArray[np.floating],
    queries: NDArray[np.floating],
    k: int,
    *,
    leave_out: NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each query (Q, D) the places (Q, k) of its k nearest of vectors (N, D), and their cosines.

    All are of unit length; the nearest come first. `leave_out` (Q) is the place of the query itself, which is
    not its own neighbour. k is cut to what there is. Memory: 64 MB for a block
    of cosines, beside one float32 copy.
    """
    base = np.ascontiguousarray(vectors, np.float32)
    k = max(0, min(k, len(base) - (leave_out is not None)))
    places = np.zeros((len(queries), k), np.int64)
    cosines = np.zeros((len(queries), k), np.float32)
    if k == 0:
        return places, cosines
    block = max(1, _CELLS // len(base))
    for start in range(0, len(queries), block):
        rows = slice(start, start + block)
        found = queries[rows].astype(np.float32) @ base.T
        if leave_out is not None:
            found[np.arange(len(found)), leave_out[rows]] = -np.inf
        best = np.argpartition(found, -k, axis=1)[:, -k:]
        likeness = np.take_along_axis(found, best, axis=1)
        order = np.argsort(-likeness, axis=1, kind="stable")
        places[rows] = np.take_along_axis(best, order, axis=1)
        cosines[rows] = np.take_along_axis(likeness, order, axis=1)
    return places, cosines
