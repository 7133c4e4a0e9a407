"""Pages of what buyers do with suggestions, one and many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog import selectors as catalog
from replenishment import services
from replenishment.models import PurchaseOrder, Snooze, Suggestion, SuggestionChange
from tests.cast import make_user
from tests.replenishment.world import make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ACT, PASTE, UNDO = (reverse(f"replenishment:workbench-{name}") for name in ("act", "paste", "undo"))


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def post(client: Client, url: str, **values: Any) -> Any:
    return client.post(url, values, headers=HTMX)


def of(name: str, row: Suggestion) -> str:
    return reverse(f"replenishment:suggestion-{name}", args=[row.pk])


def said(answer: Any) -> str:
    return unquote(answer["X-Message"])


def test_a_conflict_says_who_set_it_to_what(at_work: Client) -> None:
    row = make_suggestion(make_plan())
    services.suggestion_edit(
        suggestion_id=row.pk,
        quantity=60.5,
        reason="",
        acting_user=make_user("anna", "Buyer"),
        seen_plan_run_id=None,
    )
    values = {"quantity": "90", "plan": row.plan_run_id}
    answer = post(at_work, of("edit", row), was="24", **values)
    assert (answer.status_code, answer["X-Theirs"]) == (409, "60.5")
    assert said(answer) == "anna has set it to 60.5 meanwhile."
    assert post(at_work, of("edit", row), was="60.5", **values).status_code == 200
    # Who changes what he has changed himself in another window is told nothing.
    assert post(at_work, of("edit", row), was="24", **values | {"quantity": "91"}).status_code == 200
    row.refresh_from_db()
    assert row.edited_quantity == 91


def test_undo_and_redo_follow_what_one_did(at_work: Client, buyer: User) -> None:
    row = make_suggestion(make_plan())
    assert said(post(at_work, UNDO)) == "Nothing to undo."
    for quantity in ("30", "40"):
        post(at_work, of("edit", row), quantity=quantity, plan=row.plan_run_id)

    def quantity_after(**values: str) -> float | None:
        answer = post(at_work, UNDO, **values)
        assert answer.status_code == 200, said(answer)
        assert answer["HX-Trigger"] == "workbench:changed"
        row.refresh_from_db()
        return row.edited_quantity

    assert [quantity_after(), quantity_after()] == [30, None]
    assert said(post(at_work, UNDO)) == "Nothing to undo."
    assert [quantity_after(redo="1"), quantity_after(redo="1")] == [30, 40]
    assert said(post(at_work, UNDO, redo="1")) == "Nothing to redo."
    assert quantity_after() == 30
    post(at_work, of("edit", row), quantity="50", plan=row.plan_run_id)
    assert said(post(at_work, UNDO, redo="1")) == "Nothing to redo."
    change = SuggestionChange.objects.latest("pk")
    url = reverse("replenishment:change-undo", args=[change.pk])
    at_work.force_login(make_user("other", "Buyer"))
    assert post(at_work, url).status_code == 403
    assert said(post(at_work, UNDO)) == "Nothing to undo."


def test_it_says_what_an_act_would_do_then_does_it(at_work: Client) -> None:
    rows, supplier, _place = make_world(3)
    make_suggestion(rows[0].plan_run)
    values = {
        "kind": "scale",
        "percent": "50",
        "plan": rows[0].plan_run_id,
        "query": f"supplier={supplier.pk}",
    }
    answer = post(at_work, ACT, all="1", **values)
    assert "3 lines would change." in answer.content.decode()
    assert "$180 → $270" in answer.content.decode()
    assert not SuggestionChange.objects.exists()
    answer = post(at_work, ACT, all="1", go="1", **values)
    assert "3 lines." in answer.content.decode()
    assert answer["HX-Trigger"] == "workbench:changed"
    assert Suggestion.objects.filter(edited_quantity=36).count() == 3
    answer = post(at_work, ACT, suggestion=[rows[0].pk], **values | {"kind": "system"})
    assert "1 line would change." in answer.content.decode()


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({"kind": "scale", "percent": "x"}, 422, "number"),
        ({"kind": "nonsense"}, 422, "nonsense"),
        ({"kind": "scale"}, 409, "percentage"),
        ({"kind": "reject"}, 409, "Say why"),
        ({"kind": "snooze", "until": "2020-01-01"}, 409, "ahead"),
        ({"kind": "system", "suggestion": ["x", "9" * 30]}, 422, "ticked"),
        ({"kind": "system", "plan": "1000000", "all": "1"}, 409, "newer plan"),
    ],
)
def test_it_says_what_is_wrong_with_an_act(
    at_work: Client, values: dict[str, Any], status: int, text: str
) -> None:
    row = make_suggestion(make_plan())
    answer = post(at_work, ACT, **{"suggestion": [row.pk], "plan": row.plan_run_id} | values)
    assert answer.status_code == status
    assert text in said(answer)


def test_it_drafts_and_submits_what_is_ticked(at_work: Client) -> None:
    plan = make_plan()
    rows = [make_suggestion(plan), make_suggestion(plan)]
    answer = at_work.post(
        reverse("replenishment:workbench-drafts"), {"suggestion": [r.pk for r in rows], "submit": "1"}
    )
    assert answer["Location"].endswith("?state=submitted")
    assert set(PurchaseOrder.objects.values_list("state", flat=True)) == {"submitted"}


def test_it_snoozes_and_wakes(at_work: Client) -> None:
    row = make_suggestion(make_plan())
    assert post(at_work, of("snooze", row)).status_code == 409
    until = catalog.today() + timedelta(days=3)
    answer = post(at_work, of("snooze", row), until=str(until), stock_level="2,5", reason="late", drawer="1")
    assert "or stock at 2.5" in answer.content.decode()
    assert Snooze.objects.get().reason == "late"
    assert said(post(at_work, of("snooze", row), until=str(until))) == "Nothing was done: it is snoozed."
    assert post(at_work, of("wake", row)).status_code == 200
    row.refresh_from_db()
    assert row.state == "open"


def test_it_tells_in_the_drawer_what_was_done(at_work: Client) -> None:
    row = make_suggestion(make_plan())
    post(at_work, of("edit", row), quantity="30", plan=row.plan_run_id, reason="fair")
    post(at_work, of("reject", row), reason="no room")
    text = at_work.get(of("explain", row)).content.decode()
    assert text.index("Open → Rejected") < text.index("24 → 30")
    assert "buyer" in text


def test_it_pastes_all_or_nothing(at_work: Client) -> None:
    rows = make_world(2)[0]
    text = f"{rows[0].product.sku}\t5\n{rows[1].product.sku}\tx"
    values = {"text": text, "plan": rows[0].plan_run_id}
    assert "1 line can’t be taken" in post(at_work, PASTE, **values).content.decode()
    answer = post(at_work, PASTE, go="1", **values)
    assert (answer.status_code, said(answer)[:7]) == (409, "Line 2,")
    assert not SuggestionChange.objects.exists()
    values["text"] = text.replace("x", "6")
    assert "Put 2 quantities in" in post(at_work, PASTE, **values).content.decode()
    assert "2 quantities put in." in post(at_work, PASTE, go="1", **values).content.decode()
    assert set(Suggestion.objects.values_list("edited_quantity", flat=True)) == {5, 6}
    assert post(at_work, PASTE, text="").status_code == 422


def test_it_shows_suppliers_and_takes_one(at_work: Client) -> None:
    row = make_suggestion(make_plan())
    assert "Supplier" in at_work.get(of("choices", row)).content.decode()
    answer = post(at_work, of("supplier", row), terms="999", plan=row.plan_run_id)
    assert (answer.status_code, said(answer)) == (409, "These terms are not for this product here.")


def test_it_is_never_shown_from_a_browsers_cache(at_work: Client) -> None:
    make_suggestion(make_plan())
    assert "no-store" in at_work.get("/workbench/")["Cache-Control"]


@pytest.mark.parametrize("name", ["edit", "reject", "reopen", "snooze", "wake", "supplier"])
def test_who_may_not_change_suggestions_is_refused(client: Client, viewer: User, name: str) -> None:
    row = make_suggestion(make_plan())
    client.force_login(viewer)
    assert post(client, of(name, row), quantity="1", plan=row.plan_run_id).status_code == 403
    for url in (ACT, PASTE, UNDO):
        assert post(client, url).status_code == 403
    assert client.get(of("choices", row)).status_code == 200
    assert 'id="bulk"' not in client.get("/workbench/").content.decode()
