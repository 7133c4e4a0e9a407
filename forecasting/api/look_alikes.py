"""Look-alikes of new products in the API: read, put in, taken out. Partners see none of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Product
from forecasting import services
from forecasting.api.filters import LookAlikeFilter
from forecasting.models import LookAlike, LookAlikeChoice
from forecasting.selectors.new_products import look_alikes_list


class LookAlikeSerializer(serializers.ModelSerializer[LookAlike]):
    """A product whose past stands in for that of `sku`; the weights of one `sku` sum to 1.

    `parts` says what is alike, from 0 to 1: picture, meaning (of the title), title (its letters), attributes,
    category, brand, price, code.
    """

    sku = serializers.CharField(source="product.sku", read_only=True)
    neighbour = serializers.CharField(source="neighbour.sku", read_only=True)

    class Meta:
        model = LookAlike
        fields = ("id", "sku", "neighbour", "weight", "parts")
        read_only_fields = fields


class LookAlikeChoiceSerializer(serializers.Serializer[Any]):
    """A look-alike to put in (`added`) or take out (`removed`), for good; the next forecast knows it."""

    sku: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="sku", queryset=Product.objects.all()
    )
    neighbour: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="sku", queryset=Product.objects.all()
    )
    choice = serializers.ChoiceField(choices=LookAlikeChoice.Choice.choices)


class LookAlikeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[LookAlike]):
    """Look-alikes of new products, and what buyers decide of them."""

    queryset = LookAlike.objects.all()
    serializer_class = LookAlikeSerializer
    filterset_class = LookAlikeFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "forecasting.view_lookalike",
        "retrieve": "forecasting.view_lookalike",
        "create": "forecasting.add_lookalikechoice",
    }

    def get_queryset(self) -> QuerySet[LookAlike]:
        """With both products."""
        return look_alikes_list()

    @extend_schema(request=LookAlikeChoiceSerializer, responses={201: LookAlikeChoiceSerializer})
    def create(self, request: Request) -> Response:
        """Put a look-alike in, or take one out."""
        data = LookAlikeChoiceSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        try:
            services.look_alike_choose(
                product=values["sku"],
                neighbour=values["neighbour"],
                choice=values["choice"],
                acting_user=cast("User", request.user),
            )
        except services.LookAlikeError as error:
            raise ValidationError({"neighbour": [str(error)]}) from None
        return Response(data.data, status=HTTPStatus.CREATED)
