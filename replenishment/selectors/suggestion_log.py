"""What people did with suggestions."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from replenishment.models import PlanRun, Suggestion, SuggestionChange, SuggestionChangeLine

Kind = SuggestionChange.Kind


def suggestion_log(suggestion: Suggestion) -> QuerySet[SuggestionChangeLine]:
    """All that was done with a suggestion, the latest first."""
    return (
        SuggestionChangeLine.objects.filter(suggestion=suggestion)
        .select_related("change__actor", "terms_before__supplier", "terms_after__supplier")
        .order_by("-pk")
    )


def change_to_undo(plan: PlanRun, user: User) -> SuggestionChange | None:
    """The last thing that the person did in the plan and has not undone."""
    return _own(plan, user).exclude(kind=Kind.UNDO).first()


def change_to_redo(plan: PlanRun, user: User) -> SuggestionChange | None:
    """The last undo that has not been undone; None where the person did something else since."""
    undo = _own(plan, user).filter(kind=Kind.UNDO).first()
    if undo is None:
        return None
    later = SuggestionChange.objects.filter(plan_run=plan, actor=user, undoes=None, pk__gt=undo.pk)
    return None if later.exists() else undo


def _own(plan: PlanRun, user: User) -> QuerySet[SuggestionChange]:
    return SuggestionChange.objects.filter(plan_run=plan, actor=user, undone_by=None).order_by("-pk")
