"""Turning suggestions into draft orders: few or many, all of them or none."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import (
    PlanRun,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Suggestion,
)
from replenishment.services.bulk_acts import Passed
from replenishment.services.bulk_chosen import Seen, stand_of
from replenishment.services.bulk_progress import Report, silent, told
from replenishment.services.costs import home_rate, lines_value_at, quantity_clean, unit_cost_at
from replenishment.services.errors import SuggestionError
from replenishment.services.orders import order_submit, permission_require
from replenishment.services.plan_sums import sums_refresh
from replenishment.services.suggestion_changes import batches
from replenishment.services.suggestions import is_buyable, plan_latest_lock, plan_stale

_BATCH = 5_000
# Shares of the whole at which the orders are drafted, the rows marked, the drafts handed in.
_READ, _DRAFTED, _MARKED, _SUBMITTED = 0.25, 0.5, 0.6, 0.95
# What a line is made of.
_READS = (
    *("plan_run", "state", "order_quantity", "edited_quantity", "supplier", "location", "currency"),
    *("lead_time_days", "unit_cost", "product", "product__sku", "terms", "terms__unit_cost"),
    *("terms__currency", "terms__article_number", "terms__price_breaks", "terms__price_break_kind"),
)
State = Suggestion.State


@dataclass
class Drafted:
    """The orders made, how many suggestions are in them, and how many were passed over by reason."""

    orders: list[PurchaseOrder] = field(default_factory=list)
    lines: int = 0
    passed: Counter[Passed] = field(default_factory=Counter)


def drafts_create(*, suggestion_ids: Sequence[int], acting_user: User) -> list[PurchaseOrder]:
    """Draft orders from open suggestions: one per supplier, delivery location and currency.

    Suggestions that are drafted or rejected already, and those of 0 units, are passed over; so the same call
    twice, or at the same time from two places, orders nothing twice. Raises StaleError unless all are of the
    latest plan, SuggestionError where a product has nobody to buy from.
    """
    return drafts_make(suggestion_ids=suggestion_ids, acting_user=acting_user).orders


def drafts_submit(*, suggestion_ids: Sequence[int], acting_user: User) -> list[PurchaseOrder]:
    """`drafts_create`, and all of the drafts handed to the approvers, in one transaction."""
    return drafts_make(suggestion_ids=suggestion_ids, acting_user=acting_user, submits=True).orders


def drafts_make(
    *,
    suggestion_ids: Sequence[int],
    acting_user: User,
    submits: bool = False,
    seen: Seen | None = None,
    report: Report = silent,
) -> Drafted:
    """`drafts_create` or `drafts_submit`, told in numbers.

    `seen` is how the suggestions stood when it was asked: what has changed since is left alone.
    """
    permission_require(acting_user, "add_purchaseorder")
    if submits:
        permission_require(acting_user, "submit_purchaseorder")
    found = Drafted()
    with transaction.atomic():
        plan = plan_latest_lock()
        ids = sorted(set(suggestion_ids))
        groups: dict[tuple[int, int, str], list[Suggestion]] = defaultdict(list)
        for row in told(_locked(ids), len(ids), report, "read", 0.0, _READ):
            if plan is None or row.plan_run_id != plan.pk:
                raise plan_stale()
            if why := _passed(row, seen):
                found.passed[why] += 1
                continue
            if row.supplier_id is None or not is_buyable(row):
                raise SuggestionError(
                    _("No supplier has terms for %(sku)s here: add them first.") % {"sku": row.product.sku}
                )
            groups[row.supplier_id, row.location_id, row.currency].append(row)
        if plan is None or not groups:
            return found
        report("draft", _READ)
        found.orders = _drafts_store(plan, groups, acting_user)
        report("mark", _DRAFTED)
        drafted = [row.pk for group in groups.values() for row in group]
        found.lines = len(drafted)
        for some in batches(drafted):
            Suggestion.objects.filter(pk__in=some).update(state=State.DRAFTED)
        if submits:
            count = len(found.orders)
            orders = told(found.orders, count, report, "submit", _MARKED, _SUBMITTED)
            found.orders = [order_submit(order_id=order.pk, acting_user=acting_user) for order in orders]
        report("sums", _SUBMITTED)
        sums_refresh(plan, {supplier for supplier, _place, _currency in groups})
    return found


def _locked(ids: Sequence[int]) -> Iterator[Suggestion]:
    rows = Suggestion.objects.select_for_update(of=("self",)).select_related("product", "terms")
    for some in batches(ids):
        yield from rows.filter(pk__in=some).order_by("pk").only(*_READS)


def _passed(row: Suggestion, seen: Seen | None) -> Passed | None:
    """Why it is not drafted; None where it is."""
    if seen is not None and seen.get(row.pk) != stand_of(row):
        return Passed.CHANGED
    if row.state != State.OPEN:
        return Passed(row.state)
    return None if row.final_quantity > 0 else Passed.NOTHING


def _drafts_store(
    plan: PlanRun, groups: dict[tuple[int, int, str], list[Suggestion]], acting_user: User
) -> list[PurchaseOrder]:
    """The orders with their lines and first events, written by thousands."""
    rates = {currency: home_rate(currency) for currency in {currency for _who, _place, currency in groups}}
    orders = PurchaseOrder.objects.bulk_create(
        (
            PurchaseOrder(
                # Unique until the row has its key, which becomes the number.
                number=f"new-{group[0].pk}",
                supplier_id=supplier_id,
                location_id=location_id,
                currency=currency,
                plan_run=plan,
                expected_on=plan.as_of
                + timedelta(days=math.ceil(max(row.lead_time_days or 0.0 for row in group))),
                created_by=acting_user,
            )
            for (supplier_id, location_id, currency), group in groups.items()
        ),
        batch_size=_BATCH,
    )
    lines: list[PurchaseOrderLine] = []
    events = []
    for order, group in zip(orders, groups.values(), strict=True):
        own = [_line(order, row) for row in group]
        lines += own
        order.number = f"PO-{order.pk:06d}"
        order.home_value = lines_value_at(own, rate=rates[order.currency])
        data = {"plan_run": plan.pk, "lines": len(own), "home_value": _text(order.home_value)}
        events.append(
            PurchaseOrderEvent(
                order=order, action="draft", from_state="", to_state=order.state, actor=acting_user, data=data
            )
        )
    PurchaseOrderLine.objects.bulk_create(lines, batch_size=_BATCH)
    PurchaseOrder.objects.bulk_update(orders, ["number", "home_value"], batch_size=_BATCH)
    PurchaseOrderEvent.objects.bulk_create(events, batch_size=_BATCH)
    return orders


def _line(order: PurchaseOrder, suggestion: Suggestion) -> PurchaseOrderLine:
    quantity = quantity_clean(suggestion.final_quantity)
    terms = suggestion.terms
    cost = suggestion.unit_cost or Decimal(0)
    # Terms that changed their currency since the plan don't price an order in the old one.
    is_priced = terms is not None and terms.currency == order.currency
    if terms is not None and is_priced and suggestion.edited_quantity is not None:
        cost = unit_cost_at(terms=terms, quantity=quantity)
    return PurchaseOrderLine(
        order=order,
        product_id=suggestion.product_id,
        suggestion=suggestion,
        article_number=terms.article_number if terms is not None else "",
        suggested_quantity=Decimal(str(round(suggestion.order_quantity, 3))),
        quantity=quantity,
        unit_cost=cost,
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
