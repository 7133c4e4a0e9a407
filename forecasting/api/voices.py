"""What the reviews of products add up to, in the API. Partners see none of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from forecasting.api.filters import VoiceFilter
from forecasting.models import ProductVoice


class VoiceAspectSerializer(serializers.Serializer[Any]):
    """How many parts of reviews within a year praise and blame an aspect."""

    aspect = serializers.CharField()
    praised = serializers.IntegerField()
    blamed = serializers.IntegerField()


class ProductVoiceSerializer(serializers.ModelSerializer[ProductVoice]):
    """The share of praise in a product's reviews, with its 90% interval; `left_out` counts copies, spam and
    reviews without words. `change` is that of the share, at the last change, null where there was none.
    """

    sku = serializers.CharField(source="product.sku", read_only=True)
    aspects = VoiceAspectSerializer(many=True, read_only=True)

    class Meta:
        model = ProductVoice
        fields = (
            "product", "sku", "as_of", "reviews", "left_out", "level", "low", "high", "before", "change",
            "changed_on", "aspects",
        )  # fmt: skip
        read_only_fields = fields


class ProductVoiceViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ProductVoice]
):
    """Voices by product."""

    queryset = ProductVoice.objects.all()
    serializer_class = ProductVoiceSerializer
    filterset_class = VoiceFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "forecasting.view_productvoice",
        "retrieve": "forecasting.view_productvoice",
    }

    def get_queryset(self) -> QuerySet[ProductVoice]:
        """With their products."""
        return ProductVoice.objects.select_related("product").defer("months")
