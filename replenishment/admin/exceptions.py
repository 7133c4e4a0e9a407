"""Exceptions, their history and the e-mails about them in the admin: to look at."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from replenishment.admin.read_only import ReadOnlyMixin
from replenishment.models import Digest, DigestChoice, ExceptionCase, ExceptionEvent


class ExceptionEventInline(ReadOnlyMixin, TabularInline):
    model = ExceptionEvent
    extra = 0
    fields = ("at", "action", "actor", "comment", "data")


@admin.register(ExceptionCase)
class ExceptionCaseAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "kind",
        "key",
        "product",
        "location",
        "supplier",
        "state",
        "owner",
        "impact",
        "first_seen",
    )
    list_filter = ("state", "kind")
    search_fields = ("product__search_text", "key")
    list_select_related = ("product", "location", "supplier", "owner")
    show_full_result_count = False
    inlines = (ExceptionEventInline,)


@admin.register(Digest)
class DigestAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("user", "day", "cases", "claimed_at", "sent_at")
    list_filter = ("day",)
    list_select_related = ("user",)
    show_full_result_count = False


@admin.register(DigestChoice)
class DigestChoiceAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("user", "is_wanted")
    list_filter = ("is_wanted",)
    list_select_related = ("user",)
    show_full_result_count = False
