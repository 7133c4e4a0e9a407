"""Suggested categories: looked at, accepted, dismissed."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from catalog import selectors as catalog
from catalog.models import Category, ProductImage
from forecasting import selectors, services
from forecasting.models import CategorySuggestion
from forecasting.selectors.categories import VIEWS, suggestion_counts
from forecasting.views.access import inside_only

PAGE_SIZE = 25
_VIEW = "forecasting.view_categorysuggestion"
_DECIDE = "forecasting.change_categorysuggestion"
_TABS = {
    "missing": gettext_lazy("Without a category"),
    "doubted": gettext_lazy("Doubtful category"),
    "accepted": gettext_lazy("Accepted"),
    "dismissed": gettext_lazy("Dismissed"),
}
LEAST_SHOWN = 0.01
LEVELS = (0, 50, 70, 90, 95)
"""The least probability that may be asked for, in percent."""


@dataclass(frozen=True, slots=True)
class Line:
    """A suggestion, the product's photo, and the next likeliest categories with their probabilities."""

    suggestion: CategorySuggestion
    image: ProductImage | None
    others: list[tuple[Category, float]]


@require_GET
@inside_only
@permission_required(_VIEW, raise_exception=True)
def suggestion_list(request: HttpRequest) -> HttpResponse:
    """The suggestions that are asked for."""
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "missing"
    level = _level(request.GET.get("at_least", ""))
    q = request.GET.get("q", "")[:100]
    rows = selectors.suggestions_list(view, search=q, at_least=level / 100)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    sees = request.user.has_perm("catalog.view_productimage")
    images = catalog.pictures_first([row.product_id for row in page]) if sees else {}
    categories = Category.objects.in_bulk({pk for row in page for pk, _probability in row.best[1:3]})
    lines = [
        Line(
            row,
            images.get(row.product_id),
            [(categories[pk], p) for pk, p in row.best[1:3] if pk in categories and p >= LEAST_SHOWN],
        )
        for row in page
    ]
    is_open = view in {"missing", "doubted"}
    counts = suggestion_counts()
    return render(
        request,
        "forecasting/category_suggestions.html",
        {
            "page": page,
            "lines": lines,
            "view": view,
            "tabs": [(key, label, counts[key]) for key, label in _TABS.items()],
            "q": q,
            "level": level,
            "level_share": level / 100,
            "levels": [(one, one / 100) for one in LEVELS],
            "is_open": is_open,
            "can_decide": is_open and request.user.has_perm(_DECIDE),
            "sees_photos": sees,
        },
    )


@require_POST
@inside_only
@permission_required((_VIEW, _DECIDE), raise_exception=True)
def suggestion_decide(request: HttpRequest) -> HttpResponse:
    """Accept or dismiss the ticked ones, or accept all that are at least so likely."""
    user = request.user
    query = request.POST.get("query", "")
    verb = request.POST.get("verb")
    ids = [int(text) for text in request.POST.getlist("product") if text.isdecimal() and len(text) <= 18]
    if verb == "accept-all":
        level = _level(request.POST.get("at_least", ""))
        view = "doubted" if request.POST.get("view") == "doubted" else "missing"
        rows = selectors.suggestions_list(view, search=request.POST.get("q", "")[:100], at_least=level / 100)
        ids = list(rows.values_list("product_id", flat=True)) if level else []
    back = redirect(f"{reverse('forecasting:category-suggestions')}?{query}")
    if not ids:
        messages.info(request, _("Nothing was ticked."))
        return back
    if verb == "dismiss":
        n = services.suggestions_dismiss(product_ids=ids, acting_user=user)  # type: ignore[arg-type]
        text = ngettext("%(n)d suggestion dismissed.", "%(n)d suggestions dismissed.", n)
    else:
        n = services.suggestions_accept(product_ids=ids, acting_user=user)  # type: ignore[arg-type]
        text = ngettext("%(n)d product categorised.", "%(n)d products categorised.", n)
    messages.success(request, text % {"n": n})
    if verb != "dismiss" and n < len(ids):
        messages.info(request, _("The others had been decided on, or have got another category meanwhile."))
    return back


def _level(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) in LEVELS else 0
