"""What reviews say of products: voices, and the reviews behind one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from catalog import selectors as catalog
from catalog.models import Product, Review
from forecasting.models import ProductVoice, ReviewReading

ORDERS = {
    "level": ("level", "product_id"),
    "-level": ("-level", "product_id"),
    "change": ("change", "product_id"),
    "reviews": ("-reviews", "product_id"),
}
QUOTES = 6


@dataclass(frozen=True)
class Quote:
    """A part of a review, with what is around it, and whether it praises."""

    before: str
    said: str
    after: str
    praises: bool
    review: Review


def review_words(title: str, text: str) -> str:
    """What of a review is read: its title and its text."""
    return f"{title}\n{text}" if title and text else title or text


def voices_list(
    *, change: str = "", language: str = "", search: str = "", order: str = "level"
) -> QuerySet[ProductVoice]:
    """Voices with their products. ``change`` is falling, rising or empty; ``language`` keeps products with a
    review in it.
    """
    voices = ProductVoice.objects.select_related("product").filter(level__isnull=False)
    if change == "falling":
        voices = voices.filter(change__lt=0)
    elif change == "rising":
        voices = voices.filter(change__gt=0)
    if not language.isprintable():
        # No database has it, and PostgreSQL refuses a NUL.
        return ProductVoice.objects.none()
    if language:
        spoken = ReviewReading.objects.filter(review__product=OuterRef("product_id"), language=language)
        voices = voices.filter(Exists(spoken.filter(left_out="")))
    if search:
        voices = voices.filter(product__in=catalog.products_search(search))
    return voices.order_by(*ORDERS.get(order, ORDERS["level"]))


def voice_get(product: Product) -> ProductVoice | None:
    """A product's voice, if it has reviews."""
    return ProductVoice.objects.filter(product=product).first()


def voice_left_out(product: Product) -> dict[str, int]:
    """How many of a product's reviews do not count, by reason."""
    found = ReviewReading.objects.filter(review__product=product).exclude(left_out="")
    return dict(Counter(found.values_list("left_out", flat=True)))


def voice_quotes(voice: ProductVoice, aspect: str = "") -> list[Quote]:
    """Parts of reviews that show what is said, the clearest first, one a review; of one aspect or of all."""
    asked = [
        (line["quotes"], line["aspect"]) for line in voice.aspects if not aspect or line["aspect"] == aspect
    ]
    wanted: list[list[Any]] = []
    quoted: set[int] = set()
    for round_ in range(QUOTES):
        for quotes, _ in asked:
            if round_ < len(quotes) and len(wanted) < QUOTES and quotes[round_][0] not in quoted:
                wanted.append(quotes[round_])
                quoted.add(quotes[round_][0])
    reviews = Review.objects.in_bulk([quote[0] for quote in wanted])
    return [
        _quote(reviews[number], start, end, p_positive)
        for number, start, end, p_positive in wanted
        if number in reviews
    ]


def _quote(review: Review, start: int, end: int, p_positive: float) -> Quote:
    words = review_words(review.title, review.text)
    left, right = max(0, start - 80), min(len(words), end + 80)
    return Quote(
        before=("… " if left else "") + words[left:start],
        said=words[start:end],
        after=words[end:right] + (" …" if right < len(words) else ""),
        praises=p_positive >= 0.5,
        review=review,
    )


def voice_languages() -> list[str]:
    """The languages that reviews which count are in, the commonest first."""
    counts: dict[str, Any] = Counter(
        ReviewReading.objects.filter(left_out="").exclude(language="").values_list("language", flat=True)
    )
    return sorted(counts, key=lambda name: (-counts[name], name))
