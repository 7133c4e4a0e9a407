"""The facts in the API: lists to read, and bulk upserts through the same path as files."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from catalog import selectors, services
from catalog.api import filters, serializers
from catalog.models import (
    Category,
    ImportBatch,
    KitComponent,
    Location,
    PriceRecord,
    Product,
    SalesRecord,
    StockLevel,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
)


class RowsRefusedError(APIException):
    """A bulk call whose rows were not taken; each error points at its row and column."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = _("No row was loaded.")

    def __init__(self, batch: ImportBatch) -> None:
        super().__init__(batch.error or None)
        self.errors = [row_error(error) for error in batch.errors]


def row_error(error: dict[str, Any]) -> dict[str, Any]:
    """An import's error as an entry of a problem's `errors`. Rows of an import count from 1."""
    pointer = "#/rows"
    if error.get("row"):
        pointer += f"/{int(error['row']) - 1}"
        if error.get("column"):
            pointer += "/" + str(error["column"]).replace("~", "~0").replace("/", "~1")
    value = error.get("value")
    detail = str(error["reason"])
    return {"pointer": pointer, "detail": detail, "value": None if value is None else str(value)}


class ScopedQuerySetMixin:
    """Narrows the rows to a partner's own: the lookups name the supplier's and the channel's column."""

    supplier_lookup: ClassVar[str | None] = None
    channel_lookup: ClassVar[str | None] = None

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that this user may see."""
        queryset: QuerySet[Any] = super().get_queryset()  # type: ignore[misc]
        scope = selectors.partner_scope(self.request.user)  # type: ignore[attr-defined]
        if scope is None:
            return queryset
        lookup, value = self.channel_lookup, scope.location_id
        if scope.supplier_id is not None:
            lookup, value = self.supplier_lookup, scope.supplier_id
        return queryset.filter(**{lookup: value}) if lookup else queryset.none()


class PartnerSerializerMixin:
    """Another serializer for partners, who see less; the API's description is that of the shop."""

    partner_serializer_class: ClassVar[type[BaseSerializer[Any]]]

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """By who asks."""
        is_described = getattr(self, "swagger_fake_view", False)
        if is_described or selectors.partner_scope(self.request.user) is None:  # type: ignore[attr-defined]
            return super().get_serializer_class()  # type: ignore[misc, no-any-return]
        return self.partner_serializer_class


class BulkUpsertMixin:
    """`POST` on the list brings rows in as a file of this kind would: new ones, changed ones, all or none."""

    kind: ClassVar[str]

    @property
    def throttle_scope(self) -> str | None:
        """Bulk calls have a rate of their own."""
        return "bulk" if getattr(self, "action", None) == "create" else None

    @extend_schema(
        request=serializers.RowsSerializer,
        responses={200: serializers.ImportSerializer, 422: OpenApiResponse(description="Rows were refused.")},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Insert or update rows by their natural keys, with the columns that a file of this kind has.

        In the mode `strict` one bad row loads nothing (422); with `good-rows` the others are loaded.
        The same rows again change nothing. A sales channel may only send rows of its own location.
        """
        data = serializers.RowsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        scope = selectors.partner_scope(request.user)
        restrict = None
        if scope is not None:
            # 0: of no location, so the call finds none and is answered with 404.
            restrict = {"location": Location.objects.get(pk=scope.location_id or 0).code}
        batch = services.import_rows(
            kind=self.kind,
            rows=data.validated_data["rows"],
            acting_user=cast("User", request.user),
            mode=data.validated_data["mode"],
            restrict=restrict,
        )
        if batch.state == ImportBatch.State.FAILED:
            raise RowsRefusedError(batch)
        return Response(serializers.ImportSerializer(batch).data)


class CategoryViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Category],
):
    """The category tree."""

    kind = "category"
    queryset = Category.objects.select_related("parent")
    serializer_class = serializers.CategorySerializer
    filterset_class = filters.CategoryFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_category",
        "retrieve": "catalog.view_category",
        "create": "catalog.add_importbatch",
    }


class ProductViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Product],
):
    """Products. A supplier sees those that it has terms for."""

    kind = "product"
    queryset = Product.objects.select_related("category", "successor")
    serializer_class = serializers.ProductSerializer
    filterset_class = filters.ProductFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_product",
        "retrieve": "catalog.view_product",
        "create": "catalog.add_importbatch",
    }
    supplier_actions = ("list", "retrieve")

    def get_queryset(self) -> QuerySet[Product]:
        """All, or the supplier's own."""
        scope = selectors.partner_scope(self.request.user)
        if scope is None:
            return super().get_queryset()
        own = SupplyTerms.objects.filter(supplier_id=scope.supplier_id or 0).order_by()
        return super().get_queryset().filter(pk__in=own.values("product"))


class KitComponentViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[KitComponent],
):
    """What kits are made of."""

    kind = "kit_component"
    queryset = KitComponent.objects.select_related("kit", "component").order_by("pk")
    serializer_class = serializers.KitComponentSerializer
    filterset_class = filters.KitComponentFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_kitcomponent",
        "retrieve": "catalog.view_kitcomponent",
        "create": "catalog.add_importbatch",
    }


class TransferLaneViewSet(
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[TransferLane],
):
    """Lanes on which goods go from one location to another."""

    kind = "transfer_lane"
    queryset = TransferLane.objects.select_related("source", "destination")
    serializer_class = serializers.TransferLaneSerializer
    filterset_class = filters.TransferLaneFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_transferlane",
        "retrieve": "catalog.view_transferlane",
        "create": "catalog.add_importbatch",
    }


class LocationViewSet(
    ScopedQuerySetMixin,
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Location],
):
    """Locations. A channel sees its own."""

    kind = "location"
    queryset = Location.objects.select_related("receiving_location")
    serializer_class = serializers.LocationSerializer
    filterset_class = filters.LocationFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_location",
        "retrieve": "catalog.view_location",
        "create": "catalog.add_importbatch",
    }
    channel_actions = ("list", "retrieve")
    channel_lookup = "pk"


class SupplierViewSet(
    ScopedQuerySetMixin,
    PartnerSerializerMixin,
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Supplier],
):
    """Suppliers. A supplier sees itself."""

    kind = "supplier"
    queryset = Supplier.objects.all()
    serializer_class = serializers.SupplierSerializer
    partner_serializer_class = serializers.PartnerSupplierSerializer
    filterset_class = filters.SupplierFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_supplier",
        "retrieve": "catalog.view_supplier",
        "create": "catalog.add_importbatch",
    }
    supplier_actions = ("list", "retrieve")
    supplier_lookup = "pk"


class SupplierClosureViewSet(
    ScopedQuerySetMixin,
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[SupplierClosure],
):
    """Shutdowns of suppliers. A supplier sees its own."""

    kind = "supplier_closure"
    queryset = SupplierClosure.objects.select_related("supplier")
    serializer_class = serializers.SupplierClosureSerializer
    filterset_class = filters.SupplierClosureFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_supplierclosure",
        "retrieve": "catalog.view_supplierclosure",
        "create": "catalog.add_importbatch",
    }
    supplier_actions = ("list", "retrieve")
    supplier_lookup = "supplier_id"


class SupplyTermsViewSet(
    ScopedQuerySetMixin,
    PartnerSerializerMixin,
    BulkUpsertMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[SupplyTerms],
):
    """The terms of suppliers for products. A supplier sees its own."""

    kind = "supply_terms"
    queryset = SupplyTerms.objects.select_related("supplier", "product", "location")
    serializer_class = serializers.SupplyTermsSerializer
    partner_serializer_class = serializers.PartnerTermsSerializer
    filterset_class = filters.SupplyTermsFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_supplyterms",
        "retrieve": "catalog.view_supplyterms",
        "create": "catalog.add_importbatch",
    }
    supplier_actions = ("list", "retrieve")
    supplier_lookup = "supplier_id"


class SalesViewSet(
    ScopedQuerySetMixin, BulkUpsertMixin, mixins.ListModelMixin, viewsets.GenericViewSet[SalesRecord]
):
    """Sales by product, location and day. A channel sees and sends those of its own location."""

    kind = "sales"
    queryset = SalesRecord.objects.select_related("product", "location")
    serializer_class = serializers.SalesSerializer
    filterset_class = filters.SalesFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_salesrecord",
        "create": "catalog.add_importbatch",
    }
    channel_actions = ("list", "create")
    channel_lookup = "location_id"


class StockViewSet(
    ScopedQuerySetMixin, BulkUpsertMixin, mixins.ListModelMixin, viewsets.GenericViewSet[StockLevel]
):
    """Stock by product, location and day. A channel sees and sends that of its own location."""

    kind = "stock"
    queryset = StockLevel.objects.select_related("product", "location")
    serializer_class = serializers.StockSerializer
    filterset_class = filters.StockFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_stocklevel",
        "create": "catalog.add_importbatch",
    }
    channel_actions = ("list", "create")
    channel_lookup = "location_id"


class PriceViewSet(
    ScopedQuerySetMixin, BulkUpsertMixin, mixins.ListModelMixin, viewsets.GenericViewSet[PriceRecord]
):
    """Asked prices by product, location and day. A channel sees those of its own location."""

    kind = "price"
    queryset = PriceRecord.objects.select_related("product", "location")
    serializer_class = serializers.PriceSerializer
    filterset_class = filters.PriceFilter
    action_permissions: ClassVar = {
        "list": "catalog.view_pricerecord",
        "create": "catalog.add_importbatch",
    }
    channel_actions = ("list",)
    channel_lookup = "location_id"
