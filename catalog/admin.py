"""Master data and imports in the admin. Facts are changed by imports, never here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, CharField, DateField, ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget

from catalog import selectors
from catalog.importers.signals import REVIEW_LENGTH
from catalog.models import (
    CalendarEvent,
    Category,
    ExchangeRate,
    ImportBatch,
    Indicator,
    IndicatorRecord,
    KitComponent,
    Location,
    PartnerAccount,
    Product,
    Recorded,
    Review,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
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


class KitComponentInline(TabularInline):
    model = KitComponent
    fk_name = "kit"
    extra = 0
    autocomplete_fields = ("component",)
    fields = ("component", "quantity")


class SupplierClosureInline(TabularInline):
    model = SupplierClosure
    extra = 0
    per_page = 20
    fields = ("first_day", "last_day")


class SupplyTermsInline(TabularInline):
    model = SupplyTerms
    extra = 0
    # A supplier may have thousands: a page of them at a time, and all of a row's fields on its own page.
    per_page = 20
    show_change_link = True
    autocomplete_fields = ("product", "location")
    fields = ("product", "location", "article_number", "unit_cost", "currency", "moq", "lead_time_days")


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
    inlines = (KitComponentInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term.strip():
            found = selectors.products_search(search_term).order_by()
            queryset = queryset.filter(pk__in=found.values("pk"))
        return queryset, False


@admin.register(Location)
class LocationAdmin(RecordedAdmin):
    list_display = ("code", "name", "kind", "country", "currency", "receiving_location")
    list_filter = ("kind",)
    search_fields = ("code", "name")
    list_select_related = ("receiving_location",)
    autocomplete_fields = ("receiving_location",)


@admin.register(TransferLane)
class TransferLaneAdmin(RecordedAdmin):
    list_display = ("source", "destination", "is_supply", "lead_time_days", "review_days", "unit_cost", "moq")
    list_filter = ("is_supply",)
    search_fields = ("source__code", "destination__code")
    list_select_related = ("source", "destination")
    autocomplete_fields = ("source", "destination")


@admin.register(Supplier)
class SupplierAdmin(RecordedAdmin):
    list_display = ("code", "name", "country", "currency", "minimum_order_value", "is_assumed")
    search_fields = ("code", "name")
    inlines = (SupplierClosureInline, SupplyTermsInline)
    fieldsets = (
        (None, {"fields": ("code", "name", "country", "currency", "email", "is_assumed")}),
        (
            _("Orders"),
            {
                "fields": (
                    ("minimum_order_value", "minimum_order_weight", "minimum_order_volume"),
                    ("container_weight", "container_volume"),
                    "order_cost",
                    "joint_review",
                )
            },
        ),
        (_("Calendar"), {"fields": ("order_days", "administrative_days")}),
        (None, {"fields": ("recorded_at", "batch")}),
    )


class SupplyTermsForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """What a person types of terms."""

    def clean_price_breaks(self) -> list[list[float]]:
        """Pairs of numbers above 0, each quantity once; sorted."""
        try:
            breaks = sorted(
                [float(start), float(cost)] for start, cost in self.cleaned_data["price_breaks"] or []
            )
        except (TypeError, ValueError):
            breaks = [[0.0, 0.0]]
        numbers = [number for pair in breaks for number in pair]
        if not all(0 < number < float("inf") for number in numbers):
            raise ValidationError(_("Write pairs of numbers above 0: [[100, 2.00], [500, 1.85]]."))
        if len({start for start, _cost in breaks}) < len(breaks):
            raise ValidationError(_("Two price breaks begin at the same quantity."))
        return breaks


@admin.register(SupplyTerms)
class SupplyTermsAdmin(RecordedAdmin):
    form = SupplyTermsForm
    list_display = (
        "product",
        "supplier",
        "location",
        "rank",
        "unit_cost",
        "currency",
        "moq",
        "lead_time_days",
    )
    list_filter = (("supplier", AutocompleteSelectFilter),)
    list_filter_submit = True
    search_fields = ("product__sku", "supplier__code", "article_number")
    list_select_related = ("product", "supplier", "location")
    autocomplete_fields = ("product", "supplier", "location")


@admin.register(ExchangeRate)
class ExchangeRateAdmin(RecordedAdmin):
    list_display = ("day", "base", "quote", "rate")
    search_fields = ("base", "quote")
    date_hierarchy = "day"


@admin.register(CalendarEvent)
class CalendarEventAdmin(RecordedAdmin):
    list_display = ("day", "country", "name")
    search_fields = ("name", "country")
    date_hierarchy = "day"


class ReviewForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """What a person types of a review."""

    text = CharField(
        label=_("text"), max_length=REVIEW_LENGTH, required=False, widget=UnfoldAdminTextareaWidget
    )


@admin.register(Review)
class ReviewAdmin(RecordedAdmin):
    form = ReviewForm
    list_display = ("number", "source", "product", "day", "rating", "title", "language", "is_assumed")
    list_filter = ("rating", "language", "is_assumed")
    search_fields = ("number", "product__sku")
    date_hierarchy = "day"
    list_select_related = ("product",)
    autocomplete_fields = ("product",)
    readonly_fields = (*RecordedAdmin.readonly_fields, "author_hash")


@admin.register(Indicator)
class IndicatorAdmin(RecordedAdmin):
    list_display = ("code", "name", "unit", "publication_lag_days", "is_assumed")
    search_fields = ("code", "name")


class IndicatorRecordForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """What a person types of a value: known after the indicator's publication lag, unless told."""

    known_on = DateField(label=_("known on"), required=False, widget=UnfoldAdminSingleDateWidget)

    def clean(self) -> dict[str, Any]:
        """With the day from which the value was known, and of a product or a category, not of both."""
        values: dict[str, Any] = super().clean() or {}
        indicator, day = values.get("indicator"), values.get("day")
        if indicator and day and not values.get("known_on"):
            values["known_on"] = day + timedelta(days=indicator.publication_lag_days)
        if values.get("product") and values.get("category"):
            self.add_error("category", _("stands beside a SKU: name one of them, or none"))
        return values


@admin.register(IndicatorRecord)
class IndicatorRecordAdmin(RecordedAdmin):
    form = IndicatorRecordForm
    list_display = ("indicator", "day", "product", "category", "location", "value", "known_on")
    list_filter = (("indicator", AutocompleteSelectFilter),)
    list_filter_submit = True
    search_fields = ("indicator__code", "product__sku")
    date_hierarchy = "day"
    list_select_related = ("indicator", "product", "category", "location")
    autocomplete_fields = ("indicator", "product", "category", "location")


@admin.register(PartnerAccount)
class PartnerAccountAdmin(ModelAdmin):
    list_display = ("user", "supplier", "location")
    search_fields = ("user__username", "supplier__code", "location__code")
    list_select_related = ("user", "supplier", "location")
    autocomplete_fields = ("user", "supplier", "location")


class ReadOnlyAdmin(ModelAdmin):
    """What the admin shows and never writes."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
