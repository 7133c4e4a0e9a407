"""What the admin pages of the catalog share."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from catalog.models import (
    Recorded,
)
from catalog.services.by_hand import row_delete, row_save


class RecordedAdmin(ModelAdmin):
    """Rows that an import may write too: each change by hand keeps the values that it replaced."""

    list_per_page = 50
    show_full_result_count = False
    readonly_fields: ClassVar[Any] = ("recorded_at", "batch")

    def save_model(self, request: HttpRequest, obj: Recorded, form: ModelForm[Any], change: bool) -> None:
        if form.changed_data or not change:
            row_save(row=obj)

    def delete_model(self, request: HttpRequest, obj: Recorded) -> None:
        row_delete(row=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            row_delete(row=row)

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[Any],
        formset: BaseModelFormSet[Any, Any],
        change: bool,
    ) -> None:
        rows = formset.save(commit=False)
        for row in formset.deleted_objects:
            row_delete(row=row)
        for row in rows:
            row_save(row=row)
        formset.save_m2m()


class ReadOnlyAdmin(ModelAdmin):
    """What the admin shows and never writes."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
