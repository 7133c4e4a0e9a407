"""Writing what people do with suggestions: the rows, the log of it, and the sums, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, Suggestion, SuggestionChange, SuggestionChangeLine
from replenishment.services.errors import SuggestionError
from replenishment.services.plan_sums import sums_refresh

_BATCH = 5_000
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
            SuggestionChangeLine(
                change=change,
                suggestion=row,
                state_before=row.state,
                state_after=edit.state,
                quantity_before=row.edited_quantity,
                quantity_after=edit.quantity,
                terms_before_id=row.terms_id,
                terms_after_id=supply["terms_id"],
                edited_by_before_id=row.edited_by_id,
                edited_at_before=row.edited_at,
                reason_before=row.edit_reason,
            )
        )
        with_plan = edit.planned_with if edit.supply is not None else row.planned_with
        rows.append((edit.state, edit.quantity, by, at, why, *supply.values(), with_plan, row.pk))
    _write(edits, rows)
    SuggestionChangeLine.objects.bulk_create(lines, batch_size=_BATCH)
    sums_refresh(plan, suppliers)
    return change


def _write(edits: Sequence[Edit], rows: Sequence[tuple[Any, ...]]) -> None:
    """The rows as they are to be, by their keys: thousands in a statement where the database takes arrays."""
    names: tuple[str, ...] = ("state", "edited_quantity", "edited_by_id", "edited_at", "edit_reason")
    if any(edit.supply is not None for edit in edits):
        names = (*names, *SUPPLY, "planned_with")
    else:
        rows = [(*row[: len(names)], row[-1]) for row in rows]
    fields: list[Any] = [Suggestion._meta.get_field(name.removesuffix("_id")) for name in (*names, "id")]

    def stored(row: tuple[Any, ...]) -> list[Any]:
        return [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]

    quote, table = connection.ops.quote_name, Suggestion._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            kinds = [
                field.rel_db_type(connection) if name == "id" else field.db_type(connection)
                for name, field in zip((*names, "id"), fields, strict=True)
            ]
            arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
            made = ", ".join(quote(name) for name in (*names, "id"))
            sets = ", ".join(f"{quote(name)} = made.{quote(name)}" for name in names)
            statement = (
                f"UPDATE {table} SET {sets} FROM unnest({arrays}) AS made ({made})"  # noqa: S608 - our own names
                f" WHERE {table}.id = made.id"
            )
            for some in batches(rows):
                cursor.execute(statement, [list(column) for column in zip(*map(stored, some), strict=True)])
        else:
            sets = ", ".join(f"{quote(name)} = %s" for name in names)
            statement = f"UPDATE {table} SET {sets} WHERE id = %s"  # noqa: S608 - our own names
            cursor.executemany(statement, [stored(row) for row in rows])


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
