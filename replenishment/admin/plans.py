"""Plans, their suggestions and actions, replays and scores in the admin. Drafting is the services' own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.paginator import InfinitePaginator

from replenishment import services
from replenishment.admin.read_only import ReadOnlyMixin
from replenishment.models import (
    BulkAct,
    EditScore,
    PlanAction,
    PlanRun,
    ReplayPolicy,
    ReplayRun,
    Suggestion,
)


@admin.register(PlanRun)
class PlanRunAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "id",
        "as_of",
        "forecast_run",
        "state",
        "suggestions_count",
        "exceptions_count",
        "created_by",
        "created_at",
    )
    list_filter = ("state", "created_at")
    list_select_related = ("forecast_run", "created_by")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanRun]:
        """Without the reports, which a list does not show."""
        plans: QuerySet[PlanRun] = super().get_queryset(request)
        return plans.defer("report", "forecast_run__report")


class ReplayPolicyInline(ReadOnlyMixin, TabularInline):
    model = ReplayPolicy
    extra = 0
    fields = (
        "policy",
        "compared",
        "fill_rate",
        "average_stock_value",
        "orders",
        "order_cost",
        "lost_margin",
        "total_cost",
    )


@admin.register(BulkAct)
class BulkActAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("id", "kind", "plan_run", "rows_count", "state", "created_by", "created_at")
    list_filter = ("kind", "state", "created_at")
    list_select_related = ("plan_run", "created_by")
    show_full_result_count = False


@admin.register(ReplayRun)
class ReplayRunAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "id",
        "first_day",
        "last_day",
        "state",
        "items_count",
        "skipped_count",
        "created_by",
        "created_at",
    )
    list_filter = ("state", "created_at")
    list_select_related = ("created_by",)
    show_full_result_count = False
    inlines = (ReplayPolicyInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("items_table", "course_table")
        return rows


@admin.register(EditScore)
class EditScoreAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("suggestion", "first_day", "last_day", "quantity", "demand", "saved", "scored_at")
    list_filter = ("last_day",)
    list_select_related = ("suggestion",)
    raw_id_fields = ("suggestion",)
    show_full_result_count = False


@admin.register(Suggestion)
class SuggestionAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "product",
        "location",
        "supplier",
        "state",
        "net_need",
        "order_quantity",
        "edited_quantity",
        "home_value",
        "margin_at_risk",
        "order_by",
        "plan_run",
    )
    list_filter = ("state", ("supplier", AutocompleteSelectFilter), ("location", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("product__search_text",)
    list_select_related = ("product", "location", "supplier", "plan_run")
    # Hundreds of thousands of rows: along the key, and never counted.
    ordering = ("-pk",)
    paginator = InfinitePaginator
    list_per_page = 50
    show_full_result_count = False
    actions = ("drafts_make",)

    def has_draft_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.add_purchaseorder"))

    @admin.action(description=gettext_lazy("Make draft orders"), permissions=["draft"])
    def drafts_make(self, request: HttpRequest, queryset: QuerySet[Suggestion]) -> None:
        try:
            orders = services.drafts_create(
                suggestion_ids=list(queryset.order_by().values_list("pk", flat=True)),
                acting_user=request.user,  # type: ignore[arg-type]  # people who may
            )
        except services.ReplenishmentError as error:
            messages.error(request, str(error))
            return
        if not orders:
            messages.warning(
                request, _("Nothing to order: they are in orders already, rejected, or of 0 units.")
            )
            return
        numbers = ", ".join(order.number for order in orders)
        text = ngettext("%(count)d draft: %(numbers)s", "%(count)d drafts: %(numbers)s", len(orders))
        messages.success(request, text % {"count": len(orders), "numbers": numbers})


@admin.register(PlanAction)
class PlanActionAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "product",
        "location",
        "kind",
        "quantity",
        "saving",
        "cost",
        "act_by",
        "state",
        "decided_by",
        "plan_run",
    )
    list_filter = ("kind", "state", ("location", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("product__search_text",)
    list_select_related = ("product", "location", "plan_run", "decided_by")
    ordering = ("-pk",)
    paginator = InfinitePaginator
    list_per_page = 50
    show_full_result_count = False
