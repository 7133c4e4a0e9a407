"""Proposed actions in the API. Partners see none of them."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from replenishment import selectors, services
from replenishment.api import ahead_serializers as serializers
from replenishment.api import filters
from replenishment.models import PlanAction


class PlanActionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[PlanAction]
):
    """Proposed actions: those of the latest plan, unless `plan_run` names another."""

    queryset = PlanAction.objects.select_related(
        "product", "location", "other_location", "order_line__order", "decided_by"
    )
    serializer_class = serializers.PlanActionSerializer
    filterset_class = filters.PlanActionFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar = {
        "list": "replenishment.view_planaction",
        "retrieve": "replenishment.view_planaction",
        "carry_out": "replenishment.decide_planaction",
        "done": "replenishment.decide_planaction",
        "dismiss": "replenishment.decide_planaction",
        "reopen": "replenishment.decide_planaction",
    }

    def get_queryset(self) -> QuerySet[PlanAction]:
        """In a list without `plan_run`, the rows of the latest plan."""
        queryset = super().get_queryset()
        if self.action == "list" and "plan_run" not in self.request.query_params:
            latest = selectors.plan_latest()
            return queryset.filter(plan_run=latest) if latest else queryset.none()
        return queryset

    @extend_schema(request=serializers.ShortCommentSerializer, responses=serializers.PlanActionSerializer)
    @action(detail=True, methods=["post"], url_path="carry-out")
    def carry_out(self, request: Request, pk: str) -> Response:
        """Cut or cancel the order line, where Forestock can do that itself."""
        return self._decided(
            services.action_carry_out(action_id=self.get_object().pk, **self._given(request))
        )

    @extend_schema(
        request=serializers.RequiredShortCommentSerializer, responses=serializers.PlanActionSerializer
    )
    @action(detail=True, methods=["post"])
    def done(self, request: Request, pk: str) -> Response:
        """Note that it was done, saying how."""
        given = self._given(request, serializers.RequiredShortCommentSerializer)
        return self._decided(services.action_done(action_id=self.get_object().pk, **given))

    @extend_schema(
        request=serializers.RequiredShortCommentSerializer, responses=serializers.PlanActionSerializer
    )
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Set it aside, saying why."""
        given = self._given(request, serializers.RequiredShortCommentSerializer)
        return self._decided(
            services.action_dismiss(
                action_id=self.get_object().pk,
                acting_user=given["acting_user"],
                reason=given["comment"],
            )
        )

    @extend_schema(request=None, responses=serializers.PlanActionSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take a dismissed one up again."""
        return self._decided(
            services.action_reopen(action_id=self.get_object().pk, acting_user=cast("User", request.user))
        )

    def _given(
        self, request: Request, serializer: type[Any] = serializers.ShortCommentSerializer
    ) -> dict[str, Any]:
        data = serializer(data=request.data)
        data.is_valid(raise_exception=True)
        return {"acting_user": cast("User", request.user), "comment": data.validated_data["comment"]}

    def _decided(self, decided: PlanAction) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=decided.pk)).data)
