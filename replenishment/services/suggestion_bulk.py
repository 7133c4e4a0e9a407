"""One act on many suggestions: reckoned together, written in one transaction, undone as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Sum

from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.selectors.plans import plan_latest
from replenishment.services.bulk_acts import QUANTITIES, Act, Passed
from replenishment.services.bulk_chosen import Chosen, Seen, chosen, stand_of
from replenishment.services.bulk_progress import Report, silent, told
from replenishment.services.costs import LARGEST_QUANTITY
from replenishment.services.orders import permission_require
from replenishment.services.snoozes import snoozes_begin, snoozes_follow
from replenishment.services.suggestion_changes import Edit, suggestions_change, suggestions_locked
from replenishment.services.suggestions import EDIT, plan_latest_lock, plan_stale

# What reading the rows takes of an act.
_READ = 0.25
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
    seen: Seen | None = None,
    report: Report = silent,
) -> Acted:
    """Do it with all of them that it can be done with; the others are counted.

    `seen` is how they stood when it was asked: what has changed since is left alone. Raises StaleError unless
    all are of the latest plan, which has to be the one seen; SuggestionError for an act that makes no sense.
    """
    permission_require(acting_user, EDIT)
    act.check()
    with transaction.atomic():
        plan = plan_latest_lock()
        if plan is None or seen_plan_run_id not in {None, plan.pk}:
            raise plan_stale()
        ids = set(suggestion_ids)
        rows = list(told(suggestions_locked(ids), len(ids), report, "read", 0.0, _READ))
        report("reckon", _READ)
        reckoned = _reckoned(plan, rows, act, seen)
        if not reckoned.edits:
            return reckoned.acted()
        return reckoned.acted(_written(plan, reckoned.edits, act, acting_user, report))


def act_previewed(
    *, suggestions: Chosen, act: Act, acting_user: User, seen_plan_run_id: int | None = None
) -> Acted:
    """What `suggestions_act` would do now with these, from sums and columns; nothing is locked or written.

    Raises what `suggestions_act` does.
    """
    permission_require(acting_user, EDIT)
    act.check()
    plan = plan_latest()
    if plan is None or seen_plan_run_id not in {None, plan.pk}:
        raise plan_stale()
    passed: Counter[Passed] = Counter()
    wanted = _FROM.get(Kind(act.kind), State.OPEN)
    count, worth = 0, 0.0
    for part in suggestions:
        states = part.order_by().values_list("plan_run_id", "state")
        for plan_id, state, rows, value in states.annotate(Count("pk"), Sum("final_value")):
            if plan_id != plan.pk:
                raise plan_stale()
            if state == wanted:
                count, worth = count + rows, worth + (value or 0.0)
            else:
                passed[Passed(state)] += rows
    if act.kind in QUANTITIES:
        return _quantities_previewed(plan, [part.filter(state=wanted) for part in suggestions], act, passed)
    before, after = (worth if state == State.OPEN else 0.0 for state in (wanted, _TO[Kind(act.kind)]))
    return Acted(count, dict(passed.most_common()), before, after)


def _quantities_previewed(plan: PlanRun, fit: Chosen, act: Act, passed: Counter[Passed]) -> Acted:
    from replenishment.services.bulk_quantities import quantities_found, quantities_read

    frame = quantities_read(fit, act)
    new = quantities_found(plan, frame, act)
    before, after = [], []
    for pk, edited, system, cost in frame.select("id", "edited", "system", "home_cost").iter_rows():
        quantity = _kept(new[pk], edited, system)
        if isinstance(quantity, Passed):
            passed[quantity] += 1
        else:
            before.append((system if edited is None else edited) * (cost or 0.0))
            after.append((system if quantity is None else quantity) * (cost or 0.0))
    return Acted(len(before), dict(passed.most_common()), math.fsum(before), math.fsum(after))


def _reckoned(plan: PlanRun, rows: Sequence[Suggestion], act: Act, seen: Seen | None) -> Reckoned:
    found = Reckoned()
    if any(row.plan_run_id != plan.pk for row in rows):
        raise plan_stale()
    wanted = _FROM.get(Kind(act.kind), State.OPEN)
    fit = []
    for row in rows:
        if seen is not None and seen.get(row.pk) != stand_of(row):
            found.passed[Passed.CHANGED] += 1
        elif row.state == wanted:
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
    from replenishment.services.bulk_quantities import quantities_found, quantities_read

    new = quantities_found(plan, quantities_read(chosen(row.pk for row in rows), act), act)
    for row in rows:
        quantity = _kept(new[row.pk], row.edited_quantity, row.order_quantity)
        if isinstance(quantity, Passed):
            found.passed[quantity] += 1
        else:
            signed = (None, None, "") if quantity is None else None
            found.edits.append(Edit(row, row.state, quantity, signed=signed))


def _kept(quantity: float | Passed | None, edited: float | None, system: float) -> float | Passed | None:
    """The quantity, or why the row keeps what it has: too large, or as it was."""
    if isinstance(quantity, Passed):
        return quantity
    if quantity is not None and quantity > LARGEST_QUANTITY:
        return Passed.LARGE
    is_same = quantity == edited or (edited is None and quantity == system)
    return Passed.SAME if is_same else quantity


def _written(
    plan: PlanRun, edits: Sequence[Edit], act: Act, acting_user: User, report: Report
) -> SuggestionChange:
    change = suggestions_change(
        edits, plan=plan, kind=act.kind, acting_user=acting_user, reason=act.reason, report=report
    )
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
