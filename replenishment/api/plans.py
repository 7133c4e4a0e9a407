"""Plan runs and suggestions in the API. Partners see none of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting.models import ForecastRun
from replenishment import selectors, services, tasks
from replenishment.api import filters, serializers
from replenishment.api.act_serializers import BulkActSerializer
from replenishment.api.ahead_serializers import DatedPlanSerializer, dated_data
from replenishment.api.bulk_acts import queued
from replenishment.api.suggestion_acts import SuggestionActs
from replenishment.models import BulkAct, PlanRun, Suggestion


class PlanRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[PlanRun]):
    """Plan runs, newest first."""

    queryset = PlanRun.objects.defer("report")
    serializer_class = serializers.PlanRunSerializer
    filterset_class = filters.PlanRunFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "replenishment.view_planrun",
        "retrieve": "replenishment.view_planrun",
        "create": "replenishment.add_planrun",
    }

    @property
    def throttle_scope(self) -> str | None:
        """A plan keeps a worker busy."""
        return "bulk" if self.action == "create" else None

    @extend_schema(request=serializers.PlanStartSerializer, responses={202: serializers.PlanRunSerializer})
    def create(self, request: Request) -> Response:
        """Start a plan; follow it by its address until `state` is done or failed."""
        data = serializers.PlanStartSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        run = None
        if (run_id := values.pop("forecast_run", None)) is not None:
            run = ForecastRun.objects.filter(pk=run_id).first()
            if run is None:
                raise ValidationError({"forecast_run": [_("There is no such forecast run.")]})
        spec = services.PlanSpec(**values) if values else None
        plan = services.plan_create(acting_user=cast("User", request.user), forecast_run=run, spec=spec)
        # A broker that is away loses nothing: a queued plan is dispatched again.
        transaction.on_commit(lambda: tasks.plan_execute_task.delay(plan.pk), robust=True)
        return Response(self.get_serializer(plan).data, status=HTTPStatus.ACCEPTED)


class SuggestionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, SuggestionActs):
    """Suggestions: those of the latest plan, unless `plan_run` names another."""

    queryset = Suggestion.objects.select_related("product", "location", "supplier", "rule", "edited_by")
    serializer_class = serializers.SuggestionSerializer
    filterset_class = filters.SuggestionFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar = {
        "list": "replenishment.view_suggestion",
        "retrieve": "replenishment.view_suggestion",
        "supply_options": "replenishment.view_suggestion",
        "partial_update": "replenishment.edit_suggestion_quantity",
        "reject": "replenishment.edit_suggestion_quantity",
        "reopen": "replenishment.edit_suggestion_quantity",
        "make_drafts": "replenishment.add_purchaseorder",
        "dated_plan": ("replenishment.view_suggestion", "forecasting.view_forecastdistribution"),
        **SuggestionActs.act_permissions,
    }

    @property
    def throttle_scope(self) -> str | None:
        """Drafts of many suggestions, and acts on many or pasted quantities, are bulk calls."""
        return "bulk" if self.action in {"make_drafts", "bulk", "paste"} else None

    def get_queryset(self) -> QuerySet[Suggestion]:
        """In a list without `plan_run`, the rows of the latest plan."""
        queryset = super().get_queryset()
        if self.action == "list" and "plan_run" not in self.request.query_params:
            latest = selectors.plan_latest()
            return queryset.filter(plan_run=latest) if latest else queryset.none()
        return queryset

    @extend_schema(responses={200: serializers.SupplyOptionSerializer(many=True)}, filters=False)
    @action(detail=True, methods=["get"], url_path="supply-options", pagination_class=None)
    def supply_options(self, request: Request, pk: str) -> Response:
        """All suppliers of its product for its location, priced side by side, the one to choose first."""
        suggestion = self.get_queryset().select_related("plan_run__forecast_run").get(pk=self.get_object().pk)
        options = selectors.supply_options(
            product=suggestion.product,
            location=suggestion.location,
            plan=suggestion.plan_run,
            run=suggestion.plan_run.forecast_run,
        )
        return Response(serializers.SupplyOptionSerializer(options, many=True).data)

    @extend_schema(request=serializers.SuggestionEditSerializer, responses=serializers.SuggestionSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Put the buyer's quantity beside the system's, which stays; null goes back to the system's."""
        data = serializers.SuggestionEditSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        quantity = data.validated_data["quantity"]
        suggestion = services.suggestion_edit(
            suggestion_id=self.get_object().pk,
            quantity=None if quantity is None else float(quantity),
            reason=data.validated_data["reason"],
            acting_user=cast("User", request.user),
            seen_plan_run_id=data.validated_data.get("plan_run"),
            was=data.validated_data.get("was"),
        )
        return self._answer(suggestion.pk)

    @extend_schema(request=serializers.ReasonSerializer, responses=serializers.SuggestionSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Set it aside, saying why."""
        data = serializers.ReasonSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        suggestion = services.suggestion_reject(
            suggestion_id=self.get_object().pk,
            reason=data.validated_data["reason"],
            acting_user=cast("User", request.user),
        )
        return self._answer(suggestion.pk)

    @extend_schema(request=None, responses=serializers.SuggestionSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take a rejected one up again."""
        suggestion = services.suggestion_reopen(
            suggestion_id=self.get_object().pk, acting_user=cast("User", request.user)
        )
        return self._answer(suggestion.pk)

    @extend_schema(request=None, responses=DatedPlanSerializer, filters=False)
    @action(detail=True, url_path="dated-plan", pagination_class=None)
    def dated_plan(self, request: Request, pk: str) -> Response:
        """Projected stock by day with its bands, the stock-out date, and the orders to come."""
        row = self.get_queryset().select_related("product", "terms", "plan_run__forecast_run")
        found = selectors.dated_plan(get_object_or_404(row, pk=pk))
        if found is None:
            raise NotFound(_("The plan holds no stock, lead time or forecast of its own for it."))
        return Response(dated_data(found))

    @extend_schema(
        request=serializers.DraftsSerializer,
        responses={200: serializers.OrderSerializer(many=True), 202: BulkActSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="make-drafts", pagination_class=None)
    def make_drafts(self, request: Request) -> Response:
        """Draft orders of these suggestions, one per supplier, location and currency.

        Suggestions that are in an order already are passed over: the same call twice buys nothing twice.
        More than 500 are drafted in the background (202): follow the act under `bulk-acts`.
        """
        data = serializers.DraftsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        orders = services.drafts_ask(
            suggestions=services.chosen(data.validated_data["suggestions"]),
            acting_user=cast("User", request.user),
        )
        if isinstance(orders, BulkAct):
            return queued(orders)
        rows = selectors.orders_priced().filter(pk__in=[order.pk for order in orders]).order_by("pk")
        return Response(serializers.OrderSerializer(rows, many=True).data)
