"""Transfers that plans propose, in the API. Partners see none of them."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from replenishment import selectors, services
from replenishment.api import filters
from replenishment.api.serializers import OrderSerializer
from replenishment.models import PlanAction


class TransferSerializer(serializers.ModelSerializer[PlanAction]):
    """Units of a product that a plan would move; money in the home currency.

    `wanted` is what the destination lacks, where its source has less. `is_supply`: the destination is
    regularly supplied this way; else there is excess at the source. `order` is the one it was drafted into.
    """

    plan_run = serializers.IntegerField(source="plan_run_id", read_only=True)
    sku = serializers.CharField(source="product.sku", read_only=True)
    source = serializers.CharField(source="location.code", read_only=True)  # type: ignore[assignment]
    destination = serializers.CharField(source="other_location.code", read_only=True)
    wanted = serializers.FloatField(source="details.wanted", read_only=True)
    is_supply = serializers.BooleanField(source="details.is_supply", read_only=True)
    lead_time_days = serializers.FloatField(source="details.lead_time_days", read_only=True)
    order = serializers.CharField(
        source="order_line.order.number", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = PlanAction
        fields = (
            "id", "plan_run", "sku", "source", "destination", "quantity", "wanted", "is_supply",
            "lead_time_days", "cost", "saving", "state", "order",
        )  # fmt: skip
        read_only_fields = fields


class TransferDraftsSerializer(serializers.Serializer[Any]):
    """The transfers to make draft orders of."""

    transfers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False, max_length=10_000
    )


class TransferViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[PlanAction]):
    """Transfers: those of the latest plan, unless `plan_run` names another."""

    queryset = (
        PlanAction.objects.filter(kind=PlanAction.Kind.TRANSFER)
        .select_related("product", "location", "other_location", "order_line__order")
        .order_by("pk")
    )
    serializer_class = TransferSerializer
    filterset_class = filters.TransferFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar = {
        "list": "replenishment.view_planaction",
        "retrieve": "replenishment.view_planaction",
        "make_drafts": "replenishment.add_purchaseorder",
    }

    @property
    def throttle_scope(self) -> str | None:
        """Drafts of many transfers are a bulk call."""
        return "bulk" if self.action == "make_drafts" else None

    def get_queryset(self) -> QuerySet[PlanAction]:
        """In a list without `plan_run`, those of the latest plan."""
        queryset = super().get_queryset()
        if self.action == "list" and "plan_run" not in self.request.query_params:
            latest = selectors.plan_latest()
            return queryset.filter(plan_run=latest) if latest else queryset.none()
        return queryset

    @extend_schema(
        request=TransferDraftsSerializer, responses={200: OrderSerializer(many=True)}, filters=False
    )
    @action(detail=False, methods=["post"], url_path="make-drafts", pagination_class=None)
    def make_drafts(self, request: Request) -> Response:
        """Draft transfer orders of these, one per source, destination and currency.

        Transfers that are in an order already are passed over: the same call twice moves nothing twice.
        """
        data = TransferDraftsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        orders = services.transfers_draft(
            action_ids=data.validated_data["transfers"], acting_user=cast("User", request.user)
        )
        rows = selectors.orders_priced().filter(pk__in=[order.pk for order in orders]).order_by("pk")
        return Response(OrderSerializer(rows, many=True).data)
