"""Pages of long lists: the page's keys first, then its rows."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def page_of(rows: QuerySet[Row], number: str | None, *, size: int, count: int | None = None) -> Page[Any]:
    """A page of sorted rows; `count` where it is known already.

    The database sorts and skips keys alone: what rows show beside them (joins, subqueries) is read for those
    of the page only.
    """
    paginator: Paginator[Any] = Paginator(rows.values_list("pk", flat=True), size)
    if count is not None:
        paginator.count = count  # a cached property: nothing is counted any more
    page = paginator.get_page(number)
    keys = list(page.object_list)
    found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
    page.object_list = [found[key] for key in keys if key in found]
    return page
