"""Exceptions in the API. Partners see none of them."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from replenishment import selectors, services
from replenishment.api import filters
from replenishment.api.serializers import slug
from replenishment.models import ExceptionCase


class ExceptionSerializer(serializers.ModelSerializer[ExceptionCase]):
    """Something that is out of order; `impact` is what it is expected to cost in the home currency.

    `measure` says what money that is: margin, cost or value of goods. What `details` holds depends on the
    kind: the numbers that its sentence on the page tells. Without `closed_by` a closed one is not found any
    more; `is_found` says whether the last search found it.
    """

    group = serializers.ChoiceField(choices=ExceptionCase.Group.choices, read_only=True)
    measure = serializers.ChoiceField(choices=ExceptionCase.Measure.choices, read_only=True)
    details = serializers.DictField(read_only=True)
    owner = slug("username")
    sku = serializers.CharField(source="product.sku", read_only=True, default=None, allow_null=True)
    location = slug("code")
    supplier = slug("code")
    order = slug("number")
    action = serializers.IntegerField(source="action_id", read_only=True, allow_null=True)
    plan_run = serializers.IntegerField(source="plan_run_id", read_only=True, allow_null=True)
    forecast_run = serializers.IntegerField(source="forecast_run_id", read_only=True, allow_null=True)
    closed_by = slug("username")

    class Meta:
        model = ExceptionCase
        fields = (
            "id", "kind", "group", "key", "state", "is_found", "impact", "measure", "details", "owner",
            "sku", "location", "supplier", "order", "action", "plan_run", "forecast_run",
            "first_seen", "last_seen", "snoozed_until", "closed_at", "closed_by", "comment",
        )  # fmt: skip
        read_only_fields = fields


class AssignSerializer(serializers.Serializer[Any]):
    """Who takes it, by user name; null gives it back."""

    owner = serializers.CharField(max_length=150, allow_null=True)


class ExceptionSnoozeSerializer(serializers.Serializer[Any]):
    """Until which day it is out of sight."""

    until = serializers.DateField()
    comment = serializers.CharField(max_length=200, allow_blank=True, default="")


class CloseSerializer(serializers.Serializer[Any]):
    """Why it is closed."""

    comment = serializers.CharField(max_length=200)


class ExceptionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ExceptionCase]
):
    """Exceptions in all states, newest first; filter by `state`, and sort by impact yourself."""

    queryset = selectors.exceptions_detailed(ExceptionCase.objects.all())
    serializer_class = ExceptionSerializer
    filterset_class = filters.ExceptionFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "replenishment.view_exceptioncase",
        "retrieve": "replenishment.view_exceptioncase",
        "assign": "replenishment.decide_exceptioncase",
        "snooze": "replenishment.decide_exceptioncase",
        "close": "replenishment.decide_exceptioncase",
        "reopen": "replenishment.decide_exceptioncase",
    }

    @extend_schema(request=AssignSerializer, responses=ExceptionSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to a person, or to nobody."""
        name = self._given(AssignSerializer, request)["owner"]
        owner = None
        if name is not None:
            owner = User.objects.filter(username=name).first()
            if owner is None:
                raise ValidationError({"owner": [_("There is no such user.")]})
        services.exceptions_assign(owner=owner, **self._case(request))
        return self._answer()

    @extend_schema(request=ExceptionSnoozeSerializer, responses=ExceptionSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        """Put it out of sight until a day, or until it is gone."""
        given = self._given(ExceptionSnoozeSerializer, request)
        services.exceptions_snooze(**self._case(request), **given)
        return self._answer()

    @extend_schema(request=CloseSerializer, responses=ExceptionSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close it, saying why."""
        given = self._given(CloseSerializer, request)
        services.exceptions_close(**self._case(request), **given)
        return self._answer()

    @extend_schema(request=None, responses=ExceptionSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Wake it, or take it up again after a person closed it."""
        services.exceptions_reopen(**self._case(request))
        return self._answer()

    def _case(self, request: Request) -> dict[str, Any]:
        return {"case_ids": [self.get_object().pk], "acting_user": cast("User", request.user)}

    def _given(self, serializer: type[Any], request: Request) -> dict[str, Any]:
        data = serializer(data=request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)

    def _answer(self) -> Response:
        queryset: QuerySet[ExceptionCase] = self.get_queryset()
        return Response(self.get_serializer(queryset.get(pk=self.kwargs["pk"])).data)
