"""Text made comparable: search has to find 'Ä' by 'ä' and 'a' on every database."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping


def fold(text: str) -> str:
    """The text without case or accents: what search compares."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def product_search_text(*, sku: str, gtin: str, name: str, names: Mapping[str, str]) -> str:
    """What a product is found by: `Product.search_text`. Names of all languages, folded."""
    return fold(" ".join(filter(None, [sku, gtin, name, *names.values()])))
