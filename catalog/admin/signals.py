"""Reviews and market indicators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.forms import CharField, DateField, ModelForm
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget

from catalog.admin.base import RecordedAdmin
from catalog.importers.signals import REVIEW_LENGTH
from catalog.models import (
    Indicator,
    IndicatorRecord,
    Review,
)


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
