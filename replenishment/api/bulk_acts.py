"""Acts on many suggestions that are done in the background, in the API."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from django.db import transaction
from rest_framework import mixins, viewsets
from rest_framework.response import Response

from replenishment import tasks
from replenishment.api import filters
from replenishment.api.act_serializers import BulkActSerializer
from replenishment.models import BulkAct


class BulkActViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[BulkAct]):
    """Acts on many suggestions and undos of such acts, newest first."""

    queryset = BulkAct.objects.defer("seen")
    serializer_class = BulkActSerializer
    filterset_class = filters.BulkActFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = dict.fromkeys(("list", "retrieve"), "replenishment.view_bulkact")


def queued(job: BulkAct) -> Response:
    """Hand an act to a worker; 202 with where to follow it."""
    # A broker that is away loses nothing: a queued act is dispatched again.
    transaction.on_commit(lambda: tasks.bulk_act_execute_task.delay(job.pk), robust=True)
    return Response(BulkActSerializer(job).data, status=HTTPStatus.ACCEPTED)
