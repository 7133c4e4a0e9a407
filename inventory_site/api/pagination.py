"""Paging that costs the same on every page."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Field, Model, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

if TYPE_CHECKING:  # the framework imports this module while it makes its views
    from rest_framework.views import APIView

LARGEST = 2**63 - 1


class KeyCursorPagination(BasePagination):
    """Keyset paging along the primary key, composite ones included; `page_size` up to 1,000.

    A page is found by its first key (a row-value comparison on PostgreSQL, its expansion elsewhere),
    never by counting rows, so a deep page costs what the first one does, and rows that come or go
    meanwhile neither repeat nor hide others. A view sets `newest_first` to walk the key downwards, and
    may set `page_size` and `max_page_size`.
    """

    page_size = 100
    max_page_size = 1000

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The page that the request's `cursor` names. Raises ValidationError for a cursor that is none."""
        if not isinstance(queryset, QuerySet):
            raise TypeError("only a queryset has keys to page along")
        self.request = request
        self.page_size = getattr(view, "page_size", self.page_size)
        self.max_page_size = getattr(view, "max_page_size", self.max_page_size)
        size = self._size()
        model: type[Model] = queryset.model
        self.fields: list[Field[Any, Any]] = list(model._meta.pk_fields)
        after, backwards = self._cursor()
        descending = bool(getattr(view, "newest_first", False)) != backwards
        if after:
            word = "lt" if descending else "gt"
            key: Any = tuple(after) if len(after) > 1 else after[0]
            # The bound on the first column lets databases without row values start in the index.
            bounds = {f"pk__{word}": key, f"{self.fields[0].attname}__{word}e": after[0]}
            queryset = queryset.filter(**bounds)
        sign = "-" if descending else ""
        rows = list(queryset.order_by(*(sign + field.attname for field in self.fields))[: size + 1])
        more = len(rows) > size
        rows = rows[:size]
        if backwards:
            rows.reverse()
        self.next_url = self._url(rows[-1], "a") if rows and (more or backwards) else None
        self.previous_url = self._url(rows[0], "b") if rows and (more if backwards else after) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """`next` and `previous` are complete addresses, or null at the ends."""
        return Response({"next": self.next_url, "previous": self.previous_url, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page as OpenAPI describes it."""
        url = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": url, "previous": url, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """The two query parameters."""
        largest = getattr(view, "max_page_size", self.max_page_size)
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Take the whole address from `next` or `previous`.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "Rows on a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": largest,
                    "default": getattr(view, "page_size", self.page_size),
                },
            },
        ]

    def _size(self) -> int:
        text = self.request.query_params.get("page_size")
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= self.max_page_size:
            message = _("A whole number from 1 to %d.") % self.max_page_size
            raise ValidationError({"page_size": [message]})
        return int(text)

    def _cursor(self) -> tuple[list[Any], bool]:
        text = self.request.query_params.get("cursor")
        if text is None:
            return [], False
        try:
            direction, *values = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            key = [_value(field, value) for field, value in zip(self.fields, values, strict=True)]
            return key, {"a": False, "b": True}[direction]
        except (ValueError, TypeError, KeyError, binascii.Error, FieldError, RecursionError):
            raise ValidationError({"cursor": [_("This is not a cursor of this list.")]}) from None

    def _url(self, row: Model, direction: str) -> str:
        values = [getattr(row, field.attname) for field in self.fields]
        plain = [value.isoformat() if isinstance(value, dt.date) else value for value in values]
        text = base64.urlsafe_b64encode(json.dumps([direction, *plain]).encode()).decode()
        url = remove_query_param(self.request.build_absolute_uri(), "cursor")
        return str(replace_query_param(url, "cursor", text))


def _value(field: Field[Any, Any], value: object) -> Any:
    """A key's value from its JSON, of the type that the field compares with. Raises ValueError."""
    target = field.target_field if field.is_relation else field  # type: ignore[attr-defined]
    known = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    if not known or "\x00" in str(value) or (isinstance(value, int) and abs(value) > LARGEST):
        raise ValueError(value)
    result = target.to_python(value)
    if isinstance(result, int) and abs(result) > LARGEST:
        raise ValueError(value)
    return result
