"""Replays in the API. Partners see none of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Category, Location, Supplier
from replenishment import selectors, services, tasks
from replenishment.api import filters
from replenishment.api.replay_serializers import ReplayRunSerializer, ReplayStartSerializer
from replenishment.models import ReplayRun

_FILTERS: dict[str, Any] = {"location": Location, "supplier": Supplier, "category": Category}


class ReplayRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ReplayRun]):
    """Replays of policies over past demand, newest first."""

    queryset = ReplayRun.objects.none()
    serializer_class = ReplayRunSerializer
    filterset_class = filters.ReplayRunFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "replenishment.view_replayrun",
        "retrieve": "replenishment.view_replayrun",
        "create": "replenishment.add_replayrun",
    }

    @property
    def throttle_scope(self) -> str | None:
        """A replay keeps a worker busy."""
        return "bulk" if self.action == "create" else None

    def get_queryset(self) -> QuerySet[ReplayRun]:
        """With the policies, without the rows of the items."""
        return selectors.replays_list()

    @extend_schema(request=ReplayStartSerializer, responses={202: ReplayRunSerializer})
    def create(self, request: Request) -> Response:
        """Start a replay; follow it by its address until `state` is done or failed."""
        data = ReplayStartSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        named = {name: _named(name, values.pop(name)) for name in _FILTERS if name in values}
        days = {name: values.pop(name) for name in ("first_day", "last_day") if name in values}
        if "policies" in values:
            values["policies"] = tuple(values["policies"])
        run = services.replay_start(
            acting_user=cast("User", request.user), spec=services.ReplaySpec(**values), **days, **named
        )
        # A broker that is away loses nothing: a queued replay is dispatched again.
        transaction.on_commit(lambda: tasks.replay_execute_task.delay(run.pk), robust=True)
        run = selectors.replay_get(replay_id=run.pk)
        return Response(self.get_serializer(run).data, status=HTTPStatus.ACCEPTED)


def _named(name: str, code: str) -> Any:
    found = _FILTERS[name].objects.filter(code=code).first()
    if found is None:
        raise ValidationError({name: [_("There is none with this code.")]})
    return found
