"""Writing what people do with suggestions: the rows, the log of it, and the sums, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, Suggestion, SuggestionChange, SuggestionChangeLine
from replenishment.services.bulk_progress import Report, silent, told
from replenishment.services.bulk_sql import rows_insert, rows_update
from replenishment.services.errors import SuggestionError
from replenishment.services.plan_sums import sums_refresh

_BATCH = 5_000
# From which share to which one writing the rows takes of an act, and writing their log.
_ROWS, _LOG = (0.4, 0.7), (0.7, 0.9)
_T = TypeVar("_T")
# What a change may set beside the state, the quantity and who signs it: a supplier's part of the row.
SUPPLY = (
    "supplier_id",
    "terms_id",
    "unit_cost",
    "currency",
    "home_unit_cost",
    "landed_cost",
    "lead_time_days",
)
_SIGNED = ("state", "edited_quantity", "edited_by_id", "edited_at", "edit_reason")
_LINE = (
    "change_id",
    "suggestion_id",
    "state_before",
    "state_after",
    "quantity_before",
    "quantity_after",
    "terms_before_id",
    "terms_after_id",
    "edited_by_before_id",
    "edited_at_before",
    "reason_before",
)
_CHANGED = ("state", "edited_quantity", "edited_by", "edited_at", "edit_reason", "planned_with", *SUPPLY)
_READ = ("plan_run", "product", "location", "order_quantity")


@dataclass(frozen=True)
class Edit:
    """What becomes of a suggestion, which is locked and as the database holds it.

    `quantity` is the buyer's, None the system's. `supply` are new values of SUPPLY, where they change;
    `planned_with` then holds the plan's. `signed` is who stands beside the quantity, when and why:
    None takes the change's actor.
    """

    suggestion: Suggestion
    state: str
    quantity: float | None
    supply: dict[str, Any] | None = None
    planned_with: dict[str, Any] | None = None
    signed: tuple[int | None, datetime | None, str] | None = None


def suggestions_change(
    edits: Sequence[Edit],
    *,
    plan: PlanRun,
    kind: str,
    acting_user: User,
    reason: str = "",
    undoes: SuggestionChange | None = None,
    report: Report = silent,
) -> SuggestionChange:
    """Write the edits of suggestions of one plan, all or none, with their log and sums.

    Call it in the transaction that has locked the suggestions.
    """
    reason = reason.strip()
    if len(reason) > 200:
        raise SuggestionError(_("The reason is too long: at most 200 characters."))
    now = timezone.now()
    change = SuggestionChange.objects.create(
        plan_run=plan,
        kind=kind,
        actor=acting_user,
        at=now,
        reason=reason,
        lines_count=len(edits),
        undoes=undoes,
    )
    suppliers: set[int | None] = set()
    lines, rows = [], []
    for edit in edits:
        row = edit.suggestion
        supply = {name: getattr(row, name) for name in SUPPLY} | (edit.supply or {})
        by, at, why = edit.signed or (acting_user.pk, now, reason)
        suppliers |= {row.supplier_id, supply["supplier_id"]}
        lines.append(
            (
                *(change.pk, row.pk, row.state, edit.state, row.edited_quantity, edit.quantity),
                *(row.terms_id, supply["terms_id"], row.edited_by_id, row.edited_at, row.edit_reason),
            )
        )
        with_plan = edit.planned_with if edit.supply is not None else row.planned_with
        rows.append((edit.state, edit.quantity, by, at, why, *supply.values(), with_plan, row.pk))
    columns: tuple[str, ...] = (*_SIGNED, *SUPPLY, "planned_with")
    if all(edit.supply is None for edit in edits):
        columns, rows = _SIGNED, [(*row[: len(_SIGNED)], row[-1]) for row in rows]
    count = len(edits)
    rows_update(Suggestion, columns, told(rows, count, report, "write", *_ROWS))
    rows_insert(SuggestionChangeLine, _LINE, told(lines, count, report, "log", *_LOG))
    report("sums", _LOG[1])
    sums_refresh(plan, suppliers)
    return change


def suggestions_locked(ids: Iterable[int], *, locks: bool = True) -> Iterator[Suggestion]:
    """Suggestions by their keys, locked in the order of the keys, with what a change may need of them.

    Without locks to say what a change would do.
    """
    rows = Suggestion.objects.select_for_update(of=("self",)) if locks else Suggestion.objects.all()
    for some in batches(sorted(ids)):
        yield from (rows.filter(pk__in=some).order_by("pk").only(*_CHANGED, *_READ))


def batches(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Keys or rows by thousands: a statement can't take any number of them."""
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
