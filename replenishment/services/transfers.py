"""Transfer orders: drafted from what a plan would move between locations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion
from replenishment.services.costs import lines_home_value, quantity_clean
from replenishment.services.orders import event_create, permission_require
from replenishment.services.suggestions import plan_latest_lock, plan_stale

_BATCH = 5_000


def transfers_draft(*, action_ids: Sequence[int], acting_user: User) -> list[PurchaseOrder]:
    """Draft transfer orders from a plan's open transfers: one per source, destination and currency.

    Transfers that are drafted or dismissed already are passed over, so that the same call twice, or at the
    same time from two places, moves nothing twice. Raises StaleError unless all are of the latest plan.
    """
    permission_require(acting_user, "add_purchaseorder")
    with transaction.atomic():
        plan = plan_latest_lock()
        chosen: list[PlanAction] = []
        ids = sorted(set(action_ids))
        for start in range(0, len(ids), _BATCH):
            for action in (
                PlanAction.objects.select_for_update(of=("self",))
                .select_related("product", "location", "other_location")
                .filter(pk__in=ids[start : start + _BATCH], kind=PlanAction.Kind.TRANSFER)
                .order_by("pk")
            ):
                if plan is None or action.plan_run_id != plan.pk:
                    raise plan_stale()
                if action.state == PlanAction.State.OPEN and action.quantity > 0:
                    chosen.append(action)
        if plan is None or not chosen:
            return []
        rows = _suggestions(plan, chosen)
        groups: dict[tuple[int, int, str], list[tuple[PlanAction, Decimal]]] = defaultdict(list)
        for action in chosen:
            cost, currency = _cost(action, rows)
            groups[action.location_id, action.other_location_id or 0, currency].append((action, cost))
        return [
            _draft_create(plan, source_id, destination_id, currency, group, rows, acting_user)
            for (source_id, destination_id, currency), group in groups.items()
        ]


def _suggestions(plan: PlanRun, actions: list[PlanAction]) -> dict[tuple[int, int], Suggestion]:
    """The plan's rows of these products, by product and location."""
    products = sorted({action.product_id for action in actions})
    found: dict[tuple[int, int], Suggestion] = {}
    for start in range(0, len(products), _BATCH):
        for row in Suggestion.objects.filter(plan_run=plan, product_id__in=products[start : start + _BATCH]):
            found[row.product_id, row.location_id] = row
    return found


def _cost(action: PlanAction, rows: dict[tuple[int, int], Suggestion]) -> tuple[Decimal, str]:
    """What a unit costs, where it lies or where it goes; 0 where nobody knows."""
    for place in (action.location_id, action.other_location_id or 0):
        row = rows.get((action.product_id, place))
        if row is not None and row.unit_cost is not None and row.currency:
            return row.unit_cost, row.currency
    return Decimal(0), action.location.currency


def _draft_create(
    plan: PlanRun,
    source_id: int,
    destination_id: int,
    currency: str,
    group: list[tuple[PlanAction, Decimal]],
    rows: dict[tuple[int, int], Suggestion],
    acting_user: User,
) -> PurchaseOrder:
    days = max(float(action.details.get("lead_time_days") or 0.0) for action, _unit_cost in group)
    order = PurchaseOrder(
        # Unique until the row has its key, which becomes the number.
        number=f"new-transfer-{group[0][0].pk}",
        kind=PurchaseOrder.Kind.TRANSFER,
        source_id=source_id,
        location_id=destination_id,
        currency=currency,
        plan_run=plan,
        expected_on=plan.as_of + timedelta(days=math.ceil(days)),
        created_by=acting_user,
    )
    order.save()
    lines = [
        PurchaseOrderLine(
            order=order,
            product_id=action.product_id,
            suggestion=rows.get((action.product_id, destination_id)),
            suggested_quantity=quantity_clean(action.quantity),
            quantity=quantity_clean(action.quantity),
            unit_cost=cost,
        )
        for action, cost in group
    ]
    PurchaseOrderLine.objects.bulk_create(lines, batch_size=_BATCH)
    now = timezone.now()
    for (action, _unit_cost), line in zip(group, lines, strict=True):
        action.order_line = line
        action.state = PlanAction.State.DONE
        action.decided_by, action.decided_at = acting_user, now
    PlanAction.objects.bulk_update(
        [action for action, _unit_cost in group],
        ["order_line", "state", "decided_by", "decided_at"],
        batch_size=500,
    )
    order.number = f"TO-{order.pk:06d}"
    order.home_value = lines_home_value(lines, currency=currency)
    order.save(update_fields=["number", "home_value"])
    data = {
        "plan_run": plan.pk,
        "lines": len(lines),
        "home_value": None if order.home_value is None else str(order.home_value),
    }
    event_create(order, "draft", "", acting_user, data=data)
    return order
