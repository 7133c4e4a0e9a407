"""Purchase orders and approval limits in the admin. Every step goes through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action as unfold_action
from unfold.forms import ActionForm, BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from replenishment import services
from replenishment.admin.read_only import ReadOnlyMixin
from replenishment.models import (
    ApprovalLimit,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
)

Step = Callable[..., PurchaseOrder]
Handler = TypeVar("Handler", bound=Callable[..., HttpResponse])


@admin.register(ApprovalLimit)
class ApprovalLimitAdmin(ModelAdmin):
    list_display = ("user", "amount")
    search_fields = ("user__username",)
    list_select_related = ("user",)
    autocomplete_fields = ("user",)

    def has_change_permission(self, request: HttpRequest, obj: ApprovalLimit | None = None) -> bool:
        is_own = obj is not None and obj.user_id == request.user.pk
        return bool(super().has_change_permission(request, obj)) and (not is_own or request.user.is_superuser)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user" and not request.user.is_superuser:
            # Nobody sets their own limit.
            options["queryset"] = User.objects.exclude(pk=request.user.pk or 0)
        return super().formfield_for_foreignkey(db_field, request, **options)


class LineInline(TabularInline):
    """Quantities may be changed, and lines taken off, while the order's state lets them: by the services."""

    model = PurchaseOrderLine
    extra = 0
    fields = ("product", "article_number", "suggested_quantity", "quantity", "received", "unit_cost")
    readonly_fields = ("product", "article_number", "suggested_quantity", "received", "unit_cost")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("product")
        return rows

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.view_purchaseorderline"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.state in PurchaseOrder.EDITABLE_STATES
        return editable and request.user.has_perm("replenishment.change_purchaseorder")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class EventInline(ReadOnlyMixin, TabularInline):
    model = PurchaseOrderEvent
    extra = 0
    fields = ("at", "action", "from_state", "to_state", "actor", "comment", "data")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("actor")
        return rows


class OrderActionForm(ActionForm):
    """What the steps may say in the order's history."""

    comment = forms.CharField(
        label="",
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": gettext_lazy("Comment")}),
    )


class CommentForm(BaseDialogForm):
    """A comment for the order's history."""

    comment = forms.CharField(
        label=gettext_lazy("Comment"), max_length=2000, required=False, widget=UnfoldAdminTextareaWidget()
    )


def step_action(title: Any, permission: str) -> Callable[[Handler], Handler]:
    """A button on an order's page that asks for a comment first; the step itself is a POST."""
    dialog = {"title": title, "description": "", "form_class": CommentForm, "form_submit_text": title}
    return cast(
        "Callable[[Handler], Handler]",
        unfold_action(description=title, permissions=[permission], dialog=dialog),
    )


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(ModelAdmin):
    """Orders: lines can be changed while the state lets them; the state itself only by the steps."""

    list_display = (
        "number",
        "kind",
        "supplier",
        "source",
        "location",
        "state",
        "home_value",
        "currency",
        "expected_on",
        "created_by",
        "submitted_by",
        "approved_by",
        "created_at",
    )
    list_filter = (
        "state",
        "kind",
        ("supplier", AutocompleteSelectFilter),
        ("location", AutocompleteSelectFilter),
        "created_at",
    )
    list_filter_submit = True
    search_fields = ("number", "supplier__code", "supplier__name", "source__code")
    list_select_related = ("supplier", "source", "location", "created_by", "submitted_by", "approved_by")
    show_full_result_count = False
    inlines = (LineInline, EventInline)
    fields = readonly_fields = (
        "number",
        "kind",
        "state",
        "supplier",
        "source",
        "location",
        "currency",
        "home_value",
        "expected_on",
        "plan_run",
        "created_by",
        "submitted_by",
        "approved_by",
        "created_at",
        "updated_at",
    )
    action_form = OrderActionForm
    actions = ("submit", "approve", "return_to_draft", "send", "cancel")
    actions_detail = ("submit_one", "approve_one", "return_one", "send_one", "cancel_one")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_submit_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.submit_purchaseorder"))

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.approve_purchaseorder"))

    def has_send_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.send_purchaseorder"))

    def has_cancel_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("replenishment.cancel_purchaseorder"))

    @admin.action(description=gettext_lazy("Submit"), permissions=["submit"])
    def submit(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder]) -> None:
        self._steps(request, queryset, services.order_submit)

    @admin.action(description=gettext_lazy("Approve"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder]) -> None:
        self._steps(request, queryset, services.order_approve)

    @admin.action(description=gettext_lazy("Return to draft"), permissions=["approve"])
    def return_to_draft(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder]) -> None:
        self._steps(request, queryset, services.order_return)

    @admin.action(description=gettext_lazy("Send"), permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder]) -> None:
        self._steps(request, queryset, services.order_send)

    @admin.action(description=gettext_lazy("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder]) -> None:
        self._steps(request, queryset, services.order_cancel)

    @step_action(gettext_lazy("Submit"), "submit")
    def submit_one(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        return self._one(request, form, object_id, services.order_submit)

    @step_action(gettext_lazy("Approve"), "approve")
    def approve_one(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        return self._one(request, form, object_id, services.order_approve)

    @step_action(gettext_lazy("Return to draft"), "approve")
    def return_one(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        return self._one(request, form, object_id, services.order_return)

    @step_action(gettext_lazy("Send"), "send")
    def send_one(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        return self._one(request, form, object_id, services.order_send)

    @step_action(gettext_lazy("Cancel"), "cancel")
    def cancel_one(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        return self._one(request, form, object_id, services.order_cancel)

    def save_model(
        self, request: HttpRequest, obj: PurchaseOrder, form: ModelForm[Any], change: bool
    ) -> None:
        """The order itself has nothing to save: its state changes by steps alone."""

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[Any],
        formset: BaseModelFormSet[Any, Any],
        change: bool,
    ) -> None:
        formset.save(commit=False)
        try:
            for line in formset.deleted_objects:
                services.order_line_remove(line_id=line.pk, acting_user=request.user)  # type: ignore[arg-type]
            for line, _names in formset.changed_objects:
                services.order_line_set(
                    line_id=line.pk,
                    quantity=line.quantity,
                    acting_user=request.user,  # type: ignore[arg-type]
                )
        except services.OrderError as error:
            messages.error(request, str(error))

    def _steps(self, request: HttpRequest, queryset: QuerySet[PurchaseOrder], step: Step) -> None:
        comment = request.POST.get("comment", "")[:2000]
        for pk, number in list(queryset.order_by("pk").values_list("pk", "number")):
            self._step(request, pk, number, step, comment)

    def _one(self, request: HttpRequest, form: CommentForm, object_id: str, step: Step) -> HttpResponse:
        order = PurchaseOrder.objects.only("number").get(pk=int(object_id))
        self._step(request, order.pk, order.number, step, form.cleaned_data["comment"])
        url = reverse("admin:replenishment_purchaseorder_change", args=[order.pk])
        return HttpResponseClientRedirect(url) if request.headers.get("HX-Request") else redirect(url)

    def _step(self, request: HttpRequest, pk: int, number: str, step: Step, comment: str) -> None:
        try:
            order = step(order_id=pk, acting_user=request.user, comment=comment)
        except (services.ReplenishmentError, PermissionDenied) as error:
            messages.error(request, f"{number}: {error}")
        else:
            messages.success(request, f"{number}: {order.get_state_display()}")
