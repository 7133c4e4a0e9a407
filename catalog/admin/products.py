"""Products, their categories, kits and terms."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from catalog import selectors
from catalog.admin.base import RecordedAdmin
from catalog.admin.pictures import ProductImageInline
from catalog.models import (
    Category,
    KitComponent,
    Product,
)


class KitComponentInline(TabularInline):
    model = KitComponent
    fk_name = "kit"
    extra = 0
    autocomplete_fields = ("component",)
    fields = ("component", "quantity")


@admin.register(Category)
class CategoryAdmin(RecordedAdmin):
    list_display = ("code", "name", "parent")
    search_fields = ("code", "name")
    list_select_related = ("parent",)
    autocomplete_fields = ("parent",)


@admin.register(Product)
class ProductAdmin(RecordedAdmin):
    list_display = ("sku", "name", "category", "status")
    list_filter = ("status",)
    # Searched through the folded text, see get_search_results.
    search_fields = ("search_text",)
    list_select_related = ("category",)
    autocomplete_fields = ("category", "successor")
    inlines = (ProductImageInline, KitComponentInline)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term.strip():
            found = selectors.products_search(search_term).order_by()
            queryset = queryset.filter(pk__in=found.values("pk"))
        return queryset, False
