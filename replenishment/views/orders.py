"""Purchase orders: the list, one order, and the steps that people take with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalog import selectors as catalog
from replenishment import selectors, services
from replenishment.forms import DecisionForm, LineForm, OrderFilter, ReceiveForm
from replenishment.models import PurchaseOrder, PurchaseOrderLine
from replenishment.views.access import buyer_page, message_header, reader

PAGE_SIZE = 50
State = PurchaseOrder.State
_STEPS: dict[str, Callable[..., PurchaseOrder]] = {
    "submit": services.order_submit,
    "approve": services.order_approve,
    "return": services.order_return,
    "send": services.order_send,
    "close": services.order_close,
    "cancel": services.order_cancel,
}
# What is decided about what the approver has seen.
_DECISIONS = ("approve", "return")


@buyer_page("replenishment.view_purchaseorder")
def order_list(request: HttpRequest) -> HttpResponse:
    """All orders of a state, newest first, with their worth."""
    form = OrderFilter(request.GET)
    form.is_valid()
    state = form.cleaned_data.get("state") or "open"
    text = (form.cleaned_data.get("q") or "").strip()
    found = PurchaseOrder.objects.all()
    if text:
        found = found.filter(
            Q(number__icontains=text)
            | Q(supplier__name__icontains=text)
            | Q(supplier__code__icontains=text)
            | Q(source__code__icontains=text)
        )
    by_state = {
        row["state"]: row
        for row in found.order_by().values("state").annotate(n=Count("pk"), value=Sum("home_value"))
    }
    wanted = _states(state)
    page = Paginator(selectors.orders_priced(found.filter(state__in=wanted)), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    tabs = [
        OrderTab(
            key=str(key),
            label=str(label),
            count=sum(by_state[name]["n"] for name in _states(str(key)) if name in by_state),
        )
        for key, label in OrderFilter.base_fields["state"].choices  # type: ignore[attr-defined]
    ]
    return render(
        request,
        "replenishment/order_list.html",
        {
            "page": page,
            "tabs": tabs,
            "state": state,
            "q": text,
            "may_approve": selectors.may_approve(reader(request)),
            "total": sum((by_state[name]["value"] or 0 for name in wanted if name in by_state), Decimal(0)),
            "currencies": selectors.orders_worth(found.filter(state__in=wanted)),
        },
    )


@buyer_page("replenishment.view_purchaseorder")
def order_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One order: where it stands, its lines, what may be done with it, and what happened."""
    return render(request, "replenishment/order_detail.html", _detail(request, pk))


@require_POST
@buyer_page("replenishment.view_purchaseorder")
def order_act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Take a step with an order."""
    step = _STEPS.get(action)
    if step is None:
        raise Http404
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The comment is too long."))
        return redirect("replenishment:order-detail", pk)
    get_object_or_404(PurchaseOrder.objects.only("pk"), pk=pk)
    seen = {"seen_event": form.cleaned_data["seen"]} if action in _DECISIONS else {}
    try:
        order = step(order_id=pk, acting_user=reader(request), comment=form.cleaned_data["comment"], **seen)
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("%(number)s: %(state)s.") % {"number": order.number, "state": State(order.state).label},
        )
        if action in _DECISIONS and "queue" in request.POST:
            return redirect("replenishment:order-approval")
    return redirect("replenishment:order-detail", pk)


@require_POST
@buyer_page("replenishment.view_purchaseorder", "replenishment.receive_purchaseorder")
def order_receive(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what came in."""
    order = get_object_or_404(PurchaseOrder, pk=pk)
    form = ReceiveForm(request.POST, lines=list(order.lines.select_related("product")))
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
        return redirect("replenishment:order-detail", pk)
    try:
        order = services.order_receive(
            order_id=pk,
            received_on=form.cleaned_data["received_on"],
            quantities=form.quantities(),
            key=form.cleaned_data["key"],
            acting_user=reader(request),
        )
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("Received. %(number)s: %(state)s.")
            % {"number": order.number, "state": State(order.state).label},
        )
    return redirect("replenishment:order-detail", pk)


@require_POST
@buyer_page("replenishment.view_purchaseorder", "replenishment.change_purchaseorder")
def line_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a line's quantity in place; answers with the line and the order's totals."""
    line = get_object_or_404(PurchaseOrderLine, pk=pk)
    form = LineForm(request.POST)
    if not form.is_valid():
        return message_header(str(form.errors["quantity"][0]), status=422)
    before = PurchaseOrder.objects.values_list("state", flat=True).get(pk=line.order_id)
    try:
        services.order_line_set(
            line_id=pk, quantity=form.cleaned_data["quantity"], acting_user=reader(request)
        )
    except services.ReplenishmentError as error:
        return message_header(str(error), status=409)
    context = _detail(request, line.order_id)
    if context["order"].state != before:
        messages.info(request, _("The order is a draft again: it has to be submitted anew."))
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    context["line"] = next(row for row in context["lines"] if row.pk == pk)
    return render(request, "replenishment/partials/order_line_saved.html", context)


@require_POST
@buyer_page("replenishment.view_purchaseorder", "replenishment.change_purchaseorder")
def line_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a line off a draft."""
    line = get_object_or_404(PurchaseOrderLine.objects.select_related("product"), pk=pk)
    try:
        services.order_line_remove(line_id=pk, acting_user=reader(request))
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(sku)s was taken off the order.") % {"sku": line.product.sku})
    return redirect("replenishment:order-detail", line.order_id)


@buyer_page("replenishment.view_purchaseorder")
def order_print(request: HttpRequest, pk: int) -> HttpResponse:
    """An order on paper, in the reader's language: what the supplier has to know of it and no more."""
    order = get_object_or_404(
        PurchaseOrder.objects.select_related("supplier", "source", "location", "approved_by"), pk=pk
    )
    lines = order.lines.select_related("product", "suggestion__terms").order_by("product__sku")
    rows = [PrintedLine.of(line, order.currency) for line in lines]
    return render(
        request,
        "replenishment/order_print.html",
        {
            "order": order,
            "rows": rows,
            "value": sum((row.value for row in rows), Decimal(0)),
            "today": catalog.today(),
            "is_binding": order.state in {State.APPROVED, State.SENT, State.PART_RECEIVED, State.CLOSED},
        },
    )


@dataclass(frozen=True)
class PrintedLine:
    """A line in the supplier's units: `quantity` of `unit`, each of `size` stock units, at `unit_cost`."""

    line: PurchaseOrderLine
    unit: str
    size: Decimal
    quantity: Decimal
    unit_cost: Decimal

    @classmethod
    def of(cls, line: PurchaseOrderLine, currency: str) -> PrintedLine:
        """In purchase units where the quantity is a whole number of them, else in stock units."""
        terms = line.suggestion.terms if line.suggestion is not None else None
        if terms is not None and terms.currency == currency and not line.quantity % terms.unit_size:
            size = terms.unit_size
            return cls(line, terms.purchase_unit, size, line.quantity / size, line.unit_cost * size)
        return cls(line, "each", Decimal(1), line.quantity, line.unit_cost)

    @property
    def value(self) -> Decimal:
        """In the order's currency."""
        return self.line.value


@dataclass(frozen=True)
class OrderTab:
    """A choice of states, with how many orders are in them."""

    key: str
    label: str
    count: int


@dataclass(frozen=True)
class Step:
    """A state on the way of an order."""

    label: str
    is_done: bool
    is_here: bool
    is_off: bool = False


def _states(key: str) -> tuple[str, ...]:
    if key == "open":
        return tuple(PurchaseOrder.OPEN_STATES)
    return tuple(State.values) if key == "all" else (key,)


def _detail(request: HttpRequest, pk: int) -> dict[str, Any]:
    user = reader(request)
    order = get_object_or_404(
        PurchaseOrder.objects.select_related(
            "supplier",
            "source",
            "location",
            "created_by",
            "submitted_by",
            "approved_by",
            "split_from",
            "plan_run__forecast_run",
        ),
        pk=pk,
    )
    lines = list(order.lines.select_related("product", "suggestion__terms").order_by("product__sku"))
    actions = selectors.order_actions(order=order, user=user)
    limit = selectors.approval_limit(user) if "approve" in actions else None
    receive = None
    if "receive" in actions:
        receive = ReceiveForm(
            lines=lines,
            initial={"received_on": catalog.today(), "key": uuid.uuid4().hex},
            auto_id="receive-%s",
        )
    is_own = user.pk in {order.created_by_id, order.submitted_by_id}
    is_over_limit = limit is not None and order.home_value is not None and order.home_value > limit
    is_reviewed = "approve" in actions and "edit" not in request.GET
    return {
        "order": order,
        "lines": lines,
        "review": selectors.order_review(order) if is_reviewed else None,
        "split_into": list(order.split_into.order_by("pk")),
        "from_queue": "queue" in request.GET,
        "events": order.events.select_related("actor").order_by("-pk"),
        "steps": _steps(order),
        "actions": actions,
        "is_own": is_own,
        "may_decide": not is_own and not is_over_limit,
        "limit": limit,
        "is_over_limit": is_over_limit,
        "value": sum((line.value for line in lines), Decimal(0)),
        "outstanding": sum((line.outstanding * line.unit_cost for line in lines), Decimal(0)),
        "rules": selectors.order_rules(order=order, lines=lines),
        "can_edit": order.state in PurchaseOrder.EDITABLE_STATES
        and user.has_perm("replenishment.change_purchaseorder"),
        "receive": receive,
        "is_foreign": order.currency != settings.FORESTOCK_HOME_CURRENCY,
    }


def _steps(order: PurchaseOrder) -> list[Step]:
    """The straight way from draft to closed; a cancelled order stands off it."""
    way = [State.DRAFT, State.SUBMITTED, State.APPROVED, State.SENT, State.PART_RECEIVED, State.CLOSED]
    if order.state == State.CANCELLED:
        return [
            Step(str(State.DRAFT.label), is_done=True, is_here=False),
            Step(str(State.CANCELLED.label), is_done=False, is_here=True, is_off=True),
        ]
    here = way.index(State(order.state))
    is_closed = order.state == State.CLOSED
    return [
        Step(str(state.label), is_done=index < here or is_closed, is_here=index == here)
        for index, state in enumerate(way)
    ]
