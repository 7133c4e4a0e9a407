"""Quantities pasted from a spreadsheet."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from replenishment import services
from replenishment.models import Suggestion, SuggestionChange
from tests.cast import make_location, make_product
from tests.replenishment.world import make_plan, make_suggestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[Suggestion]:
    """TEA at two places, MUG at one, BAG rejected, BOX that nobody sells."""
    plan, tea = make_plan(), make_product(sku="TEA")
    return [
        make_suggestion(plan, product=tea, location=make_location(code="DC")),
        make_suggestion(plan, product=tea, location=make_location(code="SHOP")),
        make_suggestion(plan, product=make_product(sku="MUG")),
        make_suggestion(plan, product=make_product(sku="BAG"), state="rejected"),
        make_suggestion(plan, product=make_product(sku="BOX"), supplier_id=None, unit_cost=None),
    ]


def paste(text: str, user: User, *, seen: int | None = None, is_preview: bool = False) -> services.Pasted:
    return services.suggestions_paste(
        text=text, acting_user=user, seen_plan_run_id=seen, is_preview=is_preview
    )


def test_it_puts_all_lines_in_as_one_change(buyer: User, rows: list[Suggestion]) -> None:
    pasted = paste("TEA\t30\tSHOP\n\nMUG\t12,5\r\nTEA\t\tDC\n", buyer)
    found = Suggestion.objects.in_bulk([row.pk for row in rows])
    assert [found[row.pk].edited_quantity for row in rows[:3]] == [None, 30, 12.5]
    assert pasted.change is not None
    assert (pasted.change.kind, pasted.change.lines_count) == (SuggestionChange.Kind.PASTE, 2)
    assert [(line.line, line.location, line.after) for line in pasted.lines][:1] == [(1, "SHOP", 30)]
    services.change_undo(change_id=pasted.change.pk, acting_user=buyer)
    assert not Suggestion.objects.filter(edited_quantity__isnull=False).exists()


def test_it_changes_nothing_and_names_every_wrong_line(buyer: User, rows: list[Suggestion]) -> None:
    text = "\n".join(
        [
            "MUG\t5",
            "MUG\t6",
            "TEA\t7",
            "TEA\t7\tMOON",
            "NONE\t1",
            "BAG\t1",
            "BOX\t1",
            "TEA\tmany\tDC",
            "TEA\t-1\tSHOP",
            "only one cell",
            "a\tb\tc\td",
        ]
    )
    with pytest.raises(services.PasteRefusedError) as refused:
        paste(text, buyer)
    found = {(error.line, error.column, error.value) for error in refused.value.lines}
    assert found == {
        (2, "sku", "MUG"),
        (3, "location", ""),
        (4, "location", "MOON"),
        (5, "sku", "NONE"),
        (6, "quantity", "1"),
        (7, "quantity", "1"),
        (8, "quantity", "many"),
        (9, "quantity", "-1"),
        (10, "sku", "only one cell"),
        (11, "sku", "a\tb\tc\td"),
    }
    assert str(refused.value).startswith("Line 2, sku “MUG”:")
    assert not SuggestionChange.objects.exists()
    preview = paste(text, buyer, is_preview=True)
    assert (len(preview.errors), [line.sku for line in preview.lines]) == (10, ["MUG"])
    assert not SuggestionChange.objects.exists()


def test_it_refuses_a_newer_plan_and_who_may_not(buyer: User, viewer: User, rows: list[Suggestion]) -> None:
    with pytest.raises(PermissionDenied):
        paste("MUG\t5", viewer)
    old = rows[0].plan_run_id
    make_suggestion(make_plan(), product=rows[2].product)
    with pytest.raises(services.StaleError):
        paste("MUG\t5", buyer, seen=old)
    assert paste("MUG\t5", buyer).change is not None
