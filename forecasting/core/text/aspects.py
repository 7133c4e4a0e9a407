"""What a text praises or blames: the aspects that it names, clause by clause, with the clause as evidence.

As in Hu and Liu, "Mining and Summarizing Customer Reviews" (KDD 2004): aspects are words that reviews
judge; what is said of one is said in its clause. The words are those of `words_aspects.txt`, and words that
a shop's own reviews judge often ("the strap is ...", "表带很..."); a clause's sentiment is that of the same
model as a review's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from forecasting.core.text.cleaning import TEXT_LIMIT, has_words
from forecasting.core.text.language import simplified

MOST_CLAUSES = 40
"""Clauses of a text that are searched for aspects."""
LEAST_MINED = 5
MOST_MINED = 40
_BREAK = re.compile(
    r"[.!?;,\n。！？；，、…~]+|\s-+\s|\b(?:but|although|though|however|while|except)\b|但是|不过|可是|但|就是|而且",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"\b(?:the|its|it's|my|this|their|and)\s+([a-z]{3,20})\s+(?:is|was|are|were|looks?|feels?|works?)\b"
)
_JUDGED_ZH = re.compile(
    r"(?:^|[^\u3400-\u9fff]|的)([\u3400-\u9fff]{2})(?:很|非常|太|有点|比较|特别|挺|不错|不好|也很)"
)
_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*|[\u3400-\u9fff]+")


@dataclass(frozen=True)
class Mention:
    """A text (by row) names an aspect in its part from ``start`` to ``end``, in characters."""

    row: int
    aspect: str
    start: int
    end: int


@cache
def known_aspects() -> Mapping[str, str]:
    """Word (in Chinese: simplified) to aspect, as `words_aspects.txt` has them; '' for words that are judged
    but name no aspect.
    """
    words: dict[str, str] = {}
    for line in Path(__file__).with_name("words_aspects.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, english, chinese = line.split("|")
            words |= dict.fromkeys([*english.split(), *chinese.split()], name.strip())
    return MappingProxyType(words)


def aspect_names() -> list[str]:
    """The names of the known aspects; a mined one's name is its word."""
    return [name for name in dict.fromkeys(known_aspects().values()) if name]


def mined(texts: Sequence[str]) -> dict[str, str]:
    """Words that a shop's reviews judge often and that name no known aspect, each to itself: those in
    `LEAST_MINED` texts and one in 200, at most `MOST_MINED`, the commonest first.
    """
    known = known_aspects()
    counts: Counter[str] = Counter()
    for text in texts:
        plain = simplified(text[:TEXT_LIMIT].lower())
        counts.update(set(_JUDGED.findall(plain)) | set(_JUDGED_ZH.findall(plain)))
    least = max(LEAST_MINED, len(texts) // 200)
    found = sorted(((-count, word) for word, count in counts.items() if count >= least and word not in known))
    return {word: word for _, word in found[:MOST_MINED]}


def mentions(texts: Sequence[str], more: Mapping[str, str] | None = None) -> list[Mention]:
    """The aspects that texts name, in order; an aspect once per clause. ``more`` maps words to aspects beside
    the known ones.
    """
    words = {**known_aspects(), **(more or {})}
    wide = sorted({len(word) for word in words if not word.isascii()}, reverse=True)
    found: list[Mention] = []
    for row, text in enumerate(texts):
        for start, end in clauses(text):
            named = _named(simplified(text[start:end].lower()), words, wide)
            found.extend(Mention(row, aspect, start, end) for aspect in named)
    return found


def clauses(text: str) -> list[tuple[int, int]]:
    """Where each clause begins and ends, without the space around it."""
    spans = []
    begin = 0
    for stop in _BREAK.finditer(text, 0, min(len(text), TEXT_LIMIT)):
        spans.append((begin, stop.start()))
        begin = stop.end()
        if len(spans) >= MOST_CLAUSES:
            break
    else:
        spans.append((begin, min(len(text), TEXT_LIMIT)))
    trimmed = []
    for start, end in spans:
        part = text[start:end]
        start += len(part) - len(part.lstrip())
        end = start + len(part.strip())
        if has_words(text[start:end]):
            trimmed.append((start, end))
    return trimmed


def _named(clause: str, words: Mapping[str, str], wide: list[int]) -> list[str]:
    names: dict[str, None] = {}
    for token in _WORD.findall(clause):
        if token.isascii():
            name = words.get(token)
            if name:
                names[name] = None
            continue
        at = 0
        while at < len(token):
            for length in wide:
                name = words.get(token[at : at + length])
                if name and at + length <= len(token):
                    names[name] = None
                    at += length - 1
                    break
            at += 1
    return list(names)
