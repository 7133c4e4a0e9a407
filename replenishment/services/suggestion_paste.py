"""Quantities pasted from a spreadsheet: lines of SKU, quantity and, where it is needed, location."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.services.errors import SuggestionError
from replenishment.services.orders import permission_require
from replenishment.services.quantity_text import quantity_read
from replenishment.services.suggestion_changes import (
    Edit,
    batches,
    suggestions_change,
    suggestions_locked,
)
from replenishment.services.suggestions import EDIT, plan_latest_lock, plan_stale, quantity_checked

MOST_LINES = 50_000
State = Suggestion.State


@dataclass(frozen=True)
class PasteError:
    """What is wrong with a line: its number from 1, the column, and the value in it."""

    line: int
    column: str
    value: str
    text: str


@dataclass(frozen=True)
class PastedLine:
    """Where a line goes: the quantity there before and after (None: the system's)."""

    line: int
    sku: str
    location: str
    before: float
    after: float | None


@dataclass
class Pasted:
    """What a paste does, or would do; `change` is None where it changed nothing."""

    lines: list[PastedLine] = field(default_factory=list)
    errors: list[PasteError] = field(default_factory=list)
    change: SuggestionChange | None = None

    def refuse(self, line: int, column: str, value: str, text: str) -> None:
        """Note an error."""
        self.errors.append(PasteError(line, column, value, text))


class PasteRefusedError(SuggestionError):
    """Some lines can't be taken, so none is: `errors` says which and why."""

    def __init__(self, errors: list[PasteError]) -> None:
        first = errors[0]
        super().__init__(
            _("Line %(line)d, %(column)s “%(value)s”: %(text)s")
            % {"line": first.line, "column": first.column, "value": first.value, "text": first.text}
        )
        self.errors = [
            {
                "pointer": f"#/rows/{each.line - 1}/{each.column}",
                "detail": each.text,
                "code": "invalid",
                "value": each.value,
            }
            for each in errors
        ]
        self.lines = errors


@dataclass(frozen=True)
class PastedRow:
    """A row as it was sent, by its number from 1. An empty quantity is the system's, a location may lack."""

    line: int
    sku: str
    quantity: str
    location: str = ""


def suggestions_paste(
    *, text: str, acting_user: User, seen_plan_run_id: int | None, is_preview: bool = False
) -> Pasted:
    """Put the quantities of all lines in, or of none: a preview says what would become of each line.

    A line is SKU, tab, quantity and, where the plan has the SKU at several locations, tab and the location's
    code; an empty quantity takes the system's. Raises PasteRefusedError with the errors of all lines,
    StaleError when a newer plan has replaced the one seen.
    """
    pasted = Pasted()
    return _put(pasted, _cells(text, pasted), acting_user, seen_plan_run_id, is_preview=is_preview)


def quantities_put(
    *,
    rows: Sequence[PastedRow],
    acting_user: User,
    seen_plan_run_id: int | None,
    is_preview: bool = False,
) -> Pasted:
    """As `suggestions_paste`, of rows."""
    return _put(Pasted(), rows, acting_user, seen_plan_run_id, is_preview=is_preview)


def _put(
    pasted: Pasted,
    rows: Sequence[PastedRow],
    acting_user: User,
    seen_plan_run_id: int | None,
    *,
    is_preview: bool,
) -> Pasted:
    permission_require(acting_user, EDIT)
    with transaction.atomic():
        plan = plan_latest_lock()
        if plan is None or seen_plan_run_id not in {None, plan.pk}:
            raise plan_stale()
        edits = _edits(plan, rows, pasted)
        if pasted.errors and not is_preview:
            raise PasteRefusedError(pasted.errors)
        if edits and not is_preview:
            pasted.change = suggestions_change(
                edits, plan=plan, kind=SuggestionChange.Kind.PASTE, acting_user=acting_user
            )
        return pasted


def _cells(text: str, pasted: Pasted) -> list[PastedRow]:
    found: list[PastedRow] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if len(found) == MOST_LINES:
            pasted.refuse(number, "sku", line[:40], _("Too many lines: at most %(n)d.") % {"n": MOST_LINES})
            break
        sku, *rest = (cell.strip() for cell in line.split("\t"))
        if not 1 <= len(rest) <= 2:
            pasted.refuse(number, "sku", line[:40], _("Write SKU, tab, quantity and perhaps tab, location."))
            continue
        found.append(PastedRow(number, sku, rest[0], rest[1] if len(rest) > 1 else ""))
    return found


def _edits(plan: PlanRun, cells: Sequence[PastedRow], pasted: Pasted) -> list[Edit]:
    where = _places(plan, {cell.sku for cell in cells})
    asked: dict[int, PastedRow] = {}
    for cell in cells:
        pk = _place(cell, where, pasted)
        if pk is not None and pk in asked:
            pasted.refuse(
                cell.line, "sku", cell.sku, _("It stands in line %(n)d already.") % {"n": asked[pk].line}
            )
        elif pk is not None:
            asked[pk] = cell
    names = {pk: name for places in where.values() for name, pk in places.items()}
    edits = []
    for row in suggestions_locked(asked):
        cell = asked[row.pk]
        try:
            quantity = _quantity(row, cell)
        except SuggestionError as error:
            pasted.refuse(cell.line, "quantity", cell.quantity, str(error))
            continue
        before = row.final_quantity
        pasted.lines.append(PastedLine(cell.line, cell.sku, names[row.pk], before, quantity))
        if quantity != row.edited_quantity and not (row.edited_quantity is None and quantity == before):
            signed = (None, None, "") if quantity is None else None
            edits.append(Edit(row, row.state, quantity, signed=signed))
    pasted.lines.sort(key=lambda line: line.line)
    pasted.errors.sort(key=lambda error: error.line)
    return edits


def _quantity(row: Suggestion, cell: PastedRow) -> float | None:
    if row.state != State.OPEN:
        raise SuggestionError(
            _("The suggestion is “%(state)s”: it can't be changed.") % {"state": row.get_state_display()}
        )
    typed = quantity_read(cell.quantity)
    return None if typed is None else quantity_checked(row, float(typed))


def _places(plan: PlanRun, skus: set[str]) -> dict[str, dict[str, int]]:
    """The plan's suggestions of these SKUs: by SKU, location's code to key."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for some in batches(sorted(skus)):
        rows = Suggestion.objects.filter(plan_run=plan, product__sku__in=some)
        for pk, sku, code in rows.order_by("pk").values_list("pk", "product__sku", "location__code"):
            found[sku][code] = pk
    return found


def _place(cell: PastedRow, where: dict[str, dict[str, int]], pasted: Pasted) -> int | None:
    places = where.get(cell.sku, {})
    if not cell.sku:
        pasted.refuse(cell.line, "sku", cell.quantity, _("There is no row for it: more numbers than rows."))
    elif not places:
        pasted.refuse(cell.line, "sku", cell.sku, _("The plan has no such SKU."))
    elif cell.location and cell.location not in places:
        pasted.refuse(cell.line, "location", cell.location, _("The plan does not have the SKU there."))
    elif not cell.location and len(places) > 1:
        codes = ", ".join(sorted(places)[:8])
        pasted.refuse(
            cell.line, "location", "", _("Name one of its locations: %(codes)s.") % {"codes": codes}
        )
    else:
        return places[cell.location] if cell.location else next(iter(places.values()))
    return None
