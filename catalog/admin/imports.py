"""Imports, and whose partner somebody is."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from catalog.admin.base import ReadOnlyAdmin
from catalog.models import (
    ImportBatch,
    PartnerAccount,
)


@admin.register(PartnerAccount)
class PartnerAccountAdmin(ModelAdmin):
    list_display = ("user", "supplier", "location")
    search_fields = ("user__username", "supplier__code", "location__code")
    list_select_related = ("user", "supplier", "location")
    autocomplete_fields = ("user", "supplier", "location")


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "kind",
        "file_name",
        "state",
        "rows_read",
        "rows_new",
        "rows_changed",
        "rows_rejected",
        "created_by",
        "created_at",
        "taken_back_at",
    )
    list_filter = ("state", "kind", "created_at")
    search_fields = ("file_name",)
    list_select_related = ("created_by",)
