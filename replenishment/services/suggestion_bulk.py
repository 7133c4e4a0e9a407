"""One act on many suggestions: reckoned together, written in one transaction, undone as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction

from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.selectors.plans import plan_latest
from replenishment.services.bulk_acts import QUANTITIES, Act, Passed
from replenishment.services.costs import LARGEST_QUANTITY
from replenishment.services.orders import permission_require
from replenishment.services.snoozes import snoozes_begin, snoozes_follow
from replenishment.services.suggestion_changes import Edit, suggestions_change, suggestions_locked
from replenishment.services.suggestions import EDIT, plan_latest_lock, plan_stale

Kind = SuggestionChange.Kind
State = Suggestion.State
_FROM = {Kind.REOPEN: State.REJECTED, Kind.WAKE: State.SNOOZED}
_TO = {
    Kind.REJECT: State.REJECTED,
    Kind.SNOOZE: State.SNOOZED,
    Kind.REOPEN: State.OPEN,
    Kind.WAKE: State.OPEN,
}


@dataclass(frozen=True)
class Acted:
    """What an act did, or would do. `passed_over` counts suggestions by `Passed`; money is in the home
    currency, before and after, of those that changed. `change` is None where none did.
    """

    changed: int
    passed_over: dict[Passed, int]
    value_before: float
    value_after: float
    change: SuggestionChange | None = None


@dataclass
class Reckoned:
    """Edits on their way to be written, and what was passed over."""

    edits: list[Edit] = field(default_factory=list)
    passed: Counter[Passed] = field(default_factory=Counter)

    def acted(self, change: SuggestionChange | None = None) -> Acted:
        """The sums of it."""
        return Acted(
            changed=len(self.edits),
            passed_over=dict(self.passed.most_common()),
            value_before=math.fsum(
                _worth(edit.suggestion, edit.suggestion.state, None) for edit in self.edits
            ),
            value_after=math.fsum(_worth(edit.suggestion, edit.state, edit) for edit in self.edits),
            change=change,
        )


def suggestions_act(
    *,
    suggestion_ids: Iterable[int],
    act: Act,
    acting_user: User,
    seen_plan_run_id: int | None = None,
    is_preview: bool = False,
) -> Acted:
    """Do it with all of them that it can be done with; the others are counted.

    A preview writes nothing. Raises StaleError unless all are of the latest plan, which has to be the one
    seen; SuggestionError for an act that makes no sense.
    """
    permission_require(acting_user, EDIT)
    act.check()
    with transaction.atomic():
        plan = plan_latest() if is_preview else plan_latest_lock()
        if plan is None or seen_plan_run_id not in {None, plan.pk}:
            raise plan_stale()
        rows = list(suggestions_locked(set(suggestion_ids), locks=not is_preview))
        reckoned = _reckoned(plan, rows, act)
        if is_preview or not reckoned.edits:
            return reckoned.acted()
        return reckoned.acted(_written(plan, reckoned.edits, act, acting_user))


def _reckoned(plan: PlanRun, rows: Sequence[Suggestion], act: Act) -> Reckoned:
    found = Reckoned()
    if any(row.plan_run_id != plan.pk for row in rows):
        raise plan_stale()
    wanted = _FROM.get(Kind(act.kind), State.OPEN)
    fit = []
    for row in rows:
        if row.state == wanted:
            fit.append(row)
        else:
            found.passed[Passed(row.state)] += 1
    if act.kind in QUANTITIES:
        _quantities_set(plan, fit, act, found)
    else:
        state = _TO[Kind(act.kind)]
        found.edits = [Edit(row, state, row.edited_quantity) for row in fit]
    return found


def _quantities_set(plan: PlanRun, rows: Sequence[Suggestion], act: Act, found: Reckoned) -> None:
    from replenishment.services.bulk_quantities import quantities_found

    new = quantities_found(plan, rows, act)
    for row in rows:
        quantity = new.get(row.pk)
        if isinstance(quantity, Passed):
            found.passed[quantity] += 1
        elif quantity is not None and quantity > LARGEST_QUANTITY:
            found.passed[Passed.LARGE] += 1
        elif quantity == row.edited_quantity or (
            row.edited_quantity is None and quantity == row.order_quantity
        ):
            found.passed[Passed.SAME] += 1
        else:
            signed = (None, None, "") if quantity is None else None
            found.edits.append(Edit(row, row.state, quantity, signed=signed))


def _written(plan: PlanRun, edits: Sequence[Edit], act: Act, acting_user: User) -> SuggestionChange:
    change = suggestions_change(edits, plan=plan, kind=act.kind, acting_user=acting_user, reason=act.reason)
    if act.kind == Kind.SNOOZE:
        snoozes_begin(
            edits,
            until=act.until,
            stock_level=act.stock_level,
            reason=change.reason,
            by_id=acting_user.pk,
        )
    else:
        snoozes_follow(edits)
    return change


def _worth(row: Suggestion, state: str, edit: Edit | None) -> float:
    """What it would order, in the home currency: nothing where it is not open."""
    if state != State.OPEN:
        return 0.0
    quantity = row.edited_quantity if edit is None else edit.quantity
    return (row.order_quantity if quantity is None else quantity) * (row.home_unit_cost or 0.0)
