"""Planners' overrides in the API: read, made, withdrawn. Partners see none of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Category, Location, Product
from forecasting import services
from forecasting.api.filters import OverrideFilter
from forecasting.models import ForecastOverride, OverrideScore

# What the service calls otherwise than the API.
_NAMES = {"product": "sku"}


class OverrideScoreSerializer(serializers.ModelSerializer[OverrideScore]):
    """What an override did to the error over its days up to `as_of`, in units: forecast value added."""

    value_added = serializers.FloatField(read_only=True)

    class Meta:
        model = OverrideScore
        fields = ("as_of", "periods", "actual", "model_error", "override_error", "value_added")


class OverrideSerializer(serializers.ModelSerializer[ForecastOverride]):
    """A planner's change of the mean demand of what `sku`, `category` and `location` have in common.

    Those that are null narrow nothing down. `value` is in percent (`percent`), or in units over all of the
    days together (`absolute` sets them, `uplift` adds them).
    """

    sku = serializers.CharField(source="product.sku", read_only=True, allow_null=True)
    category: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code", read_only=True
    )
    location: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code", read_only=True
    )
    created_by: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    withdrawn_by: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    score = serializers.SerializerMethodField()

    class Meta:
        model = ForecastOverride
        fields = (
            "id", "sku", "category", "location", "kind", "value", "first_day", "last_day", "reason",
            "expires_on", "created_by", "created_at", "withdrawn_by", "withdrawn_at", "score",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OverrideScoreSerializer(allow_null=True))
    def get_score(self, override: ForecastOverride) -> dict[str, Any] | None:
        """Null until its first period has passed."""
        score = getattr(override, "score", None)
        return None if score is None else dict(OverrideScoreSerializer(score).data)


class OverrideCreateSerializer(serializers.Serializer[Any]):
    """A new override. Give `sku` or `category`, `location`, both, or none: the whole shop."""

    sku: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="sku", queryset=Product.objects.all(), required=False, allow_null=True, source="product"
    )
    category: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code", queryset=Category.objects.all(), required=False, allow_null=True
    )
    location: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code",
        queryset=Location.objects.select_related("receiving_location"),
        required=False,
        allow_null=True,
    )
    kind = serializers.ChoiceField(choices=ForecastOverride.Kind.choices)
    value = serializers.DecimalField(max_digits=14, decimal_places=3)
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    reason = serializers.CharField(max_length=300)
    expires_on = serializers.DateField(required=False, allow_null=True, help_text="Default: the last day.")


class ForecastOverrideViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ForecastOverride]
):
    """Planners' overrides, newest first."""

    queryset = ForecastOverride.objects.select_related(
        "product", "category", "location", "created_by", "withdrawn_by", "score"
    )
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "forecasting.view_forecastoverride",
        "retrieve": "forecasting.view_forecastoverride",
        "create": "forecasting.add_forecastoverride",
        "withdraw": "forecasting.withdraw_forecastoverride",
    }

    @extend_schema(request=OverrideCreateSerializer, responses={201: OverrideSerializer})
    def create(self, request: Request) -> Response:
        """Make an override. It can't be changed: withdraw it, and make another."""
        data = OverrideCreateSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        try:
            override = services.override_create(acting_user=cast("User", request.user), **data.validated_data)
        except services.OverrideError as error:
            raise ValidationError(
                {_NAMES.get(name, name): [text] for name, text in error.fields.items()}
            ) from None
        return Response(OverrideSerializer(override).data, status=HTTPStatus.CREATED)

    @extend_schema(request=None, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back: forecasts and plans are read without it from now on, and its row stays."""
        services.override_withdraw(override_id=int(pk), acting_user=cast("User", request.user))
        return Response(OverrideSerializer(self.get_object()).data)
