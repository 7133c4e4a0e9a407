"""Reviews, shoppers' behaviour and market indicators in the API, and the door for a shop's own events."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services, tasks
from catalog.api import filters
from catalog.api.serializers import code_field
from catalog.api.views import BulkUpsertMixin
from catalog.models import BehaviourRecord, Indicator, IndicatorRecord, Review, ShopperEvent

EVENTS_LIMIT = 1_000


# -- reviews ----------------------------------------------------------------------------------------------
class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A shopper's words. Its author is not told, and is kept as a keyed hash alone."""

    sku = serializers.CharField(source="product.sku", read_only=True)

    class Meta:
        model = Review
        fields = (
            "id", "source", "number", "sku", "day", "rating", "title", "text", "language", "is_assumed",
            "recorded_at",
        )  # fmt: skip


class ReviewViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Review],
):
    """Reviews, as recorded."""

    kind = "review"
    queryset = Review.objects.select_related("product")
    serializer_class = ReviewSerializer
    filterset_class = filters.ReviewFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_review",
        "retrieve": "catalog.view_review",
        "create": "catalog.add_importbatch",
    }


# -- behaviour --------------------------------------------------------------------------------------------
class BehaviourSerializer(serializers.ModelSerializer[BehaviourRecord]):
    """What shoppers did with a product on a day."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = BehaviourRecord
        fields = (
            "sku", "location", "day", "views", "carts", "wishlists", "searches", "stock_requests",
            "is_assumed", "recorded_at",
        )  # fmt: skip


class BehaviourViewSet(BulkUpsertMixin, mixins.ListModelMixin, viewsets.GenericViewSet[BehaviourRecord]):
    """Counts of views, carts and the like by product, location and day."""

    kind = "behaviour"
    queryset = BehaviourRecord.objects.select_related("product", "location")
    serializer_class = BehaviourSerializer
    filterset_class = filters.BehaviourFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_behaviourrecord",
        "create": "catalog.add_importbatch",
    }


# -- events -----------------------------------------------------------------------------------------------
class ShopperEventSerializer(serializers.ModelSerializer[ShopperEvent]):
    """One thing that a shopper did."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = ShopperEvent
        fields = ("source", "number", "kind", "sku", "location", "occurred_at", "day", "recorded_at")


class SentEventSerializer(serializers.Serializer[Any]):
    """An event as a shop's own pages send it. Nothing in it says who the shopper is."""

    source = serializers.CharField(max_length=32, default="shop")  # type: ignore[assignment]  # a key of that name
    number = serializers.CharField(max_length=64, help_text="The sender's own: the same one counts once.")
    kind = serializers.ChoiceField(choices=ShopperEvent.Kind.choices)
    sku = serializers.CharField(max_length=64)
    location = serializers.CharField(max_length=64)
    occurred_at = serializers.DateTimeField()


class EventsSerializer(serializers.Serializer[Any]):
    """A batch of events."""

    events = SentEventSerializer(many=True, allow_empty=False, max_length=EVENTS_LIMIT)  # type: ignore[call-arg]  # of the list


class EventsTakenSerializer(serializers.Serializer[Any]):
    """What became of a batch."""

    new = serializers.IntegerField(help_text="Events that had not come before.")
    repeated = serializers.IntegerField(help_text="Events whose source and number had; they count once.")


class ShopperEventViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ShopperEvent]):
    """Single events of a shop's own pages, in the order of source and number."""

    queryset = ShopperEvent.objects.select_related("product", "location")
    serializer_class = ShopperEventSerializer
    filterset_class = filters.ShopperEventFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_shopperevent",
        "create": "catalog.add_shopperevent",
    }

    @property
    def throttle_scope(self) -> str | None:
        """Pages send many: they have a rate of their own."""
        return "events" if getattr(self, "action", None) == "create" else None

    @extend_schema(request=EventsSerializer, responses={202: EventsTakenSerializer})
    def create(self, request: Request) -> Response:
        """Take one event (the object itself) or a batch of up to 1,000 (`events`), all or none.

        An event whose source and number came before changes nothing, so that a batch may be sent again. The
        days are counted in the background.
        """
        data = request.data
        alone = not (isinstance(data, dict) and "events" in data)
        batch = EventsSerializer(data={"events": [data]} if alone else data)
        if not batch.is_valid():
            errors: Any = batch.errors
            raise ValidationError(errors["events"][0] if alone and "events" in errors else errors)
        events = [services.Event(**values) for values in batch.validated_data["events"]]
        try:
            taken = services.events_record(events=events)
        except services.EventsRefusedError as error:
            found: dict[int, dict[str, list[str]]] = {}
            for problem in error.problems:
                found.setdefault(problem.place, {})[problem.field] = [problem.reason]
            told = [found.get(place, {}) for place in range(len(events))]
            raise ValidationError(told[0] if alone else {"events": told}) from error
        if taken.days:
            days = [(product, location, day.isoformat()) for product, location, day in taken.days]
            # A broker that is away loses nothing: the days are counted before the next reading.
            transaction.on_commit(lambda: tasks.behaviour_roll_up_task.delay(days), robust=True)
        return Response({"new": taken.new, "repeated": taken.repeated}, status=202)


# -- market indicators ------------------------------------------------------------------------------------
class IndicatorSerializer(serializers.ModelSerializer[Indicator]):
    """A dated series from outside the shop."""

    class Meta:
        model = Indicator
        fields = ("id", "code", "name", "unit", "publication_lag_days", "is_assumed", "recorded_at")


class IndicatorViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Indicator],
):
    """Market indicators."""

    kind = "indicator"
    queryset = Indicator.objects.all()
    serializer_class = IndicatorSerializer
    filterset_class = filters.IndicatorFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_indicator",
        "retrieve": "catalog.view_indicator",
        "create": "catalog.add_importbatch",
    }


class IndicatorValueSerializer(serializers.ModelSerializer[IndicatorRecord]):
    """A value; of no SKU, category or location: it holds everywhere."""

    indicator = code_field()
    sku = serializers.CharField(source="product.sku", read_only=True, default=None)
    category = code_field()
    location = code_field()

    class Meta:
        model = IndicatorRecord
        fields = (
            "id", "indicator", "sku", "category", "location", "day", "value", "known_on", "recorded_at",
        )  # fmt: skip


class IndicatorValueViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[IndicatorRecord],
):
    """Values of market indicators, as recorded."""

    kind = "indicator_value"
    queryset = IndicatorRecord.objects.select_related("indicator", "product", "category", "location")
    serializer_class = IndicatorValueSerializer
    filterset_class = filters.IndicatorValueFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_indicatorrecord",
        "retrieve": "catalog.view_indicatorrecord",
        "create": "catalog.add_importbatch",
    }
