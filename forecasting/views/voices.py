"""The voice list: products by what their reviews say; and the part of a product's page that shows why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from catalog.models import Product
from forecasting.models import ProductVoice
from forecasting.selectors import voices as reads
from forecasting.views.access import inside_only
from forecasting.words import LANGUAGES, LEFT_OUT, aspect_name, name_of

PAGE_SIZE = 25
SHOWN = 3


@dataclass(frozen=True)
class AspectLine:
    """An aspect in the reader's words: how often it is praised and blamed."""

    key: str
    name: str
    praised: int
    blamed: int

    @property
    def praises(self) -> bool:
        """Whether praise is commoner."""
        return self.praised >= self.blamed


@dataclass(frozen=True)
class VoiceLine:
    """A product's voice in the list."""

    voice: ProductVoice
    aspects: list[AspectLine]

    @property
    def shares(self) -> list[float | None]:
        """The share of praise by month, None where there was no review."""
        return [share for _month, _count, share in self.voice.months]

    @property
    def after(self) -> float:
        """The share of praise since the last change."""
        return after(self.voice)


@dataclass(frozen=True)
class MonthBar:
    """A month's reviews in the chart, in units of its box of 100 by 40: where its bar is, how wide, and the
    tops and heights of its parts.
    """

    month: date
    reviews: int
    share: float | None
    x: str
    width: str
    praise_top: str
    praise: str
    blame_top: str
    blame: str


@require_GET
@inside_only
@permission_required("forecasting.view_productvoice", raise_exception=True)
def voice_list(request: HttpRequest) -> HttpResponse:
    """Products whose reviews were read, the least praised first."""
    change = request.GET.get("change", "")
    order = request.GET.get("order", "")
    order = order if order in reads.ORDERS else "level"
    language = request.GET.get("language", "")[:8]
    search = request.GET.get("q", "").strip()[:100]
    voices = reads.voices_list(change=change, language=language, search=search, order=order)
    page = Paginator(voices, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "forecasting/voice_list.html",
        {
            "page": page,
            "lines": [VoiceLine(voice, aspect_lines(voice)[:SHOWN]) for voice in page],
            "q": search,
            "change": change if change in ("falling", "rising") else "",
            "order": order,
            "language": language,
            "languages": [(code, name_of(LANGUAGES, code)) for code in reads.voice_languages()],
        },
    )


@require_GET
@inside_only
@permission_required(["forecasting.view_productvoice", "catalog.view_review"], raise_exception=True)
def voice_panel(request: HttpRequest, product_id: int) -> HttpResponse:
    """What a product's reviews say, with quotes; of one aspect where `aspect` names it."""
    product = get_object_or_404(Product, pk=product_id)
    voice = reads.voice_get(product)
    aspects = aspect_lines(voice) if voice else []
    aspect = request.GET.get("aspect", "")
    if aspect not in [line.key for line in aspects]:
        aspect = ""
    whole = "page" in request.GET and not getattr(request, "htmx", False)
    return render(
        request,
        f"forecasting/{'voice.html' if whole else 'partials/voice_panel.html'}",
        {
            "product": product,
            "voice": voice,
            "after": after(voice) if voice else None,
            "months": _bars(voice) if voice else [],
            "aspects": aspects,
            "aspect": aspect,
            "quotes": reads.voice_quotes(voice, aspect) if voice else [],
            "left_out": [
                (name_of(LEFT_OUT, reason), count)
                for reason, count in sorted(reads.voice_left_out(product).items())
            ],
        },
    )


def aspect_lines(voice: ProductVoice) -> list[AspectLine]:
    """A voice's aspects, the most spoken of first."""
    return [
        AspectLine(line["aspect"], aspect_name(line["aspect"]), line["praised"], line["blamed"])
        for line in voice.aspects
    ]


def after(voice: ProductVoice) -> float:
    """The share of praise since the last change; 0 where there was none."""
    return (voice.before or 0.0) + (voice.change or 0.0)


def _bars(voice: ProductVoice) -> list[MonthBar]:
    most = max((count for _, count, _ in voice.months), default=0) or 1
    wide = min(100 / max(len(voice.months), 1), 4.0)
    bars = []
    for place, (month, count, share) in enumerate(voice.months):
        high = 40 * count / most
        praise = high * (share or 0.0)
        bars.append(
            MonthBar(
                month=date.fromisoformat(month),
                reviews=count,
                share=share,
                x=f"{place * wide:.2f}",
                width=f"{0.8 * wide:.2f}",
                praise_top=f"{40 - high:.2f}",
                praise=f"{praise:.2f}",
                blame_top=f"{40 - high + praise:.2f}",
                blame=f"{high - praise:.2f}",
            )
        )
    return bars
