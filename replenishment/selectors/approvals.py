"""What an approver looks at: orders that wait; of each line what is unusual, and what rejecting it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from statistics import median

from django.contrib.auth.models import User
from django.db.models import Case, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When, Window
from django.db.models.functions import Coalesce, RowNumber

from catalog import selectors as catalog
from replenishment.models import ApprovalLimit, Budget, PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine
from replenishment.selectors.budgets import budgets_list, orders_worth_frame, scope_holds
from replenishment.selectors.order_rules import OrderRules, order_rules
from replenishment.selectors.orders import orders_priced

State = PurchaseOrder.State
# Whose word it takes: this person's, somebody's with a higher limit, another person's.
READY, ABOVE, OWN = 0, 1, 2

# An order of the past is one that was approved: what waits says nothing about what is usual.
_PAST = (State.APPROVED, State.SENT, State.PART_RECEIVED, State.CLOSED)
_ORDERS_LOOKED_AT = 8
_ORDERS_FOR_USUAL = 3
_FAR_FROM_USUAL = 2.0
_PRICE_JUMP = 0.10
_EDITED_MUCH = 0.5
LONG_COVER_DAYS = 183


@dataclass(frozen=True)
class Unusual:
    """Why a line deserves a look: `quantity`, `price`, `cover`, `no-demand`, `edited` or `first`.

    `value` is the line's own number, `usual` what it is held against: units, a unit cost, or days.
    """

    kind: str
    value: float = 0.0
    usual: float = 0.0


_FIRST = Unusual("first")


@dataclass(frozen=True)
class LineReview:
    """A line as its approver sees it; `at_risk` is what rejecting it costs, None where nobody knows.

    That is the margin on the units expected to be short over lead time + review period, until the next order
    could arrive, in the home currency.
    """

    line: PurchaseOrderLine
    unusual: list[Unusual]
    at_risk: float | None

    @property
    def difference(self) -> Decimal | None:
        """The buyer's quantity less the system's; None where they are the same, or there is no system's."""
        suggested = self.line.suggested_quantity
        return (
            None if suggested is None or suggested == self.line.quantity else self.line.quantity - suggested
        )

    @property
    def edit_reason(self) -> str:
        """What the buyer said to the change of the suggestion."""
        return self.line.suggestion.edit_reason if self.line.suggestion is not None else ""


@dataclass(frozen=True)
class BudgetAfter:
    """A budget that an order counts against, in the home currency.

    `left` is what approved orders and this one leave of it (below 0: over it); `waiting` is the worth of
    other drafts and submitted orders.
    """

    budget: Budget
    left: float
    waiting: float


@dataclass(frozen=True)
class OrderReview:
    """An order and what its approver has to know; `last_event` tells whether it has changed since.

    `is_first`: none of its items was ever ordered, which is then no news of a single line.
    """

    order: PurchaseOrder
    lines: list[LineReview]
    rules: OrderRules
    budgets: list[BudgetAfter] = field(default_factory=list)
    submitted_at: datetime | None = None
    submit_comment: str = ""
    last_event: int = 0
    is_first: bool = False

    @cached_property
    def value(self) -> Decimal:
        """Of all lines, in the order's currency."""
        return sum((row.line.value for row in self.lines), Decimal(0))

    @cached_property
    def at_risk(self) -> float:
        """What rejecting all of it costs."""
        return sum(row.at_risk or 0.0 for row in self.lines)

    @cached_property
    def worst(self) -> LineReview | None:
        """The line that costs the most to reject; None where none costs anything."""
        worst = max(self.lines, key=lambda row: row.at_risk or 0.0, default=None)
        return worst if worst is not None and worst.at_risk else None

    @cached_property
    def unusual_count(self) -> int:
        """Lines that deserve a look."""
        return sum(bool(row.unusual) for row in self.lines)

    @cached_property
    def tightest(self) -> BudgetAfter | None:
        """The budget of which least is left."""
        return min(self.budgets, key=lambda row: row.left, default=None)


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


def orders_review(orders: Sequence[PurchaseOrder]) -> list[OrderReview]:
    """Each order with its lines, the unusual ones first; as many queries for many orders as for one."""
    lines = list(
        PurchaseOrderLine.objects.filter(order__in=orders)
        .select_related("product", "suggestion__terms", "suggestion__edited_by")
        .order_by("product__sku")
    )
    of_order: dict[int, list[PurchaseOrderLine]] = defaultdict(list)
    for line in lines:
        of_order[line.order_id].append(line)
    past = _lines_past({line.product_id for line in lines})
    budgets = _budgets_after(orders, of_order)
    events = _events(orders)
    rate = lru_cache(catalog.exchange_rate)
    found = []
    for order in orders:
        own = of_order[order.pk]
        rows = [_line_review(order, line, past.get(line.product_id, [])) for line in own]
        is_first = bool(rows) and all(_FIRST in row.unusual for row in rows)
        if is_first:
            rows = [replace(row, unusual=[u for u in row.unusual if u != _FIRST]) for row in rows]
        last, submitted = events[order.pk]
        found.append(
            OrderReview(
                order=order,
                lines=sorted(rows, key=_first),
                rules=order_rules(order=order, lines=own, rate=rate),
                budgets=budgets[order.pk],
                submitted_at=submitted.at if submitted else None,
                submit_comment=submitted.comment if submitted else "",
                last_event=last,
                is_first=is_first,
            )
        )
    return found


def _first(row: LineReview) -> tuple[int, float]:
    """That an item was never ordered before is worth a look, but less than what contradicts its past."""
    weight = sum(2 if found.kind != "first" else 1 for found in row.unusual)
    return -weight, -(row.at_risk or 0.0)


@dataclass(frozen=True)
class _Past:
    location_id: int
    supplier_id: int | None
    quantity: float
    unit_cost: float
    currency: str


def _lines_past(products: set[int]) -> Mapping[int, list[_Past]]:
    """The last purchases of each product for each location, newest first."""
    rows = (
        PurchaseOrderLine.objects.filter(
            product_id__in=products, order__state__in=_PAST, order__kind=PurchaseOrder.Kind.PURCHASE
        )
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=[F("product_id"), F("order__location_id")],
                order_by=F("order_id").desc(),
            )
        )
        .filter(place__lte=_ORDERS_LOOKED_AT)
        .order_by("-order_id")
        .values_list(
            "product_id",
            "order__location_id",
            "order__supplier_id",
            "quantity",
            "unit_cost",
            "order__currency",
        )
    )
    found: dict[int, list[_Past]] = defaultdict(list)
    for product, location, supplier, quantity, cost, currency in rows:
        found[product].append(_Past(location, supplier, float(quantity), float(cost), currency))
    return found


def _line_review(order: PurchaseOrder, line: PurchaseOrderLine, past: Sequence[_Past]) -> LineReview:
    suggestion = line.suggestion
    quantity, cost = float(line.quantity), float(line.unit_cost)
    found = []
    if order.kind == PurchaseOrder.Kind.PURCHASE:
        if not past:
            found.append(_FIRST)
        here = [row.quantity for row in past if row.location_id == order.location_id]
        usual = median(here) if len(here) >= _ORDERS_FOR_USUAL else 0.0
        if usual and not usual / _FAR_FROM_USUAL < quantity < usual * _FAR_FROM_USUAL:
            found.append(Unusual("quantity", quantity, usual))
        paid = next(
            (
                row.unit_cost
                for row in past
                if row.supplier_id == order.supplier_id and row.currency == order.currency
            ),
            0.0,
        )
        if paid and abs(cost / paid - 1) > _PRICE_JUMP - 1e-9:
            found.append(Unusual("price", cost, paid))
    if suggestion is not None and suggestion.on_hand is not None and suggestion.daily_demand is not None:
        stock = suggestion.on_hand + suggestion.on_order - suggestion.allocated + quantity
        if suggestion.daily_demand <= 0:
            found.append(Unusual("no-demand"))
        elif stock / suggestion.daily_demand > LONG_COVER_DAYS:
            found.append(Unusual("cover", stock / suggestion.daily_demand, LONG_COVER_DAYS))
    if line.suggested_quantity is not None:
        suggested = float(line.suggested_quantity)
        if abs(quantity - suggested) > _EDITED_MUCH * suggested:
            found.append(Unusual("edited", quantity, suggested))
    return LineReview(line, found, suggestion.margin_at_risk if suggestion is not None else None)


def _events(orders: Sequence[PurchaseOrder]) -> Mapping[int, tuple[int, PurchaseOrderEvent | None]]:
    """Of each order the key of its last event, and the event by which it was submitted last."""
    found: dict[int, tuple[int, PurchaseOrderEvent | None]] = {order.pk: (0, None) for order in orders}
    for event in PurchaseOrderEvent.objects.filter(order__in=orders).defer("data").order_by("pk"):
        found[event.order_id] = (event.pk, event if event.action == "submit" else found[event.order_id][1])
    return found


def _budgets_after(
    orders: Sequence[PurchaseOrder], lines: Mapping[int, Sequence[PurchaseOrderLine]]
) -> Mapping[int, list[BudgetAfter]]:
    """The active budgets that each order counts against; the day is that of its plan, as everywhere."""
    days = {order.pk: _day(order) for order in orders}
    found: dict[int, list[BudgetAfter]] = {order.pk: [] for order in orders}
    if not days:
        return found
    budgets = list(
        budgets_list().filter(
            is_active=True, first_day__lte=max(days.values()), last_day__gte=min(days.values())
        )
    )
    if not budgets:
        return found
    branches = catalog.categories_under([b.category_id for b in budgets if b.category_id is not None])
    ordered = orders_worth_frame(
        first=min(budget.first_day for budget in budgets), last=max(budget.last_day for budget in budgets)
    )
    for budget in budgets:
        counted = ordered.filter(*scope_holds(budget, branches))
        settled = float(counted.filter(counted["state"].is_in(list(_PAST)))["worth"].sum())
        waiting = float(counted["worth"].sum()) - settled
        for order in orders:
            worth = _worth_in(budget, order, days[order.pk], lines[order.pk], branches)
            if worth is not None:
                left = float(budget.amount) - settled - worth
                found[order.pk].append(BudgetAfter(budget, left, max(waiting - worth, 0.0)))
    return found


def _day(order: PurchaseOrder) -> date:
    return order.plan_run.as_of if order.plan_run is not None else order.created_at.date()


def _worth_in(
    budget: Budget,
    order: PurchaseOrder,
    day: date,
    lines: Sequence[PurchaseOrderLine],
    branches: Mapping[int, frozenset[int]],
) -> float | None:
    """What of the order counts against the budget, in the home currency; None: nothing of it."""
    if order.kind != PurchaseOrder.Kind.PURCHASE or not budget.first_day <= day <= budget.last_day:
        return None
    if budget.supplier_id not in {None, order.supplier_id}:
        return None
    if budget.location_id not in {None, order.location_id}:
        return None
    branch = branches[budget.category_id] if budget.category_id is not None else None
    inside = [line for line in lines if branch is None or line.product.category_id in branch]
    if not inside:
        return None
    whole = sum((line.value for line in lines), Decimal(0))
    share = float(sum((line.value for line in inside), Decimal(0)) / whole) if whole else 0.0
    return float(order.home_value or 0) * share
