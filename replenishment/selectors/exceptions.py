"""Exceptions filtered, counted and summed up, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Q, QuerySet, Sum

from catalog import selectors as catalog
from catalog.models import PartnerAccount
from replenishment.models import ExceptionCase, PlanAction, Suggestion
from replenishment.selectors.actions import action_service, actions_detailed
from replenishment.selectors.plans import plan_latest

Kind = ExceptionCase.Kind
State = ExceptionCase.State
MINE, NOBODY = "mine", "nobody"


def exceptions_list(
    *,
    user: User,
    search: str = "",
    state: str = State.OPEN,
    group: str = "",
    kind: str = "",
    owner: str = "",
) -> QuerySet[ExceptionCase]:
    """Cases that pass the filters, the most expensive first. `owner`: "mine", "nobody's", or "" for all."""
    found = ExceptionCase.objects.all()
    if state:
        found = found.filter(state=state)
    if kind:
        found = found.filter(kind=kind)
    elif group:
        found = found.filter(kind__in=ExceptionCase.KINDS.get(group, ()))
    if owner:
        found = found.filter(owner=user if owner == MINE else None)
    if text := search.strip():
        found = found.filter(
            Q(product__in=catalog.products_search(text).values("pk"))
            | Q(supplier__name__icontains=text)
            | Q(order__number__icontains=text)
        )
    return found.order_by("-impact", "pk")


def exceptions_detailed(cases: QuerySet[ExceptionCase]) -> QuerySet[ExceptionCase]:
    """These cases with what their rows show."""
    return cases.select_related("product", "location", "supplier", "order", "owner", "closed_by")


@dataclass(frozen=True)
class GroupSum:
    """How many cases a group or kind holds, and what they are expected to cost together (home currency)."""

    key: str
    label: str
    cases: int
    impact: float
    kinds: list[GroupSum] = field(default_factory=list)


@dataclass(frozen=True)
class ExceptionSums:
    """Cases by group, and in each by kind; those without any are left out of the kinds alone."""

    cases: int
    impact: float
    groups: list[GroupSum]


def exceptions_sums(cases: QuerySet[ExceptionCase]) -> ExceptionSums:
    """Sums over cases, by group and kind, in one query."""
    rows = cases.order_by().values_list("kind").annotate(n=Count("pk"), money=Sum("impact"))
    by_kind = {kind: (number, money or 0.0) for kind, number, money in rows}
    groups = []
    for group, kinds in ExceptionCase.KINDS.items():
        own = [GroupSum(kind, str(Kind(kind).label), *by_kind[kind]) for kind in kinds if kind in by_kind]
        groups.append(
            GroupSum(
                group,
                str(ExceptionCase.Group(group).label),
                sum(one.cases for one in own),
                sum(one.impact for one in own),
                own,
            )
        )
    return ExceptionSums(sum(one.cases for one in groups), sum(one.impact for one in groups), groups)


def exceptions_open(user: User, *, most: int = 5) -> tuple[ExceptionSums, list[ExceptionCase]]:
    """A person's own and nobody's open cases: their sums, and the `most` that cost most; in two queries."""
    found = exceptions_of(user)
    return exceptions_sums(found), list(exceptions_detailed(found)[:most])


def exceptions_of(user: User) -> QuerySet[ExceptionCase]:
    """Open cases that are a person's own or nobody's, the most expensive first."""
    return ExceptionCase.objects.filter(Q(owner=user) | Q(owner=None), state=State.OPEN).order_by(
        "-impact", "pk"
    )


def exception_owners() -> QuerySet[User]:
    """People who may take a case: active, of the shop, with the permission."""
    may = Q(groups__permissions__codename="decide_exceptioncase") | Q(
        user_permissions__codename="decide_exceptioncase"
    )
    people = User.objects.filter(Q(is_superuser=True) | may, is_active=True)
    return people.exclude(pk__in=PartnerAccount.objects.values("user")).distinct().order_by("username")


@dataclass(frozen=True)
class Fix:
    """What is done about a case: a service (`is_service`), or a place to go to.

    Services: "carry-out" (of its action, `how` as `selectors.action_service` says), "draft" (of suggestion
    `target`), "accept" (the learned lead time), "plan" (again). Places: "order", "action", "sku",
    "look-alikes", "trend", "voice", "supplier", "import" and "run" (of `target`), "plans".
    """

    name: str
    target: int | None = None
    how: str = ""
    is_service: bool = False


def exception_fixes(cases: Sequence[ExceptionCase], user: User | AnonymousUser) -> dict[int, Fix]:
    """What this person can do about each case, by its id; in two queries, however many there are."""
    live = [case for case in cases if case.state != State.CLOSED]
    may_decide = user.has_perm("replenishment.decide_exceptioncase")
    actions = _actions([case for case in live if case.action_id])
    drafts: dict[tuple[int | None, int | None], int] = {}
    if may_decide and user.has_perm("replenishment.add_purchaseorder"):
        drafts = _drafts([case for case in live if case.kind in _DRAFTED])
    fixes = {}
    for case in cases:
        action = actions.get(case.action_id or 0)
        how = ""
        if action is not None and may_decide:
            how = action_service(action, user, lines_count=getattr(action, "lines_count", None))
        if how:
            fixes[case.pk] = Fix("carry-out", case.action_id, how, is_service=True)
        elif target := drafts.get((case.product_id, case.location_id)) if case.kind in _DRAFTED else None:
            fixes[case.pk] = Fix("draft", target, is_service=True)
        else:
            fixes[case.pk] = _place(case, user, action is not None, may_decide=may_decide)
    return fixes


_DRAFTED = (Kind.OUT_OF_STOCK, Kind.RUNS_OUT)


def _place(case: ExceptionCase, user: User | AnonymousUser, has_action: bool, *, may_decide: bool) -> Fix:
    details = case.details
    is_live = may_decide and case.state != State.CLOSED
    if case.kind == Kind.FAILED_JOB:
        job = details.get("job", "")
        if job == "plan":
            again = is_live and user.has_perm("replenishment.add_planrun")
            return Fix("plan", is_service=True) if again else Fix("plans", details.get("pk"))
        return Fix({"import": "import", "forecast": "run", "replay": "replay"}[job], details.get("pk"))
    if case.kind == Kind.REJECTED_ROWS:
        return Fix("import", details.get("import"))
    if case.kind == Kind.SUPPLIER_SLIPS:
        if is_live and user.has_perm("catalog.change_supplyterms"):
            return Fix("accept", case.supplier_id, is_service=True)
        return Fix("supplier", case.supplier_id)
    if case.order_id is not None:
        return Fix("order", case.order_id)
    if has_action:
        return Fix("action", case.action_id)
    places = {
        Kind.TREND_FLIP: "trend",
        Kind.SENTIMENT_DROP: "voice",
        Kind.NO_LOOK_ALIKES: "look-alikes",
        Kind.COST_JUMP: "supplier",
        Kind.RATE_JUMP: "workbench",
    }
    if case.kind in places:
        target = case.supplier_id if case.kind == Kind.COST_JUMP else case.product_id
        return Fix(places[Kind(case.kind)], target)
    return Fix("sku", case.product_id)


def _actions(cases: Iterable[ExceptionCase]) -> dict[int, PlanAction]:
    ids = [case.action_id for case in cases if case.action_id is not None]
    if not ids:
        return {}
    found = actions_detailed(PlanAction.objects.filter(pk__in=ids, state=PlanAction.State.OPEN))
    return {action.pk: action for action in found}


def _drafts(cases: Iterable[ExceptionCase]) -> dict[tuple[int | None, int | None], int]:
    """Suggestions of the latest plan that could be drafted, by product and location."""
    places = {(case.product_id, case.location_id) for case in cases}
    plan = plan_latest() if places else None
    if plan is None:
        return {}
    found = Suggestion.objects.filter(
        Q(edited_quantity__gt=0) | Q(edited_quantity=None, order_quantity__gt=0),
        plan_run=plan,
        # Both, so that the rows are found in the index of (plan, product, location).
        product__in={product for product, _location in places},
        location__in={location for _product, location in places},
        supplier__isnull=False,
        terms__isnull=False,
    ).values_list("product_id", "location_id", "pk", "state")
    return {
        (product, place): pk
        for product, place, pk, state in found
        if (product, place) in places and state == Suggestion.State.OPEN
    }
