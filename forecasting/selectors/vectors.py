"""Vectors of products: those of their photos and of their titles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.models import ProductVector

DTYPE = np.dtype("<f2")


@dataclass(frozen=True, slots=True)
class Vectors:
    """Products' ids (N), their vectors (N, D), and the SHA-256 of what each was made from."""

    product_ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    content: list[str]


def vectors_read(kind: str, model_id: str | None = None) -> Vectors:
    """All vectors of a kind that one model made: the named one, or the one that made the most of them."""
    rows = ProductVector.objects.filter(kind=kind).order_by("product_id")
    if model_id is None:
        makers = list(rows.order_by("model_id").values_list("model_id", flat=True))
        model_id = max(sorted(set(makers)), key=makers.count, default="")
    found = list(rows.filter(model_id=model_id).values_list("product_id", "content_sha", "vector"))
    if not found:
        return Vectors(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), [])
    ids, content, blobs = zip(*found, strict=True)
    vectors = np.frombuffer(b"".join(bytes(blob) for blob in blobs), DTYPE).reshape(len(ids), -1)
    return Vectors(np.array(ids, np.int64), vectors.astype(np.float32), list(content))
