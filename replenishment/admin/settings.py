"""Policy rules and budgets in the admin, by the services; their history to look at."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from replenishment import services
from replenishment.admin.read_only import ReadOnlyMixin
from replenishment.models import Budget, PolicyRule, SavedView, SettingEvent


class SettingAdminForm(ModelForm):  # type: ignore[type-arg]
    """Refusals of the service show at the form."""

    def clean(self) -> dict[str, Any]:
        """What the service would refuse is refused here, in its words."""
        values = super().clean() or {}
        if not self.errors:
            for name, value in values.items():
                setattr(self.instance, name, value)
            try:
                services.setting_check(self.instance)
            except services.SettingError as error:
                raise ValidationError(str(error)) from error
        return values

    def validate_constraints(self) -> None:
        """By the service."""


class _SettingAdmin(ModelAdmin):
    form = SettingAdminForm
    autocomplete_fields: tuple[str, ...] = ("category", "supplier", "location")
    list_select_related: tuple[str, ...] = ("category", "supplier", "location")
    search_fields = ("name",)
    exclude = ("created_by",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        user = cast("User", request.user)
        if isinstance(obj, PolicyRule):
            services.rule_save(rule=obj, acting_user=user)
        else:
            services.budget_save(budget=obj, acting_user=user)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        user = cast("User", request.user)
        if isinstance(obj, PolicyRule):
            services.rule_delete(rule=obj, acting_user=user)
        else:
            services.budget_delete(budget=obj, acting_user=user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(PolicyRule)
class PolicyRuleAdmin(_SettingAdmin):
    list_display = (
        "name",
        "product",
        "category",
        "supplier",
        "location",
        "abc",
        "xyz",
        "policy",
        "target",
        "is_active",
    )
    list_filter = ("policy", "is_active", "abc", "xyz")
    autocomplete_fields = ("product", *_SettingAdmin.autocomplete_fields)
    list_select_related = ("product", *_SettingAdmin.list_select_related)


@admin.register(Budget)
class BudgetAdmin(_SettingAdmin):
    list_display = (
        "name",
        "first_day",
        "last_day",
        "amount",
        "category",
        "supplier",
        "location",
        "is_active",
    )
    list_filter = ("is_active",)


@admin.register(SettingEvent)
class SettingEventAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("at", "kind", "name", "action", "actor")
    list_filter = ("kind", "action")
    list_select_related = ("actor",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyMixin, ModelAdmin):
    """Who keeps which views; they are made and deleted at the workbench."""

    list_display = ("name", "owner", "is_shared", "query", "created_at")
    list_filter = ("is_shared",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    show_full_result_count = False
