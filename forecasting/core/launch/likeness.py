"""How alike products are, part by part, each from 0 to 1; a part that either side lacks is NaN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PARTS = ("picture", "meaning", "title", "attributes", "category", "brand", "price", "code")
"""Picture and title vectors, the title's letters, attributes, category, brand, price, and nearness of SKUs.

SKUs near each other are often one range, numbered by whoever bought it in.
"""

# Prices further apart than this factor (e squared, about 7) are not alike at all, codes than so many numbers.
_LOG_PRICE, _CODES = 2.0, 500
# Two to five letters: stems, endings and parts of compounds, and single Chinese words.
_NGRAMS = (2, 5)
_NUMBER = re.compile(r"\d{3,9}")


@dataclass(frozen=True, eq=False)
class Goods:
    """What is known of N products when they are launched; any part may be missing.

    ``picture`` and ``meaning`` are unit vectors (N, D), rows of NaN where a product has none; ``attributes``
    are sets of words such as "colour=red"; ``category`` and ``brand`` (N,) are numbers, -1 unknown; ``price``
    (N,) is above 0, NaN unknown.
    """

    code: Sequence[str]
    title: Sequence[str]
    price: Array
    category: Array
    brand: Array
    attributes: Sequence[frozenset[str]]
    picture: Array | None = None
    meaning: Array | None = None

    def __len__(self) -> int:
        return len(self.code)

    @cached_property
    def letters(self) -> Any:
        """Character TF-IDF of the titles: sparse unit rows (N, V); None where no title has letters."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        try:
            return TfidfVectorizer(
                analyzer="char_wb", ngram_range=_NGRAMS, sublinear_tf=True, dtype=np.float32
            ).fit_transform(self.title)
        except ValueError:  # an empty vocabulary
            return None

    @cached_property
    def number(self) -> Array:
        """(N,) the first number of three digits or more in each code, NaN where there is none."""
        found = (_NUMBER.search(code) for code in self.code)
        return np.array([float(match.group()) if match else np.nan for match in found])

    @cached_property
    def _marks(self) -> tuple[Any, Array]:
        """Attributes as a sparse 0/1 matrix (N, V), and how many each product has."""
        from scipy.sparse import csr_array

        words = {word: at for at, word in enumerate(sorted(set().union(*self.attributes)))}
        rows = np.repeat(np.arange(len(self)), [len(own) for own in self.attributes])
        columns = [words[word] for own in self.attributes for word in sorted(own)]
        marks = csr_array(
            (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(self), max(len(words), 1))
        )
        return marks, np.array([len(own) for own in self.attributes], dtype=np.float32)

    def likeness(self, rows: Array, others: Array) -> Array:
        """How alike ``rows`` (n positions) and ``others`` (m) are: float32 (P, n, m), parts as in `PARTS`."""
        result = np.full((len(PARTS), len(rows), len(others)), np.nan, dtype=np.float32)
        for part, vectors in (("picture", self.picture), ("meaning", self.meaning)):
            if vectors is not None:
                result[PARTS.index(part)] = np.clip(vectors[rows] @ vectors[others].T, 0, 1)
        if self.letters is not None:
            own, theirs = self.letters[rows], self.letters[others]
            alike = (own @ theirs.T).toarray()
            blank = np.diff(own.indptr) == 0
            alike[blank] = np.nan
            alike[:, np.diff(theirs.indptr) == 0] = np.nan
            result[PARTS.index("title")] = np.minimum(alike, 1)
        marks, count = self._marks
        both = (marks[rows] @ marks[others].T).toarray()
        either = count[rows][:, None] + count[others][None] - both
        known = (count[rows] > 0)[:, None] & (count[others] > 0)[None]
        result[PARTS.index("attributes")] = np.where(known, both / np.maximum(either, 1), np.nan)
        for part, codes in (("category", self.category), ("brand", self.brand)):
            own, theirs = codes[rows][:, None], codes[others][None]
            result[PARTS.index(part)] = np.where((own >= 0) & (theirs >= 0), own == theirs, np.nan)
        price = np.log(np.where(self.price > 0, self.price, np.nan))
        apart = np.abs(price[rows][:, None] - price[others][None])
        result[PARTS.index("price")] = 1 - np.minimum(apart, _LOG_PRICE) / _LOG_PRICE
        apart = np.minimum(np.abs(self.number[rows][:, None] - self.number[others][None]), _CODES)
        result[PARTS.index("code")] = 1 - np.log1p(apart) / np.log1p(_CODES)
        return result


def filled(parts: Array) -> Array:
    """Likenesses (P, n, m) with a missing one at the mean of that product's known ones: it says nothing."""
    known = np.isfinite(parts)
    count = known.sum(axis=2, keepdims=True)
    mean = np.where(known, parts, 0).sum(axis=2, keepdims=True) / np.maximum(count, 1)
    filled_: Array = np.where(known, parts, mean).astype(np.float32)
    return filled_
