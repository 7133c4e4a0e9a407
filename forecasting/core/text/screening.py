"""Reviews that do not count: without words, obvious spam, and copies of others.

Copies are found by MinHash with banding (Broder, "On the Resemblance and Containment of Documents", 1997;
Leskovec et al., "Mining of Massive Datasets", section 3.4) on runs of five characters, and then compared
exactly. Short texts are no copies: many people write "Works great".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.text.cleaning import cleaned, has_words
from forecasting.core.text.lexicon import has_signs

Array = npt.NDArray[Any]

REASONS = ("empty", "spam", "duplicate")
SHORTEST_COPY = 20
"""Letters and digits from which a text can be a copy; a Chinese character counts as two."""
ALIKE = 0.8
"""Jaccard likeness of two texts' runs of characters from which one is a copy."""
_RUN, _BANDS, _ROWS = 5, 6, 3
_LINK = re.compile(
    r"https?://|\bwww\.|\b[\w.+-]+@[\w-]+\.\w{2,}|\b[\w-]+\.(?:com|net|cn|shop|xyz|top)\b"
    r"|(?:加|添加)?(?:微信|薇信|威信|vx|wechat|whatsapp|telegram|qq群|扣扣)[号:：\s]*[\w+-]{5,}",
    re.IGNORECASE,
)
_LONG_RUN = re.compile(r"(.)\1{14,}", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")


def screened(texts: Sequence[str]) -> list[str]:
    """Why each text is left out, one of `REASONS`, or '' where it counts. Of copies, the first counts."""
    reasons = [_reason(text) for text in texts]
    counted = [row for row, reason in enumerate(reasons) if not reason]
    for row in _copies([texts[row] for row in counted]):
        reasons[counted[row]] = "duplicate"
    return reasons


def _reason(text: str) -> str:
    clean = cleaned(text)
    if not has_words(clean):
        return "" if has_signs(clean) else "empty"
    if _LINK.search(clean) or _LONG_RUN.search(text[:4_000]):
        return "spam"
    words = _WORD.findall(clean.lower())
    # The same few words over and over.
    if len(words) >= 12 and len(set(words)) * 5 < len(words):
        return "spam"
    letters = Counter(character for character in clean if not character.isspace())
    often = max(letters.values())
    return "spam" if sum(letters.values()) >= 20 and often * 2 >= sum(letters.values()) else ""


def _copies(texts: list[str]) -> list[int]:
    """Rows whose text is a copy of an earlier one."""
    plain = ["".join(_WORD.findall(cleaned(text).lower())) for text in texts]
    rows = [row for row, text in enumerate(plain) if len(text) + len(_WIDE.findall(text)) >= SHORTEST_COPY]
    rows = [row for row in rows if len(plain[row]) >= _RUN]
    if not rows:
        return []
    signatures = _signatures([plain[row] for row in rows])
    copies: set[int] = set()
    firsts: dict[tuple[int, bytes], list[int]] = {}
    runs: dict[int, frozenset[str]] = {}
    for place, row in enumerate(rows):
        bands = [
            (band, signatures[place, band * _ROWS : (band + 1) * _ROWS].tobytes()) for band in range(_BANDS)
        ]
        near = {other for key in bands for other in firsts.get(key, ())}
        if any(_alike(plain, row, other, runs) for other in near):
            copies.add(row)
            continue
        for key in bands:
            kept = firsts.setdefault(key, [])
            if len(kept) < 20:
                kept.append(row)
    return sorted(copies)


def _signatures(texts: list[str]) -> Array:
    """MinHash signatures (n, bands x rows) of texts of at least `_RUN` characters."""
    sizes = np.array([len(text) for text in texts])
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mixed = np.zeros(len(codes) - _RUN + 1, dtype=np.uint64)
    for step in range(_RUN):
        mixed = mixed * np.uint64(1_000_003) + codes[step : step + len(mixed)]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    # Runs that reach into the next text are worth the highest number.
    inside = np.zeros(len(mixed), dtype=bool)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        inside[start : start + size - _RUN + 1] = True
    rng = np.random.default_rng(0)
    signatures = np.empty((len(texts), _BANDS * _ROWS), dtype=np.uint64)
    for column in range(_BANDS * _ROWS):
        odd, shift = rng.integers(1, 2**63, 2, dtype=np.uint64)
        hashed = (mixed ^ (mixed >> np.uint64(31))) * (odd | np.uint64(1)) + shift
        hashed ^= hashed >> np.uint64(29)
        hashed[~inside] = np.iinfo(np.uint64).max
        signatures[:, column] = np.minimum.reduceat(hashed, starts)
    return signatures


def _alike(plain: list[str], row: int, other: int, runs: dict[int, frozenset[str]]) -> bool:
    for one in (row, other):
        if one not in runs:
            text = plain[one]
            runs[one] = frozenset(text[at : at + _RUN] for at in range(len(text) - _RUN + 1))
    both = len(runs[row] & runs[other])
    return both >= ALIKE * (len(runs[row]) + len(runs[other]) - both)
