"""Orders of the shop of `benchmarks.pages_speed_data`: of older plans, and those that the latest led to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import F, Model
from django.utils import timezone

from benchmarks.plan_stored import AS_OF
from catalog.models import Product
from replenishment.models import (
    EditScore,
    PlanAction,
    PlanRun,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
    Suggestion,
)
from replenishment.services.plan_sums import sums_store

State = PurchaseOrder.State
LONG_ORDER = 500


def insert(model: type[Model], rows: Iterable[Any]) -> list[Any]:
    return model._base_manager.bulk_create(list(rows), batch_size=2000)


def _ordered(rows: list[tuple[Any, ...]], states: Sequence[str], people: list[User], name: str) -> None:
    """Orders of suggestions (id, product, location, supplier, quantity, cost), one for supplier and place."""
    _boss, approver, *buyers = people
    parts: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for row in rows:
        parts.setdefault((row[3], row[2]), []).append(row)
    orders = [
        PurchaseOrder(
            number=f"{name}-{number:05d}",
            supplier_id=supplier,
            location_id=location,
            currency="USD",
            state=states[number % len(states)],
            home_value=Decimal(round(sum(row[4] * float(row[5]) for row in part), 2)),
            expected_on=AS_OF + timedelta(days=number % 60 - 30),
            created_by=buyers[number % len(buyers)] if number % 7 else people[0],
            approved_by=approver
            if states[number % len(states)] not in {State.DRAFT, State.SUBMITTED}
            else None,
        )
        for number, ((supplier, location), part) in enumerate(parts.items())
    ]
    orders = insert(PurchaseOrder, orders)
    came: dict[str, float] = {State.PART_RECEIVED: 0.5, State.CLOSED: 1.0}
    lines = insert(
        PurchaseOrderLine,
        (
            PurchaseOrderLine(
                order=order,
                product_id=row[1],
                suggestion_id=row[0],
                suggested_quantity=Decimal(round(row[4], 3)),
                quantity=Decimal(round(row[4], 3)),
                received=Decimal(round(row[4] * came.get(order.state, 0.0), 3)),
                unit_cost=row[5],
            )
            for order, part in zip(orders, parts.values(), strict=True)
            for row in part
        ),
    )
    insert(
        PurchaseOrderEvent,
        (
            PurchaseOrderEvent(order=order, action=action, to_state=order.state, actor=order.created_by)
            for order in orders
            for action in ("draft", "submit", "approve")
        ),
    )
    insert(
        Receipt,
        (
            Receipt(line=line, key="once", quantity=line.received, received_on=AS_OF, received_by=people[0])
            for line in lines
            if line.received > 0
        ),
    )


def to_order(plan: PlanRun, *order: Any) -> list[tuple[Any, ...]]:
    names = ("pk", "product_id", "location_id", "supplier_id", "order_quantity", "unit_cost")
    found = Suggestion.objects.filter(plan_run=plan, order_quantity__gt=0, supplier__isnull=False)
    return list(found.order_by(*(order or ("supplier_id", "location_id", "pk"))).values_list(*names))


def orders_of_old_plans(people: list[User]) -> None:
    """Of the plan before: orders of all states; edits of the first plan, most of them scored."""
    _newest, before = PlanRun.objects.order_by("-pk")[:2]
    rows = to_order(before)
    states = [State.CLOSED] * 6 + [State.SENT, State.PART_RECEIVED, State.CANCELLED]
    _ordered(rows, states, people, "OLD")
    first = PlanRun.objects.earliest("pk")
    edited = list(Suggestion.objects.filter(plan_run=first, order_quantity__gt=0).order_by("pk")[:6000])
    for number, row in enumerate(edited):
        row.edited_by = people[number % len(people)]
        row.edited_at = timezone.now() - timedelta(days=1)
        row.edit_reason = ["", "A fair", "Too much", "Supplier is late"][number % 4]
        row.edited_quantity = row.order_quantity + 3
        row.state = Suggestion.State.DRAFTED
    Suggestion.objects.bulk_update(
        edited, ["edited_by", "edited_at", "edit_reason", "edited_quantity", "state"], batch_size=2000
    )
    insert(
        EditScore,
        (
            EditScore(
                suggestion=row,
                quantity=row.edited_quantity or 0.0,
                first_day=AS_OF - timedelta(days=7),
                last_day=AS_OF - timedelta(days=number % 200),
                demand=10,
                system_holding=3,
                system_ordering=0,
                system_lost_margin=1,
                edited_holding=2,
                edited_ordering=0,
                edited_lost_margin=1,
                saved=(number % 11) - 5.0,
            )
            for number, row in enumerate(edited[:5000])
        ),
    )


def plan_worked_on(plan: PlanRun, people: list[User], wanted: int) -> None:
    """Whole orders drafted and single lines rejected until so many suggestions are open; 2,000 edited."""
    rows = to_order(plan)
    places = np.unique([row[2] for row in rows])
    keep = len(rows) - wanted
    rejected = rows[-min(max(keep, 0), 3000) :] if keep > 0 else []
    drafted = rows[: max(keep - len(rejected), 0)]
    states = [State.DRAFT, State.SUBMITTED, State.APPROVED, State.SENT]
    _ordered(drafted, states, people, "NEW")
    Suggestion.objects.filter(pk__in=[row[0] for row in drafted]).update(state=Suggestion.State.DRAFTED)
    Suggestion.objects.filter(pk__in=[row[0] for row in rejected]).update(
        state=Suggestion.State.REJECTED, edited_by=people[0], edited_at=timezone.now(), edit_reason="Too much"
    )
    edited = [row[0] for row in rows[len(drafted) : len(rows) - len(rejected)][:: max(wanted // 2000, 1)]]
    Suggestion.objects.filter(pk__in=edited).update(
        edited_quantity=F("order_quantity") + 5, edited_by=people[2], edited_at=timezone.now()
    )
    sums_store(plan)
    long_order = PurchaseOrder.objects.create(
        number="LONG",
        supplier_id=rows[0][3],
        location_id=int(places[0]),
        currency="USD",
        created_by=people[2],
        home_value=Decimal(12_345),
    )
    insert(
        PurchaseOrderLine,
        (
            PurchaseOrderLine(order=long_order, product_id=pk, quantity=Decimal(12), unit_cost=Decimal(2))
            for pk in Product.objects.order_by("pk").values_list("pk", flat=True)[:LONG_ORDER]
        ),
    )
    other = int(places[-1])
    insert(
        PlanAction,
        (
            PlanAction(
                plan_run=plan,
                kind="transfer",
                product_id=row[1],
                location_id=row[2],
                other_location_id=other,
                quantity=5.0,
                saving=float(number % 90) + 1.0,
                details={"lane": 1, "lead_time_days": 2.0, "is_supply": False, "wanted": 8.0},
            )
            for number, row in enumerate(rows[-5000:])
            if row[2] != other
        ),
    )
