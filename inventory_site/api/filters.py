"""Filters that refuse what they don't know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

if TYPE_CHECKING:  # the framework imports this module while it makes its views
    from rest_framework.views import APIView

PAGING = {"cursor", "page_size"}


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter's backend; a parameter that is no filter is an error, not a list of everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        """Narrow the rows. Raises ValidationError for unknown parameters and values that don't parse."""
        # Lists, and what a view makes of all rows of its list.
        if getattr(view, "action", "list") in ("list", *getattr(view, "list_actions", ())):
            filterset = self.get_filterset_class(view, queryset)
            known = set(filterset.get_filters()) if filterset else set()
            unknown = sorted(set(request.query_params) - known - PAGING)
            if unknown:
                raise ValidationError({name: [_("There is no such filter.")] for name in unknown})
            queryset = super().filter_queryset(request, queryset, view)
        return queryset
