"""Transfers that a plan proposes, made into draft orders."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from replenishment import services
from replenishment.views.access import buyer_page, reader


@require_POST
@buyer_page("replenishment.view_planaction", "replenishment.add_purchaseorder")
def transfer_drafts(request: HttpRequest) -> HttpResponse:
    """Make draft transfer orders of the ticked transfers."""
    back = f"{reverse('replenishment:workbench')}?state=transfers"
    ticked = request.POST.getlist("transfer")
    # 18 digits: any key, and nothing that a database can't take.
    ids = [int(text) for text in ticked if text.isdecimal() and len(text) <= 18]
    if not ids:
        messages.info(request, _("Nothing was ticked."))
        return redirect(back)
    try:
        orders = services.transfers_draft(action_ids=ids, acting_user=reader(request))
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
        return redirect(back)
    if not orders:
        messages.info(request, _("These were in orders already: nothing new to draft."))
        return redirect(back)
    messages.success(
        request,
        ngettext("%(n)d draft made: %(numbers)s", "%(n)d drafts made: %(numbers)s", len(orders))
        % {"n": len(orders), "numbers": ", ".join(order.number for order in orders[:8])},
    )
    if len(orders) == 1:
        return redirect("replenishment:order-detail", orders[0].pk)
    return redirect(f"{reverse('replenishment:order-list')}?state=draft")
