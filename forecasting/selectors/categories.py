"""Suggested categories."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from catalog import selectors as catalog
from forecasting.models import CategorySuggestion

VIEWS = ("missing", "doubted", "accepted", "dismissed")
"""Those for products without a category, for products in a doubtful one, and the decided ones."""


def suggestions_list(view: str, *, search: str = "", at_least: float = 0.0) -> QuerySet[CategorySuggestion]:
    """The suggestions of one of the `VIEWS`, the likeliest first, with their products and categories."""
    rows = CategorySuggestion.objects.select_related("product__category", "category", "decided_by")
    state = CategorySuggestion.State
    if view in {state.ACCEPTED, state.DISMISSED}:
        rows = rows.filter(state=view)
    else:
        rows = rows.filter(state=state.OPEN, contradicts=view == "doubted")
    if at_least:
        rows = rows.filter(probability__gte=at_least)
    if search.strip():
        rows = rows.filter(product__in=catalog.products_search(search).order_by().values("pk"))
    return rows.order_by("-probability", "product")


def suggestion_counts() -> dict[str, int]:
    """How many suggestions each of the `VIEWS` holds."""
    state = CategorySuggestion.State
    return CategorySuggestion.objects.aggregate(
        missing=Count("pk", filter=Q(state=state.OPEN, contradicts=False)),
        doubted=Count("pk", filter=Q(state=state.OPEN, contradicts=True)),
        accepted=Count("pk", filter=Q(state=state.ACCEPTED)),
        dismissed=Count("pk", filter=Q(state=state.DISMISSED)),
    )
