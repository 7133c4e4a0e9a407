"""Comments in the admin, to look at: they are made and taken back on the SKU page."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from replenishment.admin.read_only import ReadOnlyMixin
from replenishment.models import Comment


@admin.register(Comment)
class CommentAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("created_at", "author", "product", "location", "text")
    list_select_related = ("author", "product", "location")
    search_fields = ("product__sku", "author__username")
    show_full_result_count = False
