"""Words that praise and words that blame, counted, with what turns them round.

English: Hu and Liu's opinion lexicon ("Mining and Summarizing Customer Reviews", KDD 2004), CC BY 4.0, kept
in `sentiment.npz`. Chinese: `words_zh.txt`. A word that stands up to three words after a negation in its
clause (Chinese: right after one) counts for the other side, as in Taboada et al., "Lexicon-Based Methods for
Sentiment Analysis" (2011, section 2.4), without their degrees.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.text.language import simplified

Array = npt.NDArray[Any]

_GOOD_SIGNS = "👍❤♥💕💖💗😍🥰😘😊🙂😀😃😄😁😆😎🤩🥳👏🙌💯⭐🌟✨🎉💪👌☺✅🔥😋🤗"
_BAD_SIGNS = "👎😡😠🤬😤😞😟😢😭😩😫🤮🤢💩😒🙄😑☹🙁💔😖😣😾⛔❌😕😔🤦"
_TOKEN = re.compile(r"[a-z]+(?:['’][a-z]+)?|[.,;:!?()]")
_TURNS = frozenset(
    [
        "not",
        "no",
        "never",
        "n't",
        "cannot",
        "without",
        "nothing",
        "hardly",
        "barely",
        "neither",
        "nor",
        "none",
        "nobody",
        "nowhere",
        "lack",
        "lacks",
        "lacked",
        "lacking",
        "don't",
        "doesn't",
        "didn't",
        "isn't",
        "wasn't",
        "aren't",
        "weren't",
        "won't",
        "can't",
        "couldn't",
        "wouldn't",
        "shouldn't",
        "haven't",
        "hasn't",
        "hadn't",
        "ain't",
        "dont",
        "doesnt",
        "didnt",
        "isnt",
        "wasnt",
        "wont",
        "cant",
        "couldnt",
        "wouldnt",
    ]
)
_REACH = 3
_LONGEST = 8
_SIGNS = dict.fromkeys(_GOOD_SIGNS, 1) | dict.fromkeys(_BAD_SIGNS, -1)
CHINESE = Path(__file__).with_name("words_zh.txt")
_CHINESE_SIDES = {"+": 1, "-": -1, "=": 0}
_HAN = re.compile(r"[\u3400-\u9fff]")


class Lexicon:
    """Words of both sides: English ones given, Chinese ones and signs its own."""

    def __init__(self, good: Collection[str], bad: Collection[str]) -> None:
        self._english = dict.fromkeys(good, 1) | dict.fromkeys(bad, -1)

    def counts(self, texts: Sequence[str]) -> Array:
        """Words that praise and that blame in each text, (n, 2) float32."""
        found = np.zeros((len(texts), 2), dtype=np.float32)
        for row, text in enumerate(texts):
            for sides in (self._in_english(text), _in_chinese(text), _in_signs(text)):
                for side in sides:
                    found[row, 0 if side > 0 else 1] += 1
        return found

    def _in_english(self, text: str) -> list[int]:
        words = _TOKEN.findall(text.lower().replace("’", "'"))
        sides = []
        for place, word in enumerate(words):
            side = self._english.get(word, 0)
            if side:
                for before in reversed(words[max(0, place - _REACH) : place]):
                    if not before[0].isalpha():
                        break
                    if before in _TURNS:
                        side = -side
                        break
                sides.append(side)
        return sides


def balance(counts: Array) -> Array:
    """Praise against blame (n,): their difference over the root of their sum and one, as a count's error
    grows.
    """
    return np.asarray((counts[:, 0] - counts[:, 1]) / np.sqrt(counts.sum(axis=1) + 1))


@cache
def _chinese() -> tuple[dict[str, int], frozenset[str]]:
    sides: dict[str, int] = {}
    turns: set[str] = set()
    for line in CHINESE.read_text(encoding="utf-8").splitlines():
        sign, *words = line.split()
        if sign == "!":
            turns.update(words)
        elif sign in _CHINESE_SIDES:
            sides.update(dict.fromkeys(words, _CHINESE_SIDES[sign]))
    return sides, frozenset(turns)


def _in_chinese(text: str) -> list[int]:
    if not _HAN.search(text):
        return []
    words, turns = _chinese()
    text = simplified(text)
    sides = []
    at = 0
    while at < len(text):
        for length in range(min(_LONGEST, len(text) - at), 0, -1):
            side = words.get(text[at : at + length])
            if side is not None:
                if any(text[max(0, at - size) : at] in turns for size in (1, 2, 3, 4)):
                    side = -side
                if side:
                    sides.append(side)
                at += length - 1
                break
        at += 1
    return sides


def _in_signs(text: str) -> list[int]:
    if text.isascii():
        return []
    return [_SIGNS[character] for character in text if character in _SIGNS]


def has_signs(text: str) -> bool:
    """Whether an emoji or the like speaks for one side."""
    return bool(_in_signs(text))
