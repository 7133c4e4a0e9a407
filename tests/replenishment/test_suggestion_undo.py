"""Taking back what was done with suggestions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from replenishment import services
from replenishment.models import PlanSum, Suggestion, SuggestionChange
from tests.cast import make_user
from tests.replenishment.world import make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db
Kind = SuggestionChange.Kind


def edit(row: Suggestion, quantity: float | None, user: User, reason: str = "fair") -> SuggestionChange:
    services.suggestion_edit(
        suggestion_id=row.pk, quantity=quantity, reason=reason, acting_user=user, seen_plan_run_id=None
    )
    return SuggestionChange.objects.latest("pk")


def undo(change: SuggestionChange, user: User) -> services.Undone:
    return services.change_undo(change_id=change.pk, acting_user=user)


def test_it_puts_back_quantity_state_and_signature(buyer: User) -> None:
    row = make_suggestion(make_plan())
    edit(row, 30, buyer, "first")
    second = edit(row, 40, buyer, "second")
    assert undo(second, buyer).passed_over == 0
    row.refresh_from_db()
    assert (row.edited_quantity, row.edit_reason, row.edited_by) == (30, "first", buyer)
    services.suggestion_reject(suggestion_id=row.pk, reason="no room", acting_user=buyer)
    undo(SuggestionChange.objects.latest("pk"), buyer)
    row.refresh_from_db()
    assert (row.state, row.edited_quantity, row.edit_reason) == ("open", 30, "first")
    assert PlanSum.objects.get().value == 75.0


def test_it_redoes_by_undoing_the_undo_which_then_can_be_undone(buyer: User) -> None:
    row = make_suggestion(make_plan())
    first = edit(row, 30, buyer)
    undone = undo(first, buyer).change
    assert undone.kind == Kind.UNDO
    again = undo(undone, buyer).change
    row.refresh_from_db()
    assert (again.kind, row.edited_quantity, row.edit_reason) == (Kind.QUANTITY, 30, "fair")
    undo(again, buyer)
    row.refresh_from_db()
    assert row.edited_quantity is None
    with pytest.raises(services.SuggestionError, match="already"):
        undo(first, buyer)


def test_it_passes_over_what_was_changed_or_drafted_since(buyer: User) -> None:
    rows, _supplier, _place = make_world(4)
    acted = services.suggestions_act(
        suggestion_ids=[row.pk for row in rows],
        act=services.Act(Kind.SCALE, percent=50),
        acting_user=buyer,
    )
    assert acted.change is not None
    edit(rows[0], 7, make_user("other", "Buyer"))
    services.drafts_create(suggestion_ids=[rows[1].pk], acting_user=buyer)
    assert undo(acted.change, buyer).passed_over == 2
    found = {row.pk: (row.state, row.edited_quantity) for row in Suggestion.objects.all()}
    assert [found[row.pk] for row in rows] == [
        ("open", 7.0),
        ("drafted", 36.0),
        ("open", None),
        ("open", None),
    ]
    lonely = edit(rows[2], 5, buyer)
    edit(rows[2], 6, buyer)
    with pytest.raises(services.SuggestionError, match="nothing to undo"):
        undo(lonely, buyer)


def test_it_is_for_ones_own_changes_of_the_latest_plan(buyer: User, viewer: User, admin_user: User) -> None:
    row = make_suggestion(make_plan())
    change = edit(row, 30, buyer)
    for user in (viewer, make_user("other", "Buyer")):
        with pytest.raises(PermissionDenied):
            undo(change, user)
    undo(change, admin_user)
    change = edit(row, 31, buyer)
    make_plan()
    with pytest.raises(services.StaleError):
        undo(change, buyer)
