"""Trials of signals in the API. Partners see none of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import services, tasks
from forecasting.models import SignalTrial, SignalVerdict


class VerdictSerializer(serializers.ModelSerializer[SignalVerdict]):
    """What a trial found of a signal. `difference` of WAPE: below 0 it helps; with a 95% interval.

    `p_value` is corrected for the number of signals. Forecasts use a signal where `used` is true.
    """

    class Meta:
        model = SignalVerdict
        fields = (
            "signal", "wape_without", "wape_with", "pinball_without", "pinball_with", "difference", "low",
            "high", "p_value", "origins", "used",
        )  # fmt: skip
        read_only_fields = fields


class TrialSerializer(serializers.ModelSerializer[SignalTrial]):
    """A trial of signals and its verdicts."""

    spec = serializers.DictField(read_only=True)
    verdicts = VerdictSerializer(many=True, read_only=True)

    class Meta:
        model = SignalTrial
        fields = (
            "id", "state", "step", "progress", "error", "as_of", "known_at", "spec", "created_at",
            "started_at", "finished_at", "verdicts",
        )  # fmt: skip
        read_only_fields = fields


class TrialStartSerializer(serializers.Serializer[Any]):
    """What a new trial is to do; everything has a default."""

    as_of = serializers.DateField(required=False, help_text="Default: the last complete day with sales.")


class SignalTrialViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[SignalTrial]
):
    """Trials of signals, newest first, with their verdicts."""

    queryset = SignalTrial.objects.all()
    serializer_class = TrialSerializer
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "forecasting.view_signaltrial",
        "retrieve": "forecasting.view_signaltrial",
        "create": "forecasting.add_signaltrial",
    }

    @property
    def throttle_scope(self) -> str | None:
        """A trial keeps a worker busy for minutes."""
        return "bulk" if self.action == "create" else None

    def get_queryset(self) -> QuerySet[SignalTrial]:
        """With their verdicts, without the long column."""
        return super().get_queryset().prefetch_related("verdicts").defer("report")

    @extend_schema(request=TrialStartSerializer, responses={202: TrialSerializer})
    def create(self, request: Request) -> Response:
        """Start a trial; follow it by its address until `state` is done, failed or stopped."""
        data = TrialStartSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        try:
            trial = services.trial_create(
                acting_user=cast("User", request.user), as_of=data.validated_data.get("as_of")
            )
        except services.ForecastError as error:
            raise ValidationError(str(error)) from None
        # A broker that is away loses nothing: a queued trial is dispatched again.
        transaction.on_commit(lambda: tasks.trial_execute_task.delay(trial.pk), robust=True)
        return Response(TrialSerializer(trial).data, status=HTTPStatus.ACCEPTED)
