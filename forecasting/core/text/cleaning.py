"""Texts as they come, made fit to be read: cut to a length, without what is not seen."""

from __future__ import annotations

import hashlib
import re
import unicodedata

TEXT_LIMIT = 4_000
"""Characters of a text that are read. Time grows with them, never with their square."""

_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")
_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")


def cleaned(text: str) -> str:
    """The first `TEXT_LIMIT` characters in Unicode's NFKC form, without control and direction marks; white
    space is one space, and a character said more than three times in a row is said three times.
    """
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", _UNSEEN.sub("", text[:TEXT_LIMIT])))
    return _RUN.sub(r"\1\1\1", _SPACE.sub(" ", seen)).strip()[:TEXT_LIMIT]


def has_words(text: str) -> bool:
    """Whether there is a letter of any script in what is read of the text."""
    return _LETTER.search(text[:TEXT_LIMIT]) is not None


def text_sha(*parts: str) -> str:
    """SHA-256 of texts, in order, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        body = part.encode("utf-8", "surrogatepass")
        digest.update(len(body).to_bytes(8, "little") + body)
    return digest.hexdigest()
