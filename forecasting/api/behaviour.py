"""What shoppers' behaviour says of product-locations, in the API. Partners see none of it."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import mixins, serializers, viewsets

from forecasting.api.filters import BehaviourReadingFilter
from forecasting.models import BehaviourReading


class BehaviourReadingSerializer(serializers.ModelSerializer[BehaviourReading]):
    """The last eight weeks of a product at the location that holds its stock.

    `conversion` is units sold per view while there was stock; changes are ratios of the last four weeks to
    the four before; `lost_units` is estimated from the views of days without stock. Intervals are of 90%.
    """

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = serializers.CharField(source="location.code", read_only=True)

    class Meta:
        model = BehaviourReading
        fields = (
            "id", "sku", "location", "as_of", "views", "views_before", "carts", "wishlists", "searches",
            "stock_requests", "conversion", "conversion_low", "conversion_high", "interest_change",
            "interest_went", "conversion_change", "conversion_went", "out_days", "lost_units", "lost_low",
            "lost_high", "lost_value", "is_assumed",
        )  # fmt: skip


class BehaviourReadingViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[BehaviourReading]
):
    """Interest, conversion and lost demand by product-location, as the last reading of signals saw them."""

    queryset = BehaviourReading.objects.select_related("product", "location")
    serializer_class = BehaviourReadingSerializer
    filterset_class = BehaviourReadingFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar = {
        "list": "forecasting.view_behaviourreading",
        "retrieve": "forecasting.view_behaviourreading",
    }
