"""Purchase orders in the API. A supplier sees its own from the day that they were sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors as catalog
from replenishment import selectors, services
from replenishment.api import filters, serializers
from replenishment.models import PurchaseOrder, PurchaseOrderLine

State = PurchaseOrder.State


class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[PurchaseOrder]):
    """Purchase orders, newest first."""

    queryset = PurchaseOrder.objects.all()
    serializer_class = serializers.OrderSerializer
    filterset_class = filters.OrderFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "replenishment.view_purchaseorder",
        "retrieve": "replenishment.view_purchaseorder",
        "submit": "replenishment.submit_purchaseorder",
        "approve": "replenishment.approve_purchaseorder",
        "approve_part": "replenishment.approve_purchaseorder",
        "approve_many": "replenishment.approve_purchaseorder",
        "return_to_draft": "replenishment.approve_purchaseorder",
        "send": "replenishment.send_purchaseorder",
        "receive": "replenishment.receive_purchaseorder",
        "close": "replenishment.receive_purchaseorder",
        "cancel": "replenishment.cancel_purchaseorder",
        "line": "replenishment.change_purchaseorder",
        "line_remove": "replenishment.change_purchaseorder",
    }
    supplier_actions = ("list", "retrieve")

    def get_queryset(self) -> QuerySet[PurchaseOrder]:
        """All, or what a supplier has been sent (and, once sent, what was called off)."""
        queryset = selectors.orders_list(self.request.user)
        if self.action == "retrieve":
            queryset = queryset.prefetch_related("lines__product", "events__actor")
        return queryset

    def get_serializer_class(self) -> Any:
        """A supplier does not see how the shop came to the order."""
        of_shop = (
            getattr(self, "swagger_fake_view", False) or catalog.partner_scope(self.request.user) is None
        )
        if self.action == "list":
            return serializers.OrderSerializer if of_shop else serializers.SupplierOrderSerializer
        return serializers.OrderDetailSerializer if of_shop else serializers.SupplierOrderDetailSerializer

    @extend_schema(request=serializers.CommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Ask for approval."""
        return self._step(request, services.order_submit)

    @extend_schema(request=serializers.CommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve, as staff, within your limit, an order that you neither made nor submitted."""
        return self._step(request, services.order_approve)

    @extend_schema(request=serializers.PartApprovalSerializer, responses=serializers.PartApprovedSerializer)
    @action(detail=True, methods=["post"], url_path="approve-part")
    def approve_part(self, request: Request, pk: str) -> Response:
        """Approve some lines; the rest goes back as a draft. The whole order has to be within your limit."""
        data = serializers.PartApprovalSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        order, rest = services.order_approve_part(
            order_id=self.get_object().pk,
            line_ids=data.validated_data["lines"],
            acting_user=cast("User", request.user),
            comment=data.validated_data["comment"],
        )
        answer = {
            "number": order.number,
            "state": order.state,
            "home_value": order.home_value,
            "rest": rest.pk if rest else None,
            "rest_number": rest.number if rest else None,
        }
        return Response(serializers.PartApprovedSerializer(answer).data)

    @extend_schema(
        request=serializers.BulkApprovalSerializer,
        responses=serializers.BulkApprovedSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="approve-many", pagination_class=None)
    def approve_many(self, request: Request) -> Response:
        """Approve many orders, each for itself: one that is refused leaves the others approved."""
        data = serializers.BulkApprovalSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        results = services.orders_approve(
            order_ids=data.validated_data["orders"],
            acting_user=cast("User", request.user),
            comment=data.validated_data["comment"],
        )
        return Response(serializers.BulkApprovedSerializer({"results": results}).data)

    @extend_schema(request=serializers.RequiredCommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def return_to_draft(self, request: Request, pk: str) -> Response:
        """Give it back as a draft, saying why."""
        return self._step(request, services.order_return, serializers.RequiredCommentSerializer)

    @extend_schema(request=serializers.CommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        """Record that it went to the supplier."""
        return self._step(request, services.order_send)

    @extend_schema(request=serializers.CommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call it off before anything came in."""
        return self._step(request, services.order_cancel)

    @extend_schema(request=serializers.CommentSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """End it: what has not come in is no longer expected."""
        return self._step(request, services.order_close)

    @extend_schema(request=serializers.ReceiptSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def receive(self, request: Request, pk: str) -> Response:
        """Record what came in, and raise the stock with it; when all is in, the order closes."""
        data = serializers.ReceiptSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        quantities: dict[int, Decimal] = {}
        for line in data.validated_data["lines"]:
            quantities[line["line"]] = quantities.get(line["line"], Decimal(0)) + line["quantity"]
        services.order_receive(
            order_id=self.get_object().pk,
            received_on=data.validated_data["received_on"],
            quantities=quantities,
            key=data.validated_data["key"],
            acting_user=cast("User", request.user),
        )
        return self._answer()

    @extend_schema(request=serializers.LineEditSerializer, responses=serializers.OrderDetailSerializer)
    @action(detail=True, methods=["patch"], url_path=r"lines/(?P<line_id>\d{1,18})")
    def line(self, request: Request, pk: str, line_id: str) -> Response:
        """Change a line's quantity; an order that was submitted or approved falls back to draft."""
        data = serializers.LineEditSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        services.order_line_set(
            line_id=self._line_id(line_id), acting_user=cast("User", request.user), **data.validated_data
        )
        return self._answer()

    @extend_schema(request=None, responses={204: None})
    @line.mapping.delete
    def line_remove(self, request: Request, pk: str, line_id: str) -> Response:
        """Take a line off the order; the last one stays (cancel the order instead)."""
        services.order_line_remove(line_id=self._line_id(line_id), acting_user=cast("User", request.user))
        return Response(status=HTTPStatus.NO_CONTENT)

    def _step(
        self,
        request: Request,
        service: Callable[..., PurchaseOrder],
        serializer: type[Any] = serializers.CommentSerializer,
    ) -> Response:
        data = serializer(data=request.data)
        data.is_valid(raise_exception=True)
        service(
            order_id=self.get_object().pk, acting_user=request.user, comment=data.validated_data["comment"]
        )
        return self._answer()

    def _line_id(self, line_id: str) -> int:
        """A line of this order. Raises PurchaseOrderLine.DoesNotExist, answered with 404."""
        return PurchaseOrderLine.objects.only("pk").get(order_id=self.get_object().pk, pk=int(line_id)).pk

    def _answer(self) -> Response:
        rows = self.get_queryset().prefetch_related("lines__product", "events__actor")
        return Response(self.get_serializer(rows.get(pk=self.kwargs["pk"])).data)
