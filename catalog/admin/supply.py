"""Locations, lanes, suppliers and their terms, exchange rates, events."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from catalog.admin.base import RecordedAdmin
from catalog.models import (
    CalendarEvent,
    ExchangeRate,
    Location,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
)


class SupplyTermsInline(TabularInline):
    model = SupplyTerms
    extra = 0
    # A supplier may have thousands: a page of them at a time, and all of a row's fields on its own page.
    per_page = 20
    show_change_link = True
    autocomplete_fields = ("product", "location")
    fields = ("product", "location", "article_number", "unit_cost", "currency", "moq", "lead_time_days")


class SupplierClosureInline(TabularInline):
    model = SupplierClosure
    extra = 0
    per_page = 20
    fields = ("first_day", "last_day")


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
