"""Taking back what somebody did with suggestions: as far as nobody has changed them since."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, Suggestion, SuggestionChange, SuggestionChangeLine
from replenishment.services.bulk_progress import Report, silent, told
from replenishment.services.errors import SuggestionError
from replenishment.services.orders import permission_require
from replenishment.services.snoozes import snoozes_follow
from replenishment.services.suggestion_changes import Edit, suggestions_change, suggestions_locked
from replenishment.services.suggestion_supplier import supply_back
from replenishment.services.suggestions import EDIT, plan_latest_lock, plan_stale

# What reading the rows takes of an undo, once their log is read.
_READ = (0.1, 0.4)
OF_ANYBODY = "change_approvallimit"  # an administrator's: who decides what people may do


@dataclass(frozen=True)
class Undone:
    """The change that an undo wrote, and how many suggestions it left alone: they were changed since."""

    change: SuggestionChange
    passed_over: int


def change_undo(*, change_id: int, acting_user: User, report: Report = silent) -> Undone:
    """Put the suggestions of a change back as they were, where they still are as it left them.

    One's own changes of the latest plan, each once; administrators may undo anybody's. Undoing an undo does
    the change again, and is logged as a change of its kind. Raises StaleError for an older plan,
    SuggestionError where nothing can be put back.
    """
    permission_require(acting_user, EDIT)
    with transaction.atomic():
        plan = plan_latest_lock()
        change = SuggestionChange.objects.select_for_update(of=("self",)).get(pk=change_id)
        plan = undo_check(change, plan, acting_user)
        report("read", 0.0)
        lines = {line.suggestion_id: line for line in change.lines.all()}
        now = told(suggestions_locked(lines), len(lines), report, "read", *_READ)
        rows = [row for row in now if _is_as_left(row, lines[row.pk])]
        edits = [edit for row in rows if (edit := _back(row, lines[row.pk])) is not None]
        if not edits:
            raise SuggestionError(_("All of it was changed again since: there is nothing to undo."))
        undo = suggestions_change(
            edits,
            plan=plan,
            kind=_kind(change),
            acting_user=acting_user,
            reason=change.reason,
            undoes=change,
            report=report,
        )
        snoozes_follow(edits)
        return Undone(undo, len(lines) - len(edits))


def undo_check(change: SuggestionChange, plan: PlanRun | None, acting_user: User) -> PlanRun:
    """The latest plan, where the person may take this change of it back; else raises as `change_undo`."""
    permission_require(acting_user, EDIT)
    if change.actor_id != acting_user.pk:
        permission_require(acting_user, OF_ANYBODY)
    if plan is None or change.plan_run_id != plan.pk:
        raise plan_stale()
    if SuggestionChange.objects.filter(undoes=change).exists():
        raise SuggestionError(_("This was undone already."))
    return plan


def _kind(change: SuggestionChange) -> str:
    """An undo of an undo does again what was done first."""
    if change.kind != SuggestionChange.Kind.UNDO or change.undoes is None:
        return SuggestionChange.Kind.UNDO
    return change.undoes.kind


def _is_as_left(row: Suggestion, line: SuggestionChangeLine) -> bool:
    now = (row.state, row.edited_quantity, row.terms_id)
    return now == (line.state_after, line.quantity_after, line.terms_after_id)


def _back(row: Suggestion, line: SuggestionChangeLine) -> Edit | None:
    """None where it was on another supplier's terms that are gone since."""
    supply, planned_with = None, row.planned_with
    if line.terms_before_id != line.terms_after_id:
        found = supply_back(row, line.terms_before_id, line.quantity_before)
        if found is None:
            return None
        supply, planned_with = found
    return Edit(
        row,
        line.state_before,
        line.quantity_before,
        supply=supply,
        planned_with=planned_with,
        signed=(line.edited_by_before_id, line.edited_at_before, line.reason_before),
    )
