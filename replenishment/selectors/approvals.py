"""What an approver looks at: the queue of orders that wait, in brief, and one order line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache

from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from catalog import selectors as catalog
from replenishment.models import ApprovalLimit, PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine
from replenishment.selectors.budgets import BudgetAfter, budgets_after
from replenishment.selectors.order_rules import LineSize, OrderRules, rules_of
from replenishment.selectors.orders import orders_priced
from replenishment.selectors.unusual import (
    FIRST,
    LineFacts,
    Past,
    Unusual,
    line_facts,
    order_unusual,
    purchases_past,
)

State = PurchaseOrder.State
# Whose word it takes: this person's, somebody's with a higher limit, another person's.
READY, ABOVE, OWN = 0, 1, 2


@dataclass(frozen=True)
class OrderBrief:
    """An order in the queue; `last_event` tells whether it has changed since.

    `at_risk` is what rejecting all of it costs, `worst` the line that costs the most (SKU and money; None:
    none costs anything). `is_first`: none of its items was ever ordered.
    """

    order: PurchaseOrder
    lines_count: int
    unusual_count: int
    is_first: bool
    value: Decimal
    at_risk: float
    worst: tuple[str, float] | None
    rules: OrderRules
    budgets: Sequence[BudgetAfter]
    submitted_at: datetime | None
    submit_comment: str
    last_event: int

    @cached_property
    def tightest(self) -> BudgetAfter | None:
        """The budget of which least is left."""
        return min(self.budgets, key=lambda row: row.left, default=None)


@dataclass(frozen=True)
class LineReview:
    """A line as its approver sees it; `at_risk` is what rejecting it costs, None where nobody knows.

    That is the margin on the units expected to be short over lead time + review period, until the next order
    could arrive, in the home currency.
    """

    line: PurchaseOrderLine
    unusual: Sequence[Unusual]
    at_risk: float | None

    @property
    def difference(self) -> Decimal | None:
        """The buyer's quantity less the system's; None where they are the same, or there is no system's."""
        suggested, quantity = self.line.suggested_quantity, self.line.quantity
        return None if suggested is None or suggested == quantity else quantity - suggested

    @property
    def edit_reason(self) -> str:
        """What the buyer said to the change of the suggestion."""
        return self.line.suggestion.edit_reason if self.line.suggestion is not None else ""


@dataclass(frozen=True)
class OrderReview:
    """An order in brief and its lines, the unusual ones first."""

    brief: OrderBrief
    lines: list[LineReview]


def may_approve(user: User) -> bool:
    """Whether this person approves orders at all."""
    return user.is_staff and user.has_perm("replenishment.approve_purchaseorder")


def approval_limit(user: User) -> Decimal | None:
    """How much this person may approve on one order, in the home currency; None: nothing."""
    return ApprovalLimit.objects.filter(user=user).values_list("amount", flat=True).first()


def orders_waiting(user: User) -> QuerySet[PurchaseOrder]:
    """Submitted orders, `orders_priced`, with `lane` (READY, ABOVE, OWN for this person) and `at_risk`.

    Those that the person may approve first, then those above the limit or of unknown worth, own ones last;
    in each, what costs the most to leave lying first.
    """
    limit = approval_limit(user)
    within = Q(home_value__lte=limit) if limit is not None else Q(pk__in=[])
    lines = PurchaseOrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    return (
        orders_priced(PurchaseOrder.objects.filter(state=State.SUBMITTED))
        .select_related("supplier", "source", "location", "created_by", "submitted_by", "plan_run")
        .defer("plan_run__report")
        .annotate(
            lane=Case(
                When(Q(created_by=user) | Q(submitted_by=user), then=Value(OWN)),
                When(within, then=Value(READY)),
                default=Value(ABOVE),
                output_field=IntegerField(),
            ),
            at_risk=Coalesce(
                Subquery(lines.annotate(risk=Sum("suggestion__margin_at_risk")).values("risk")), Value(0.0)
            ),
        )
        .order_by("lane", "-at_risk", "pk")
    )


def orders_brief(
    orders: Sequence[PurchaseOrder], past: Mapping[int, Sequence[Past]] | None = None
) -> list[OrderBrief]:
    """Each of these orders in brief; as many queries for many orders as for one, and no line as an object.

    `past`: earlier purchases of their products, where they have been read.
    """
    rows: dict[int, list[_Row]] = defaultdict(list)
    for values in (
        PurchaseOrderLine.objects.filter(order__in=orders).order_by("product__sku").values_list(*_COLUMNS)
    ):
        row = _Row(*values)
        rows[row.order_id].append(row)
    if past is None:
        past = purchases_past({row.product_id for of_order in rows.values() for row in of_order})
    worth = {order.pk: _by_category(rows[order.pk]) for order in orders}
    budgets = budgets_after(orders, worth)
    events = _events(orders)
    rate = lru_cache(catalog.exchange_rate)
    found = []
    for order in orders:
        own = rows[order.pk]
        unusual, is_first = order_unusual(order, [row.facts() for row in own], past)
        worst = max(own, key=lambda row: row.at_risk or 0.0, default=None)
        last, submitted = events[order.pk]
        found.append(
            OrderBrief(
                order=order,
                lines_count=len(own),
                unusual_count=sum(map(bool, unusual)),
                is_first=is_first,
                value=sum((row.value for row in own), Decimal(0)),
                at_risk=sum(row.at_risk or 0.0 for row in own),
                worst=(worst.sku, worst.at_risk) if worst is not None and worst.at_risk else None,
                rules=rules_of(order=order, sizes=[row.size(order.currency) for row in own], rate=rate),
                budgets=budgets[order.pk],
                submitted_at=submitted.at if submitted else None,
                submit_comment=submitted.comment if submitted else "",
                last_event=last,
            )
        )
    return found


def order_review(order: PurchaseOrder) -> OrderReview:
    """One order line by line: unusual lines first, of like ones what costs more to reject."""
    lines = list(
        order.lines.select_related("product", "suggestion", "suggestion__edited_by").order_by("product__sku")
    )
    past = purchases_past({line.product_id for line in lines})
    unusual, _is_first = order_unusual(order, [line_facts(line) for line in lines], past)
    rows = [
        LineReview(line, found, line.suggestion.margin_at_risk if line.suggestion is not None else None)
        for line, found in zip(lines, unusual, strict=True)
    ]
    [brief] = orders_brief([order], past)
    return OrderReview(brief, sorted(rows, key=_first))


def _first(row: LineReview) -> tuple[int, float]:
    """That an item was never ordered before is worth a look, but less than what contradicts its past."""
    return -sum(1 if found == FIRST else 2 for found in row.unusual), -(row.at_risk or 0.0)


_COLUMNS = (
    "order_id",
    "product_id",
    "product__sku",
    "product__category_id",
    "product__unit_weight",
    "product__unit_volume",
    "quantity",
    "unit_cost",
    "suggested_quantity",
    "suggestion__on_hand",
    "suggestion__on_order",
    "suggestion__allocated",
    "suggestion__daily_demand",
    "suggestion__margin_at_risk",
    "suggestion__terms__currency",
    "suggestion__terms__minimum_order_value",
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line's `_COLUMNS`."""

    order_id: int
    product_id: int
    sku: str
    category_id: int | None
    unit_weight: Decimal | None
    unit_volume: Decimal | None
    quantity: Decimal
    unit_cost: Decimal
    suggested: Decimal | None
    on_hand: float | None
    on_order: float | None
    allocated: float | None
    daily_demand: float | None
    at_risk: float | None
    terms_currency: str | None
    terms_minimum: Decimal | None

    @property
    def value(self) -> Decimal:
        """In the order's currency."""
        return self.quantity * self.unit_cost

    def facts(self) -> LineFacts:
        """What is looked at for the unusual."""
        return LineFacts(
            product_id=self.product_id,
            quantity=float(self.quantity),
            unit_cost=float(self.unit_cost),
            suggested=None if self.suggested is None else float(self.suggested),
            on_hand=self.on_hand,
            on_order=self.on_order,
            allocated=self.allocated,
            daily_demand=self.daily_demand,
        )

    def size(self, currency: str) -> LineSize:
        """What counts towards minimums of an order in this currency."""
        asked = self.terms_minimum if self.terms_currency == currency else None
        return LineSize(self.quantity, self.value, self.unit_weight, self.unit_volume, asked or Decimal(0))


def _by_category(rows: Sequence[_Row]) -> dict[int | None, Decimal]:
    worth: dict[int | None, Decimal] = defaultdict(Decimal)
    for row in rows:
        worth[row.category_id] += row.value
    return worth


def _events(orders: Sequence[PurchaseOrder]) -> Mapping[int, tuple[int, PurchaseOrderEvent | None]]:
    """Of each order the key of its last event, and the event by which it was submitted last."""
    found: dict[int, tuple[int, PurchaseOrderEvent | None]] = {order.pk: (0, None) for order in orders}
    for event in PurchaseOrderEvent.objects.filter(order__in=orders).defer("data").order_by("pk"):
        found[event.order_id] = (event.pk, event if event.action == "submit" else found[event.order_id][1])
    return found
