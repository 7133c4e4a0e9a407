"""Paging that costs the same on every page."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class KeyCursorPagination(CursorPagination):
    """Cursor paging along the primary key; `page_size` up to 1,000."""

    ordering = "pk"
    page_size_query_param = "page_size"
    max_page_size = 1000
