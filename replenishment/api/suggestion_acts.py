"""What buyers do with suggestions, in the API: acts on many, undo, snoozes, another supplier."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from replenishment import selectors, services
from replenishment.api import act_serializers as serializers
from replenishment.api.bulk_acts import queued
from replenishment.api.serializers import SuggestionSerializer
from replenishment.models import BulkAct, Suggestion, SuggestionChange
from replenishment.services import Act
from replenishment.services.bulk_chosen import Chosen

_EDIT = "replenishment.edit_suggestion_quantity"


class SuggestionActs(viewsets.GenericViewSet[Suggestion]):
    """The acts of `SuggestionViewSet`."""

    list_actions = ("bulk",)
    act_permissions: ClassVar = dict.fromkeys(("bulk", "paste", "undo", "snooze", "wake", "supplier"), _EDIT)

    @extend_schema(
        request=serializers.ActSerializer,
        responses={200: serializers.ActedSerializer, 202: serializers.BulkActSerializer},
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """Change, reject, snooze, wake or reopen many at once: one change, which can be undone.

        More than 500 are done in the background (202): follow the act under `bulk-acts`.
        """
        data = serializers.ActSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        ids = values.pop("suggestions", None)
        rows: Chosen
        if ids is None:
            plan = selectors.plan_latest()
            rows = [self.filter_queryset(Suggestion.objects.filter(plan_run=plan))]
        else:
            rows = services.chosen(ids)
        seen, is_preview = values.pop("plan_run"), values.pop("preview")
        do = services.act_previewed if is_preview else services.act_ask
        found = do(
            suggestions=rows,
            act=_act(**values),
            acting_user=cast("User", request.user),
            seen_plan_run_id=seen,
        )
        if isinstance(found, BulkAct):
            return queued(found)
        return Response(serializers.ActedSerializer(found).data)

    @extend_schema(request=serializers.PasteSerializer, responses=serializers.PastedSerializer, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None)
    def paste(self, request: Request) -> Response:
        """Put the quantities of many rows in, by SKU and location: all of them, or none.

        Each row that can't be taken is named with its column and value.
        """
        data = serializers.PasteSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        pasted = services.quantities_put(
            rows=[
                services.PastedRow(number, row["sku"], row["quantity"] or "", row["location"])
                for number, row in enumerate(values["rows"], start=1)
            ],
            acting_user=cast("User", request.user),
            seen_plan_run_id=values["plan_run"],
            is_preview=values["preview"],
        )
        if pasted.errors:
            raise services.PasteRefusedError(pasted.errors)
        return Response(serializers.PastedSerializer(pasted).data)

    @extend_schema(
        request=None,
        responses={200: serializers.UndoneSerializer, 202: serializers.BulkActSerializer},
        filters=False,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path=r"changes/(?P<change_id>\d{1,18})/undo",
        pagination_class=None,
    )
    def undo(self, request: Request, change_id: str) -> Response:
        """Take a change back, where its suggestions still are as it left them; an undo of an undo redoes."""
        change = get_object_or_404(SuggestionChange, pk=change_id)
        undone = services.undo_ask(change_id=change.pk, acting_user=cast("User", request.user))
        if isinstance(undone, BulkAct):
            return queued(undone)
        return Response(serializers.UndoneSerializer(undone.change).data)

    @extend_schema(request=serializers.SnoozeSerializer, responses=SuggestionSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        """Put it out of sight until a day or a stock level, in later plans too."""
        data = serializers.SnoozeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._done(request, _act(kind=SuggestionChange.Kind.SNOOZE, **data.validated_data))

    @extend_schema(request=None, responses=SuggestionSerializer)
    @action(detail=True, methods=["post"])
    def wake(self, request: Request, pk: str) -> Response:
        """End its snooze."""
        return self._done(request, Act(SuggestionChange.Kind.WAKE))

    @extend_schema(request=serializers.SupplierChoiceSerializer, responses=SuggestionSerializer)
    @action(detail=True, methods=["post"])
    def supplier(self, request: Request, pk: str) -> Response:
        """Buy it from another supplier, in the quantity that its terms make necessary."""
        data = serializers.SupplierChoiceSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        row = self.get_queryset().select_related("plan_run__forecast_run").get(pk=self.get_object().pk)
        code, terms_id = data.validated_data["supplier"], None
        if code is not None:
            options = {choice.option.terms.supplier.code: choice for choice in selectors.supply_choices(row)}
            if code not in options:
                raise ValidationError({"supplier": [_("This supplier has no terms for it here.")]})
            terms_id = options[code].option.terms.pk
        services.suggestion_supplier_set(
            suggestion_id=row.pk,
            terms_id=terms_id,
            acting_user=cast("User", request.user),
            seen_plan_run_id=data.validated_data.get("plan_run"),
        )
        return self._answer(row.pk)

    def _done(self, request: Request, act: Act) -> Response:
        row = self.get_object()
        found = services.suggestions_act(
            suggestion_ids=[row.pk],
            act=act,
            acting_user=cast("User", request.user),
            seen_plan_run_id=row.plan_run_id,
        )
        if found.change is None:
            [why] = found.passed_over
            raise ValidationError(_("Nothing was done: it is %(why)s.") % {"why": why.label})
        return self._answer(row.pk)

    def _answer(self, pk: int) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data)


def _act(*, stock_level: Any = None, **values: Any) -> Act:
    return Act(stock_level=None if stock_level is None else float(stock_level), **values)
