"""The head that comes with Forestock: how likely a text praises, for a shop that has rated no reviews yet.

Log-odds are the sum of a logistic regression on the encoder's vector and the lexicon's balance, which holds
in every language that the encoder knows, and of one on English words and pairs of words. Both were fitted by
`python -m benchmarks.sentiment_head` on Hu and Liu's product reviews and pros and cons (CC BY 4.0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.text.cleaning import has_words
from forecasting.core.text.lexicon import CHINESE, Lexicon, balance

Array = npt.NDArray[Any]

WEIGHTS = Path(__file__).with_name("sentiment.npz")
WORDS = r"(?u)\b[^\W\d_]+'?[^\W\d_]*\b"
_METHOD = 2  # one up with each change of what the head makes of weights and words
_SIGNS = 1.5
# The vector's weights were learned in English and hold less in Chinese.
_CHINESE_VECTOR = 0.35


@dataclass(frozen=True)
class Read:
    """Texts, cleaned, as models see them: languages, vectors (n, d), the lexicon's balances (n,)."""

    texts: list[str]
    languages: list[str]
    vectors: Array
    balance: Array

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, rows: Array) -> Read:
        """Some of them, by index."""
        return Read(
            [self.texts[row] for row in rows],
            [self.languages[row] for row in rows],
            self.vectors[rows],
            self.balance[rows],
        )


@dataclass(frozen=True)
class Builtin:
    """The head's weights. ``vector`` (d,), ``lexical`` and ``bias`` are the first part's; ``terms``, ``idf``,
    ``weights`` and ``word_bias`` the second's, which counts ``share``; ``scale`` calibrates their sum.
    """

    encoder_id: str
    vector: Array
    lexical: float
    bias: float
    terms: list[str]
    idf: Array
    weights: Array
    word_bias: float
    share: float
    scale: float
    good: list[str] = field(repr=False)
    bad: list[str] = field(repr=False)

    @cached_property
    def lexicon(self) -> Lexicon:
        """The lexicon that the head was fitted with."""
        return Lexicon(self.good, self.bad)

    @cached_property
    def _counter(self) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer

        return CountVectorizer(vocabulary=self.terms, binary=True, ngram_range=(1, 2), token_pattern=WORDS)

    def log_odds(self, read: Read) -> Array:
        """Log-odds of praise (n,)."""
        chinese = np.array([name.startswith("zh") for name in read.languages], dtype=bool)
        parts = (read.vectors @ self.vector + self.bias) * np.where(chinese, _CHINESE_VECTOR, 1.0)
        parts += self.lexical * read.balance
        english = np.array([name == "en" for name in read.languages], dtype=bool)
        if english.any():
            rows = np.flatnonzero(english)
            parts[rows] += self.share * self.word_log_odds([read.texts[row] for row in rows])
        # Signs alone have no vector worth the name.
        worded = np.array([has_words(text) for text in read.texts], dtype=bool)
        return np.where(worded, self.scale * parts, _SIGNS * read.balance)

    def word_log_odds(self, texts: Sequence[str]) -> Array:
        """Log-odds of praise by English words alone (n,)."""
        from sklearn.preprocessing import normalize

        counted = self._counter.transform(texts).multiply(self.idf).tocsr()
        return np.asarray(normalize(counted) @ self.weights) + self.word_bias

    def save(self, path: Path = WEIGHTS) -> None:
        """Write the weights, small."""
        np.savez_compressed(
            path,
            encoder_id=self.encoder_id,
            vector=self.vector.astype(np.float16),
            numbers=np.array([self.lexical, self.bias, self.word_bias, self.share, self.scale]),
            terms=_packed(self.terms),
            idf=self.idf.astype(np.float16),
            weights=self.weights.astype(np.float16),
            good=_packed(self.good),
            bad=_packed(self.bad),
        )

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Builtin:
        """Read them."""
        with np.load(path, allow_pickle=False) as file:
            lexical, bias, word_bias, share, scale = file["numbers"].tolist()
            return cls(
                encoder_id=str(file["encoder_id"]),
                vector=file["vector"].astype(np.float32),
                lexical=lexical,
                bias=bias,
                terms=_unpacked(file["terms"]),
                idf=file["idf"].astype(np.float32),
                weights=file["weights"].astype(np.float32),
                word_bias=word_bias,
                share=share,
                scale=scale,
                good=_unpacked(file["good"]),
                bad=_unpacked(file["bad"]),
            )


@cache
def builtin_default() -> Builtin:
    """The head that comes with Forestock, loaded once in a process."""
    return Builtin.load()


@cache
def builtin_id() -> str:
    """What a reading by the built-in head depends on: its method, weights and Chinese words, as SHA-256."""
    digest = hashlib.sha256(str(_METHOD).encode())
    for path in (WEIGHTS, CHINESE):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _packed(words: Sequence[str]) -> Array:
    return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)


def _unpacked(packed: Array) -> list[str]:
    return packed.tobytes().decode().split("\n")


def read_texts(texts: Sequence[str], encoder: Any, lexicon: Lexicon) -> Read:
    """Clean texts and see in them what the models need."""
    from forecasting.core.text.cleaning import cleaned
    from forecasting.core.text.language import language

    clean = [cleaned(text) for text in texts]
    return Read(
        clean, [language(text) for text in clean], encoder.encode(clean), balance(lexicon.counts(clean))
    )
