"""The scoreboard: did people's edits of suggestions beat the system, in money."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from catalog.models import Category
from replenishment import selectors
from replenishment.forms import ScoreboardFilter
from replenishment.models import EditScore
from replenishment.selectors.scoreboard import BETTER, EQUAL, GROUPS, WORSE
from replenishment.views.access import buyer_page

PAGE_SIZE = 50
OUTCOMES = {"better": BETTER, "worse": WORSE, "equal": EQUAL}


@dataclass(frozen=True)
class Board:
    """A table of groups: its title; and the name, the address that filters by it, and the sums of each."""

    title: str
    lines: list[tuple[str, str, selectors.EditSum]]


@dataclass(frozen=True)
class OutcomeTab:
    """Edits of one outcome and how many there are."""

    key: str
    label: str
    count: int


@require_GET
@buyer_page("replenishment.view_editscore")
def scoreboard(request: HttpRequest) -> HttpResponse:
    """Totals, by person, reason and category, and each edit; the address filters all of it."""
    asked = ScoreboardFilter(request.GET).asked()
    scores = selectors.scores_list()
    for name, value in asked.items():
        scores = scores.filter(**{GROUPS[name]: value or ("" if name == "reason" else None)})
    outcome = request.GET.get("outcome", "")
    shown = scores.filter(OUTCOMES[outcome]) if outcome in OUTCOMES else scores
    total = selectors.scores_total(scores)
    names = _category_names()
    return render(
        request,
        "replenishment/scoreboard.html",
        {
            "total": total,
            "open": selectors.edits_open(),
            "boards": [_board(request, scores, group, names) for group in GROUPS],
            "chosen": [
                (_name(name, value, names), _address(request, **{name: None}))
                for name, value in asked.items()
            ],
            "tabs": [
                OutcomeTab("", _("All"), total.edits),
                OutcomeTab("better", _("Better"), total.better),
                OutcomeTab("worse", _("Worse"), total.worse),
                OutcomeTab("equal", _("Equal"), total.equal),
            ],
            "outcome": outcome if outcome in OUTCOMES else "",
            "page": Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page")),
        },
    )


def _category_names() -> dict[str, str]:
    """Categories by code, in the reader's language where they have a name in it."""
    language = get_language() or ""
    rows = Category.objects.values_list("code", "name", "names")
    return {code: names.get(language) or name for code, name, names in rows}


def _board(request: HttpRequest, scores: QuerySet[EditScore], group: str, names: dict[str, str]) -> Board:
    titles = {"person": _("By person"), "reason": _("By reason"), "category": _("By category")}
    return Board(
        titles[group],
        [
            (_name(group, row.key, names), _address(request, **{group: row.key}), row)
            for row in selectors.scores_by(scores, group)
        ],
    )


def _address(request: HttpRequest, **changed: str | None) -> str:
    """This page's address with another filter, from its first page on."""
    query: QueryDict = request.GET.copy()
    for name, value in {"page": None, **changed}.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _name(group: str, key: str, names: dict[str, str]) -> str:
    """What a group is called on the page."""
    if not key:
        return {"reason": _("No reason given"), "category": _("No category")}.get(group, "–")
    return names.get(key, key) if group == "category" else key
