"""Pages of what buyers do with suggestions, one and many."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog import selectors as catalog
from replenishment import services
from replenishment.models import BulkAct, PurchaseOrder, Snooze, Suggestion, SuggestionChange
from tests.cast import make_terms, make_user
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


def test_rows_tell_of_snoozes_and_of_the_plans_supplier(at_work: Client) -> None:
    plan = make_plan()
    asleep, moved = make_suggestion(plan), make_suggestion(plan)
    until = catalog.today() + timedelta(days=3)
    post(at_work, of("snooze", asleep), until=str(until), reason="waits for the fair")
    shown = at_work.get("/workbench/?state=snoozed").content.decode()
    assert "waits for the fair" in shown
    terms = make_terms(product=moved.product)
    assert post(at_work, of("supplier", moved), terms=terms.pk, plan=plan.pk).status_code == 200
    assert moved.supplier is not None
    assert f"instead of {moved.supplier.name}" in at_work.get("/workbench/").content.decode()


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


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replenishment.services.bulk_jobs.MOST_AT_ONCE", 2)


@pytest.mark.usefixtures("few_are_many")
def test_many_are_done_in_the_background_and_the_page_tells_how_far(at_work: Client) -> None:
    rows, _supplier, _place = make_world(3)
    values = {"kind": "scale", "percent": "50", "plan": rows[0].plan_run_id, "all": "1"}
    assert "3 lines would change" in post(at_work, ACT, **values).content.decode()
    assert not BulkAct.objects.exists()
    answer = post(at_work, ACT, **values, go="1")
    job = BulkAct.objects.get()
    assert json.loads(answer["HX-Trigger"]) == {"act:queued": f"act:{job.pk}"}
    text = answer.content.decode()
    assert f'data-job="act:{job.pk}"' in text
    assert "3 lines, in the background" in text
    progress = reverse("replenishment:bulk-act-progress", args=[job.pk])
    assert progress in text
    assert "Waiting for a worker" in at_work.get(progress, headers=HTMX).content.decode()
    assert f'id="act-{job.pk}"' in at_work.get(f"{progress}?whole=1", headers=HTMX).content.decode()
    BulkAct.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert "No worker has taken it yet" in at_work.get(progress, headers=HTMX).content.decode()

    services.bulk_act_execute(act_id=job.pk)
    ended = at_work.get(progress, headers=HTMX)
    assert (ended["HX-Retarget"], ended["HX-Reswap"]) == (f"#act-{job.pk}", "outerHTML")
    assert json.loads(ended["HX-Trigger"]) == {"act:ended": f"act:{job.pk}", "workbench:changed": ""}
    assert "Change the quantities by a share: 3 lines." in ended.content.decode()
    assert at_work.get(f"{progress}?whole=1", headers=HTMX).status_code == 204
    job.refresh_from_db()
    assert job.change is not None
    undo = reverse("replenishment:change-undo", args=[job.change.pk])
    assert undo in ended.content.decode()
    page = at_work.get(reverse("replenishment:bulk-act", args=[job.pk])).content.decode()
    assert undo in page
    assert "What came of it" in page
    colleague = Client()
    colleague.force_login(make_user("colleague", "Buyer"))
    assert undo not in colleague.get(reverse("replenishment:bulk-act", args=[job.pk])).content.decode()

    assert "act:queued" in post(at_work, undo)["HX-Trigger"]
    assert said(post(at_work, UNDO)) == "This is being undone already."
    undoing = BulkAct.objects.latest("pk")
    services.bulk_act_execute(act_id=undoing.pk)
    ended = at_work.get(reverse("replenishment:bulk-act-progress", args=[undoing.pk]), headers=HTMX)
    assert "Undone: Quantities changed by a share, 3 lines." in ended.content.decode()
    assert "Redo" in ended.content.decode()
    assert undo not in at_work.get(reverse("replenishment:bulk-act", args=[job.pk])).content.decode()


@pytest.mark.usefixtures("few_are_many")
def test_an_act_that_a_newer_plan_ended_says_so(at_work: Client) -> None:
    rows, _supplier, _place = make_world(3)
    post(at_work, ACT, kind="reject", reason="no", plan=rows[0].plan_run_id, all="1", go="1")
    make_plan()
    job = BulkAct.objects.get()
    services.bulk_act_execute(act_id=job.pk)
    ended = at_work.get(reverse("replenishment:bulk-act-progress", args=[job.pk]), headers=HTMX)
    assert "A newer plan has replaced this one" in ended.content.decode()
    assert json.loads(ended["HX-Trigger"]) == {"act:ended": f"act:{job.pk}"}
    assert "Nothing was changed." in at_work.get(job_address(job)).content.decode()


def job_address(job: BulkAct) -> str:
    return reverse("replenishment:bulk-act", args=[job.pk])


@pytest.mark.usefixtures("few_are_many")
def test_many_drafts_are_made_in_the_background(at_work: Client) -> None:
    rows, _supplier, _place = make_world(3)
    drafts = reverse("replenishment:workbench-drafts")
    answer = at_work.post(drafts, {"all": "1", "plan": rows[0].plan_run_id, "submit": "1"})
    job = BulkAct.objects.get()
    assert answer["Location"] == job_address(job)
    assert "Waiting for a worker" in at_work.get(job_address(job)).content.decode()
    services.bulk_act_execute(act_id=job.pk)
    [order] = PurchaseOrder.objects.all()
    assert (order.state, order.lines.count()) == ("submitted", 3)
    assert order.number in at_work.get(job_address(job)).content.decode()
    ended = at_work.get(reverse("replenishment:bulk-act-progress", args=[job.pk]), headers=HTMX)
    assert f"1 order submitted: {order.number}" in ended.content.decode()


def test_a_filter_that_matches_nothing_does_nothing(at_work: Client) -> None:
    rows, _supplier, _place = make_world(1)
    values = {"kind": "scale", "percent": "5", "plan": rows[0].plan_run_id, "all": "1", "query": "q=nothing"}
    assert "0 lines would change" in post(at_work, ACT, **values).content.decode()
    assert "0 lines." in post(at_work, ACT, **values, go="1").content.decode()
    assert not SuggestionChange.objects.exists()
    assert not BulkAct.objects.exists()


def test_acts_in_the_background_are_for_those_inside(
    client: Client, viewer: User, buyer: User, partner_of_supplier: User
) -> None:
    plan = make_world(1)[0][0].plan_run
    job = BulkAct.objects.create(plan_run=plan, kind="reject", created_by=buyer)
    for name in ("bulk-act", "bulk-act-progress"):
        url = reverse(f"replenishment:{name}", args=[job.pk])
        client.logout()
        assert client.get(url).status_code == 302
        for user, status in ((viewer, 200), (partner_of_supplier, 403), (make_user("nobody"), 403)):
            client.force_login(user)
            assert client.get(url).status_code == status
        client.force_login(viewer)
        assert client.post(url).status_code == 405
        assert client.get(reverse(f"replenishment:{name}", args=[999_999])).status_code == 404
        User.objects.filter(username="nobody").delete()
