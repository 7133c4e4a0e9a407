"""Suggested categories in the API. Partners see none of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import services
from forecasting.api.filters import CategorySuggestionFilter
from forecasting.models import CategorySuggestion


class DecidedError(APIException):
    """A suggestion that is not open any more, or whose product got another category meanwhile."""

    status_code = HTTPStatus.CONFLICT
    default_detail = _(
        "The suggestion had been decided on, or its product has got another category meanwhile."
    )
    default_code = "decided"


class CategorySuggestionSerializer(serializers.ModelSerializer[CategorySuggestion]):
    """The category that a product's photo and name speak for; `contradicts` the one that it has."""

    id = serializers.IntegerField(source="product_id", read_only=True)
    sku = serializers.CharField(source="product.sku", read_only=True)
    present = serializers.CharField(source="product.category.code", default=None, read_only=True)
    category = serializers.CharField(source="category.code", read_only=True)

    class Meta:
        model = CategorySuggestion
        fields = (
            "id", "sku", "present", "category", "probability", "contradicts", "basis", "state", "decided_at",
        )  # fmt: skip
        read_only_fields = fields


class CategorySuggestionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[CategorySuggestion]
):
    """Suggested categories, by product."""

    queryset = CategorySuggestion.objects.select_related("product__category", "category")
    serializer_class = CategorySuggestionSerializer
    filterset_class = CategorySuggestionFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "forecasting.view_categorysuggestion",
        "retrieve": "forecasting.view_categorysuggestion",
        "accept": "forecasting.change_categorysuggestion",
        "dismiss": "forecasting.change_categorysuggestion",
    }

    def get_queryset(self) -> QuerySet[CategorySuggestion]:
        """In the order of their products."""
        return super().get_queryset().order_by("pk")

    @extend_schema(request=None, responses=CategorySuggestionSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Put the product into the suggested category."""
        row = self.get_object()
        user = cast("User", request.user)
        if not services.suggestions_accept(product_ids=[row.product_id], acting_user=user):
            raise DecidedError
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=CategorySuggestionSerializer)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Set the suggestion aside; it comes back only when the product's name or photo changes."""
        row = self.get_object()
        user = cast("User", request.user)
        if not services.suggestions_dismiss(product_ids=[row.product_id], acting_user=user):
            raise DecidedError
        return Response(self.get_serializer(self.get_object()).data)
