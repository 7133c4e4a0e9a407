"""Actions that plans propose: filtered, summed up, and what Forestock can do about one itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from catalog import selectors as catalog
from catalog.models import Supplier
from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion

Kind = PlanAction.Kind


def actions_list(
    plan: PlanRun | None,
    *,
    search: str = "",
    state: str = "",
    kind: str = "",
    supplier_id: int | None = None,
    location_id: int | None = None,
) -> QuerySet[PlanAction]:
    """The plan's actions that pass the filters, what saves most first, with `supplier` and `lines_count`.

    `supplier` is the id of that of the order concerned, else the one that the plan buys from; `lines_count`
    the lines of that order. Regular supply of other locations saves nothing, and is left out.
    """
    if plan is None:
        return actions_detailed(PlanAction.objects.none())
    found = actions_detailed(
        PlanAction.objects.filter(plan_run=plan).exclude(kind=Kind.TRANSFER, saving__lte=0)
    )
    if text := search.strip():
        found = found.filter(product__in=catalog.products_search(text).values("pk"))
    given = {"state": state, "kind": kind, "supplier": supplier_id, "location_id": location_id}
    return found.filter(**{name: value for name, value in given.items() if value}).order_by("-saving", "pk")


def actions_detailed(actions: QuerySet[PlanAction]) -> QuerySet[PlanAction]:
    """These actions with what their rows show, at a constant number of queries."""
    bought_from = Suggestion.objects.filter(
        plan_run=OuterRef("plan_run"), product=OuterRef("product"), location=OuterRef("location")
    ).values("supplier_id")[:1]
    lines = (
        PurchaseOrderLine.objects.filter(order=OuterRef("order_line__order"))
        .order_by()
        .values("order")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return actions.select_related(
        "product", "location", "other_location", "order_line__order", "decided_by"
    ).annotate(
        supplier=Coalesce(
            F("order_line__order__supplier_id"), Subquery(bought_from), output_field=IntegerField()
        ),
        lines_count=Subquery(lines, output_field=IntegerField()),
    )


@dataclass(frozen=True)
class ActionSums:
    """How many actions of each state, and what those of one state would save, in all and by kind."""

    by_state: dict[str, int]
    saving: float
    by_kind: dict[str, tuple[int, float]]


def actions_sums(actions: QuerySet[PlanAction], *, state: str) -> ActionSums:
    """Sums over actions; `state` is the one whose savings are summed."""
    rows = list(actions.order_by().values_list("state", "kind").annotate(n=Count("pk"), saving=Sum("saving")))
    by_state = dict.fromkeys(PlanAction.State.values, 0)
    for row_state, _kind, number, _saving in rows:
        by_state[row_state] += number
    chosen = {kind: (number, saving) for row_state, kind, number, saving in rows if row_state == state}
    return ActionSums(
        by_state=by_state,
        saving=sum(saving for _number, saving in chosen.values()),
        by_kind={kind: chosen[kind] for kind in Kind.values if kind in chosen},
    )


def actions_suppliers(plan: PlanRun | None) -> list[tuple[int, str]]:
    """Id and name of the suppliers that the plan's open actions concern, by name."""
    found = actions_list(plan, state=PlanAction.State.OPEN).order_by()
    # `supplier` is an annotation.
    ids = found.values("supplier").distinct()  # type: ignore[misc]
    return list(Supplier.objects.filter(pk__in=ids).order_by("name").values_list("pk", "name"))


def action_service(action: PlanAction, user: User | AnonymousUser, *, lines_count: int | None) -> str:
    """What Forestock can do for this person about an action: "set", "remove", "cancel", "transfer"; else "".

    A line is changed or taken off while its order may be edited; an order whose only line goes is cancelled;
    a transfer order is drafted.
    """
    if action.state != PlanAction.State.OPEN or not user.has_perm("replenishment.decide_planaction"):
        return ""
    if action.kind == Kind.TRANSFER:
        return "transfer" if user.has_perm("replenishment.add_purchaseorder") else ""
    line = action.order_line
    if line is None or action.kind not in {Kind.CUT, Kind.CANCEL}:
        return ""
    order = line.order
    may_edit = order.state in PurchaseOrder.EDITABLE_STATES and user.has_perm(
        "replenishment.change_purchaseorder"
    )
    if action.kind == Kind.CUT:
        return "set" if may_edit else ""
    if lines_count == 1:
        may_cancel = PurchaseOrder.State.CANCELLED in PurchaseOrder.TRANSITIONS[order.state]
        return "cancel" if may_cancel and user.has_perm("replenishment.cancel_purchaseorder") else ""
    return "remove" if may_edit else ""


def actions_of(*, plan: PlanRun | None, product_id: int, location_id: int) -> QuerySet[PlanAction]:
    """A plan's open actions on one product at one location, or that send goods there."""
    found = PlanAction.objects.filter(
        Q(location_id=location_id) | Q(other_location_id=location_id),
        plan_run=plan,
        product_id=product_id,
        state=PlanAction.State.OPEN,
    )
    return actions_detailed(found).order_by("-saving", "pk")
