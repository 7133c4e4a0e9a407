"""How edits of suggestions did against the system, in the API. Partners see none of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from replenishment import selectors
from replenishment.api import filters
from replenishment.models import EditScore


class EditScoreSerializer(serializers.ModelSerializer[EditScore]):
    """An edit and what came of it, in the home currency; `saved` is below 0 where the system was better."""

    sku = serializers.CharField(source="suggestion.product.sku", read_only=True)
    location = serializers.CharField(source="suggestion.location.code", read_only=True)
    person = serializers.CharField(source="suggestion.edited_by.username", default=None, read_only=True)
    reason = serializers.CharField(source="suggestion.edit_reason", read_only=True)
    plan_run = serializers.IntegerField(source="suggestion.plan_run_id", read_only=True)
    system_quantity = serializers.FloatField(source="suggestion.order_quantity", read_only=True)
    edited_quantity = serializers.FloatField(source="quantity", read_only=True)

    class Meta:
        model = EditScore
        fields = (
            "id", "suggestion", "plan_run", "sku", "location", "person", "reason", "system_quantity",
            "edited_quantity", "first_day", "last_day", "demand", "system_holding", "system_ordering",
            "system_lost_margin", "edited_holding", "edited_ordering", "edited_lost_margin", "saved",
            "scored_at",
        )  # fmt: skip
        read_only_fields = fields


class EditSumSerializer(serializers.Serializer[Any]):
    """Edits together: how many were better than the system, worse or equal, and what they saved in money."""

    key = serializers.CharField()
    edits = serializers.IntegerField()
    better = serializers.IntegerField()
    worse = serializers.IntegerField()
    equal = serializers.IntegerField()
    saved = serializers.FloatField()


class EditTotalsSerializer(serializers.Serializer[Any]):
    """All scored edits, by person, reason and category; and how many are without a score."""

    total = EditSumSerializer()
    by_person = EditSumSerializer(many=True)
    by_reason = EditSumSerializer(many=True)
    by_category = EditSumSerializer(many=True)
    pending = serializers.IntegerField(help_text="Their days are not over.")
    unknown = serializers.IntegerField(help_text="They can't be judged.")


class EditScoreViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[EditScore]):
    """Edits of suggestions whose days are over, newest first."""

    queryset = EditScore.objects.none()
    serializer_class = EditScoreSerializer
    filterset_class = filters.EditScoreFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    list_actions = ("totals",)
    action_permissions: ClassVar = {
        "list": "replenishment.view_editscore",
        "retrieve": "replenishment.view_editscore",
        "totals": "replenishment.view_editscore",
    }

    def get_queryset(self) -> QuerySet[EditScore]:
        """With what names them."""
        return selectors.scores_list()

    @extend_schema(responses=EditTotalsSerializer)
    @action(detail=False, methods=["get"], pagination_class=None)
    def totals(self, request: Request) -> Response:
        """What they saved together, and by person, reason and category; the list's filters apply."""
        scores = self.filter_queryset(self.get_queryset())
        found = {
            "total": asdict(selectors.scores_total(scores)),
            **{
                f"by_{group}": [asdict(row) for row in selectors.scores_by(scores, group)]
                for group in ("person", "reason", "category")
            },
            **asdict(selectors.edits_open()),
        }
        return Response(EditTotalsSerializer(found).data)
