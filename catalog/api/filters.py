"""Filters on indexed columns."""

from __future__ import annotations

import django_filters as filters
from django.db.models import QuerySet

from catalog import selectors
from catalog.models import (
    Category,
    ImportBatch,
    KitComponent,
    Location,
    PriceRecord,
    Product,
    ProductImage,
    SalesRecord,
    StockLevel,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
)


class CategoryFilter(filters.FilterSet):
    """By code, or the code of the parent."""

    code = filters.CharFilter()
    parent = filters.CharFilter(field_name="parent__code")

    class Meta:
        model = Category
        fields: list[str] = []


class ProductFilter(filters.FilterSet):
    """By SKU, GTIN, status, category, or words of the name (accents and case don't matter)."""

    sku = filters.CharFilter()
    gtin = filters.CharFilter()
    status = filters.ChoiceFilter(choices=Product.Status.choices)
    category = filters.CharFilter(field_name="category__code")
    search = filters.CharFilter(method="search_for", max_length=100)

    class Meta:
        model = Product
        fields: list[str] = []

    def search_for(self, queryset: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:
        """Products whose SKU, GTIN or names hold the words."""
        return queryset.filter(pk__in=selectors.products_search(value).order_by().values("pk"))


class KitComponentFilter(filters.FilterSet):
    """By the SKU of the kit or of the component."""

    kit = filters.CharFilter(field_name="kit__sku")
    component = filters.CharFilter(field_name="component__sku")

    class Meta:
        model = KitComponent
        fields: list[str] = []


class TransferLaneFilter(filters.FilterSet):
    """By the codes of its ends, and whether it supplies."""

    source = filters.CharFilter(field_name="source__code")
    destination = filters.CharFilter(field_name="destination__code")
    is_supply = filters.BooleanFilter()

    class Meta:
        model = TransferLane
        fields: list[str] = []


class LocationFilter(filters.FilterSet):
    """By code, or the code of the location that receives for it."""

    code = filters.CharFilter()
    receiving_location = filters.CharFilter(field_name="receiving_location__code")

    class Meta:
        model = Location
        fields: list[str] = []


class SupplierFilter(filters.FilterSet):
    """By code."""

    code = filters.CharFilter()

    class Meta:
        model = Supplier
        fields: list[str] = []


class SupplierClosureFilter(filters.FilterSet):
    """By supplier, and by days that a shutdown touches, both ends included."""

    supplier = filters.CharFilter(field_name="supplier__code")
    day_from = filters.DateFilter(field_name="last_day", lookup_expr="gte")
    day_to = filters.DateFilter(field_name="first_day", lookup_expr="lte")

    class Meta:
        model = SupplierClosure
        fields: list[str] = []


class SupplyTermsFilter(filters.FilterSet):
    """By supplier, SKU, location."""

    supplier = filters.CharFilter(field_name="supplier__code")
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")

    class Meta:
        model = SupplyTerms
        fields: list[str] = []


class DailyFilter(filters.FilterSet):
    """By SKU, location and days, both ends included."""

    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    day = filters.DateFilter()
    day_from = filters.DateFilter(field_name="day", lookup_expr="gte")
    day_to = filters.DateFilter(field_name="day", lookup_expr="lte")


class SalesFilter(DailyFilter):
    """Of sales."""

    class Meta:
        model = SalesRecord
        fields: list[str] = []


class StockFilter(DailyFilter):
    """Of stock."""

    class Meta:
        model = StockLevel
        fields: list[str] = []


class PriceFilter(DailyFilter):
    """Of prices."""

    class Meta:
        model = PriceRecord
        fields: list[str] = []


class ImportFilter(filters.FilterSet):
    """By kind, state and time."""

    kind = filters.CharFilter()
    state = filters.ChoiceFilter(choices=ImportBatch.State.choices)
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = ImportBatch
        fields: list[str] = []


class ProductImageFilter(filters.FilterSet):
    """By SKU."""

    sku = filters.CharFilter(field_name="product__sku")

    class Meta:
        model = ProductImage
        fields: list[str] = []
