"""What a page says in a language, from the catalogue: walks name controls by the sentence in the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils import translation


@dataclass(frozen=True)
class Words:
    """`words("Make drafts")` is the control's name as a reader of `language` has it."""

    language: str

    def __call__(self, sentence: str, *, context: str = "", **values: Any) -> str:
        """The sentence with its `%(name)s` filled in; fails where a language lacks it."""
        with translation.override(self.language):
            text = translation.pgettext(context, sentence) if context else translation.gettext(sentence)
        if self.language != "en":
            assert text != sentence, f"{sentence!r} is not translated into {self.language}"
        return text % values if values else text.replace("%%", "%")

    def count(self, one: str, many: str, n: int, **values: Any) -> str:
        """The sentence for `n` of something."""
        with translation.override(self.language):
            return translation.ngettext(one, many, n) % values

    def pattern(self, sentence: str) -> re.Pattern[str]:
        """The sentence, whatever stands at its `%(name)s`."""
        parts = re.split(r"%\(\w+\)s", self(sentence))
        return re.compile(".*".join(re.escape(part) for part in parts))
