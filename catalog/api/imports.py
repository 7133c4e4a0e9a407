"""Imports in the API: upload a file, follow it, fetch what was refused, take it back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services, tasks
from catalog.api import filters, serializers
from catalog.api.renderers import FileRenderer
from catalog.models import ImportBatch


class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ImportBatch]):
    """Imports, newest first."""

    queryset = ImportBatch.objects.all()
    serializer_class = serializers.ImportSerializer
    filterset_class = filters.ImportFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "catalog.view_importbatch",
        "retrieve": "catalog.view_importbatch",
        "rejected": "catalog.view_importbatch",
        "create": "catalog.add_importbatch",
        "take_back": "catalog.take_back_importbatch",
    }

    @property
    def throttle_scope(self) -> str | None:
        """Uploads count as bulk calls."""
        return "bulk" if self.action == "create" else None

    def get_parsers(self) -> list[Any]:
        """A file comes as a form."""
        if self.request is None or (self.request.method == "POST" and "pk" not in self.kwargs):
            return [MultiPartParser()]
        return super().get_parsers()

    @extend_schema(request=serializers.UploadSerializer, responses={202: serializers.ImportSerializer})
    def create(self, request: Request) -> Response:
        """Upload a CSV, Excel or Parquet file, or photos as a ZIP file; it is imported in the background."""
        data = serializers.UploadSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        if values["kind"] == ImportBatch.PHOTOS and not request.user.has_perm("catalog.add_productimage"):
            raise PermissionDenied
        batch = services.import_create(
            kind=values["kind"],
            file=values["file"],
            file_name=values["file"].name,
            mapping=values.get("mapping"),
            mode=values["mode"],
            options=values.get("options"),
            acting_user=cast("User", request.user),
        )
        transaction.on_commit(lambda: tasks.import_run_task.delay(batch.pk))
        return Response(self.get_serializer(batch).data, status=HTTPStatus.ACCEPTED)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], renderer_classes=[FileRenderer])
    def rejected(self, request: Request, pk: str) -> FileResponse:
        """The refused rows as a file, to be mended and sent again."""
        batch = self.get_object()
        if not batch.rejected_file:
            raise NotFound(_("No row of this import was refused."))
        return FileResponse(batch.rejected_file.open("rb"), as_attachment=True)

    @extend_schema(request=None, responses=serializers.ImportSerializer)
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Undo the import; refused when a later one has changed its rows."""
        batch = self.get_object()
        services.batch_take_back(batch=batch, acting_user=cast("User", request.user))
        batch.refresh_from_db()
        return Response(self.get_serializer(batch).data)
