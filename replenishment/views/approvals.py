"""The approver's pages: the queue, many orders at once, and a part of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from replenishment import selectors, services
from replenishment.forms import DecisionForm
from replenishment.models import PurchaseOrder
from replenishment.views.access import buyer_page, reader

PAGE_SIZE = 10
_LONGEST_KEY = 18


@require_GET
@buyer_page("replenishment.view_purchaseorder", "replenishment.approve_purchaseorder")
def approval_queue(request: HttpRequest) -> HttpResponse:
    """Orders that wait for approval: those that this person may approve first, own ones last."""
    user = reader(request)
    if not selectors.may_approve(user):
        raise PermissionDenied(
            _("Who approves orders has to be staff: an administrator can mark your account so.")
        )
    page = Paginator(selectors.orders_waiting(user), PAGE_SIZE).get_page(request.GET.get("page"))
    lanes: dict[int, list[selectors.OrderBrief]] = {
        lane: [] for lane in (selectors.READY, selectors.ABOVE, selectors.OWN)
    }
    orders: list[Any] = list(page.object_list)
    for order, brief in zip(orders, selectors.orders_brief(orders), strict=True):
        lanes[order.lane].append(brief)
    return render(
        request,
        "replenishment/order_approval.html",
        {
            "page": page,
            "ready": lanes[selectors.READY],
            "above": lanes[selectors.ABOVE],
            "own": lanes[selectors.OWN],
            "limit": selectors.approval_limit(user),
        },
    )


@require_POST
@buyer_page("replenishment.view_purchaseorder", "replenishment.approve_purchaseorder")
def approval_bulk(request: HttpRequest) -> HttpResponse:
    """Approve the ticked orders, and say of each what became of it."""
    form = DecisionForm(request.POST)
    ids = [int(text) for text in request.POST.getlist("order") if _is_key(text)]
    if not form.is_valid():
        messages.error(request, _("The comment is too long."))
        return redirect("replenishment:order-approval")
    if not ids:
        messages.info(request, _("Tick the orders to approve first."))
        return redirect("replenishment:order-approval")
    seen = {pk: int(text) for pk in ids if _is_key(text := request.POST.get(f"seen-{pk}", ""))}
    try:
        results = services.orders_approve(
            order_ids=ids,
            acting_user=reader(request),
            comment=form.cleaned_data["comment"],
            seen_events=seen,
        )
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
        return redirect("replenishment:order-approval")
    approved = [result.number for result in results if not result.error]
    if approved:
        messages.success(
            request,
            ngettext(
                "%(count)d order approved: %(numbers)s.",
                "%(count)d orders approved: %(numbers)s.",
                len(approved),
            )
            % {"count": len(approved), "numbers": ", ".join(approved)},
        )
    for result in results:
        if result.error:
            messages.error(
                request,
                _("%(number)s was not approved: %(reason)s")
                % {"number": result.number, "reason": result.error},
            )
    return redirect("replenishment:order-approval")


@require_POST
@buyer_page("replenishment.view_purchaseorder", "replenishment.approve_purchaseorder")
def approval_part(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the ticked lines; the others go back to the buyer."""
    get_object_or_404(PurchaseOrder.objects.only("pk"), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The comment is too long."))
        return redirect("replenishment:order-detail", pk)
    try:
        order, rest = services.order_approve_part(
            order_id=pk,
            line_ids=[int(text) for text in request.POST.getlist("line") if _is_key(text)],
            acting_user=reader(request),
            comment=form.cleaned_data["comment"],
            seen_event=form.cleaned_data["seen"],
        )
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
        return redirect("replenishment:order-detail", pk)
    if rest is None:
        text = _("%(number)s: %(state)s.") % {
            "number": order.number,
            "state": PurchaseOrder.State(order.state).label,
        }
    else:
        text = _("%(number)s: approved in part. The rest went back as %(rest)s.") % {
            "number": order.number,
            "rest": rest.number,
        }
    messages.success(request, text)
    if "queue" in request.POST:
        return redirect("replenishment:order-approval")
    return redirect("replenishment:order-detail", pk)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_KEY
