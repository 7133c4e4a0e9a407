"""Forecast runs in the admin: looked at, and started."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from forecasting import services, tasks
from forecasting.models import (
    AccuracySnapshot,
    CategorySuggestion,
    ForecastAlarm,
    ForecastOverride,
    ForecastRun,
    OverrideScore,
    ProductVector,
    ProductVoice,
    ReviewReading,
    SignalTrial,
    SignalVerdict,
)


class ReadOnlyMixin:
    """What the admin shows and never writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SnapshotInline(ReadOnlyMixin, TabularInline):
    model = AccuracySnapshot
    extra = 0
    fields = ("segment", "model", "is_champion", "series", "scores")


@admin.register(ForecastRun)
class ForecastRunAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "id",
        "as_of",
        "kind",
        "state",
        "progress",
        "series",
        "created_by",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "kind", "created_at")
    list_select_related = ("created_by",)
    show_full_result_count = False
    inlines = (SnapshotInline,)
    actions_list = ("run_start",)

    def has_start_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("forecasting.add_forecastrun"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Start a new run"),
        permissions=["start"],
        dialog={
            "title": gettext_lazy("Start a new run"),
            "description": gettext_lazy("All product-locations are forecast from what is known now."),
            "form_class": BaseDialogForm,
            "form_submit_text": gettext_lazy("Start"),
        },
    )
    def run_start(self, request: HttpRequest, form: BaseDialogForm) -> HttpResponse:
        try:
            run = services.run_create(acting_user=request.user)  # type: ignore[arg-type]  # people who may
        except services.ForecastError as error:
            messages.error(request, str(error))
        else:
            # A broker that is away loses nothing: a queued run is dispatched again.
            transaction.on_commit(lambda: tasks.run_execute_task.delay(run.pk), robust=True)
            messages.success(request, _("%s is queued.") % run)
        url = reverse("admin:forecasting_forecastrun_changelist")
        if request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(url)
        return redirect(url)


@admin.register(ForecastAlarm)
class ForecastAlarmAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "id",
        "kind",
        "frequency",
        "steps",
        "segment",
        "product",
        "location",
        "value",
        "limit",
        "effect",
        "opened_by",
        "closed_at",
    )
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("product", "location", "opened_by")
    search_fields = ("product__sku", "segment")
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may look at forecast runs may see what became of them."""
        return bool(request.user.has_perm("forecasting.view_forecastrun"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class ScoreInline(ReadOnlyMixin, TabularInline):
    model = OverrideScore
    extra = 0
    fields = ("as_of", "periods", "actual", "model_error", "override_error")


@admin.register(ForecastOverride)
class ForecastOverrideAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = (
        "id",
        "kind",
        "value",
        "product",
        "category",
        "location",
        "first_day",
        "last_day",
        "expires_on",
        "reason",
        "created_by",
        "withdrawn_at",
    )
    list_filter = ("kind", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("product", "category", "location", "created_by")
    search_fields = ("product__sku", "category__name", "reason")
    show_full_result_count = False
    inlines = (ScoreInline,)


@admin.register(CategorySuggestion)
class CategorySuggestionAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("product", "category", "probability", "contradicts", "basis", "state", "decided_by")
    list_filter = ("state", "contradicts", "basis")
    list_select_related = ("product", "category", "decided_by")
    search_fields = ("product__search_text",)
    show_full_result_count = False


@admin.register(ProductVector)
class ProductVectorAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("product", "kind", "model_id", "content_sha")
    list_filter = ("kind",)
    list_select_related = ("product",)
    search_fields = ("product__search_text",)
    exclude = ("vector",)
    show_full_result_count = False


@admin.register(ProductVoice)
class ProductVoiceAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("product", "as_of", "praise", "changed_on", "reviews", "left_out")
    list_select_related = ("product",)
    search_fields = ("product__sku",)
    show_full_result_count = False

    @admin.display(description=ProductVoice._meta.get_field("level").verbose_name, ordering="level")
    def praise(self, voice: ProductVoice) -> str:
        """The share of praise and its interval."""
        if voice.level is None or voice.low is None or voice.high is None:
            return "–"
        return f"{voice.level:.0%} ({voice.low:.0%} – {voice.high:.0%})"


@admin.register(ReviewReading)
class ReviewReadingAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("review", "p_positive", "language", "left_out", "model_id")
    list_filter = ("left_out",)
    list_select_related = ("review",)
    search_fields = ("review__number",)
    show_full_result_count = False


class VerdictInline(ReadOnlyMixin, TabularInline):
    model = SignalVerdict
    extra = 0
    fields = ("signal", "wape_without", "wape_with", "difference", "low", "high", "p_value", "used")


@admin.register(SignalTrial)
class SignalTrialAdmin(ReadOnlyMixin, ModelAdmin):
    list_display = ("id", "as_of", "state", "progress", "created_by", "created_at", "finished_at")
    list_filter = ("state", "created_at")
    list_select_related = ("created_by",)
    show_full_result_count = False
    inlines = (VerdictInline,)
    actions_list = ("trial_start",)

    def has_start_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("forecasting.add_signaltrial"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Try the signals now"),
        permissions=["start"],
        dialog={
            "title": gettext_lazy("Try the signals now"),
            "description": gettext_lazy("The past is forecast with and without each signal."),
            "form_class": BaseDialogForm,
            "form_submit_text": gettext_lazy("Start"),
        },
    )
    def trial_start(self, request: HttpRequest, form: BaseDialogForm) -> HttpResponse:
        try:
            trial = services.trial_create(acting_user=request.user)  # type: ignore[arg-type]  # people who may
        except services.ForecastError as error:
            messages.error(request, str(error))
        else:
            transaction.on_commit(lambda: tasks.trial_execute_task.delay(trial.pk), robust=True)
            messages.success(request, _("%s is queued.") % trial)
        url = reverse("admin:forecasting_signaltrial_changelist")
        if request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(url)
        return redirect(url)
