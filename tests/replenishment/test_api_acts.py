"""Acts on suggestions by the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from replenishment import services
from replenishment.models import Suggestion, SuggestionChange
from tests.cast import make_supplier, make_terms, make_user
from tests.replenishment.world import make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db
URL = "/api/v1/suggestions/"


@pytest.fixture
def api(buyer: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(buyer)
    return client


def post(api: APIClient, path: str, status: int = 200, **body: Any) -> Any:
    answer = api.post(f"{URL}{path}", body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_it_acts_on_what_the_query_filters_and_takes_it_back(api: APIClient) -> None:
    rows, supplier, _place = make_world(3)
    other = make_suggestion(rows[0].plan_run)
    body: dict[str, Any] = {"kind": "scale", "percent": 50, "plan_run": rows[0].plan_run_id}
    told = post(api, f"bulk/?supplier={supplier.code}", **body, preview=True)
    assert told == {
        "change": None,
        "changed": 3,
        "passed_over": {},
        "value_before": 180.0,
        "value_after": 270.0,
    }
    done = post(api, "bulk/", **body, suggestions=[rows[0].pk, other.pk])
    assert (done["changed"], done["value_after"]) == (2, 180.0)
    assert Suggestion.objects.get(pk=other.pk).edited_quantity == 36
    undone = post(api, f"changes/{done['change']}/undo/")
    assert (undone["kind"], undone["changed"]) == ("undo", 2)
    assert Suggestion.objects.get(pk=other.pk).edited_quantity is None
    post(api, f"changes/{done['change']}/undo/", status=400)
    post(api, "changes/999999/undo/", status=404)
    make_plan()
    post(api, "bulk/", status=409, **body)


def test_it_snoozes_and_wakes(api: APIClient) -> None:
    row = make_suggestion(make_plan())
    post(api, f"{row.pk}/snooze/", status=400)
    assert post(api, f"{row.pk}/snooze/", stock_level="2", reason="late")["state"] == "snoozed"
    problem = post(api, f"{row.pk}/snooze/", status=400, stock_level="2")
    assert "snoozed" in str(problem["errors"])
    assert post(api, f"{row.pk}/wake/")["state"] == "open"


def test_it_buys_from_another_supplier(api: APIClient) -> None:
    row = make_suggestion(make_plan())
    make_terms(product=row.product, supplier=make_supplier(code="FAR"), unit_cost="3", order_multiple=10)
    found = post(api, f"{row.pk}/supplier/", supplier="FAR")
    # Without the plan's items the quantity is as it was, in these packs.
    assert (found["supplier"], found["final_quantity"], found["unit_cost"]) == ("FAR", 30.0, "3.0000")
    post(api, f"{row.pk}/supplier/", status=400, supplier="NOBODY")
    assert row.supplier is not None
    assert post(api, f"{row.pk}/supplier/", supplier=None)["supplier"] == row.supplier.code


def test_an_edit_that_saw_another_quantity_conflicts(api: APIClient) -> None:
    row = make_suggestion(make_plan())
    services.suggestion_edit(
        suggestion_id=row.pk,
        quantity=60,
        reason="",
        acting_user=make_user("anna", "Buyer"),
        seen_plan_run_id=None,
    )
    body = {"quantity": "70", "was": 24}
    answer = api.patch(f"{URL}{row.pk}/", body, format="json")
    assert (answer.status_code, answer.json()["detail"]) == (409, "anna has set it to 60 meanwhile.")
    assert api.patch(f"{URL}{row.pk}/", body | {"was": 60}, format="json").status_code == 200


def put_in(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(("sku", "quantity", "location"), row, strict=False)) for row in rows]


def test_it_puts_quantities_in_by_sku_and_location(api: APIClient) -> None:
    rows, _supplier, place = make_world(3)
    other = make_suggestion(rows[0].plan_run, product=rows[2].product)
    skus = [row.product.sku for row in rows]
    body = put_in([(skus[0], "12,5"), (skus[1], 7), (skus[2], "9", place.code)])
    plan = rows[0].plan_run_id
    told = post(api, "paste/", rows=body, plan_run=plan, preview=True)
    assert (told["change"], told["changed"]) == (None, 0)
    assert told["rows"][2] == {
        "row": 3,
        "sku": skus[2],
        "location": place.code,
        "before": 24.0,
        "after": 9.0,
    }
    done = post(api, "paste/", rows=body, plan_run=plan)
    held = dict(Suggestion.objects.values_list("pk", "edited_quantity"))
    assert [held[row.pk] for row in (*rows, other)] == [12.5, 7, 9, None]
    back = put_in([(skus[0], None), (skus[1], "")])
    assert post(api, "paste/", rows=back, plan_run=plan)["changed"] == 2
    held = dict(Suggestion.objects.values_list("pk", "edited_quantity"))
    assert [held[row.pk] for row in rows] == [None, None, 9]
    assert post(api, f"changes/{done['change']}/undo/")["changed"] == 1
    make_plan()
    post(api, "paste/", status=409, rows=body, plan_run=plan)


def test_it_names_each_row_that_can_not_be_put_in_and_puts_none_in(api: APIClient) -> None:
    rows, _supplier, _place = make_world(2)
    sku = rows[0].product.sku
    body = put_in([(sku, "5"), (sku, "6"), ("NONE", "1"), (rows[1].product.sku, "many"), (sku, "1", "MOON")])
    for preview in (True, False):
        problem = post(api, "paste/", status=422, rows=body, plan_run=rows[0].plan_run_id, preview=preview)
        assert [(each["pointer"], each["value"]) for each in problem["errors"]] == [
            ("#/rows/1/sku", sku),
            ("#/rows/2/sku", "NONE"),
            ("#/rows/3/quantity", "many"),
            ("#/rows/4/location", "MOON"),
        ]
    assert not SuggestionChange.objects.exists()
    problem = post(api, "paste/", status=400, rows=[{"sku": sku}], plan_run=rows[0].plan_run_id)
    assert problem["errors"][0]["pointer"] == "#/rows/0/quantity"


def test_the_same_key_puts_quantities_in_once(buyer: User) -> None:
    rows, _supplier, _place = make_world(1)
    client = APIClient()
    client.force_login(buyer)
    body = {"rows": put_in([(rows[0].product.sku, "5")]), "plan_run": rows[0].plan_run_id}

    def send(key: str) -> Any:
        return client.post(f"{URL}paste/", body, format="json", headers={"Idempotency-Key": key})

    first = send("till-7")
    services.suggestion_edit(
        suggestion_id=rows[0].pk, quantity=8, reason="", acting_user=buyer, seen_plan_run_id=None
    )
    again = send("till-7")
    assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (200, first.json(), "true")
    assert Suggestion.objects.get(pk=rows[0].pk).edited_quantity == 8


def test_many_are_acted_on_drafted_and_undone_in_the_background(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replenishment.services.bulk_jobs.MOST_AT_ONCE", 2)
    rows, supplier, _place = make_world(3)
    body: dict[str, Any] = {"kind": "scale", "percent": 50, "plan_run": rows[0].plan_run_id}
    assert post(api, f"bulk/?supplier={supplier.code}", **body, preview=True)["changed"] == 3
    job = post(api, f"bulk/?supplier={supplier.code}", status=202, **body)
    assert (job["kind"], job["rows"], job["state"], job["change"]) == ("scale", 3, "queued", None)
    services.bulk_act_execute(act_id=job["id"])
    job = api.get(f"/api/v1/bulk-acts/{job['id']}/").json()
    assert (job["state"], job["report"]["changed"], job["report"]["value_after"]) == ("done", 3, 270.0)
    undo = post(api, f"changes/{job['change']}/undo/", status=202)
    post(api, f"changes/{job['change']}/undo/", status=400)
    services.bulk_act_execute(act_id=undo["id"])
    drafts = post(api, "make-drafts/", status=202, suggestions=[row.pk for row in rows])
    services.bulk_act_execute(act_id=drafts["id"])
    listed = api.get("/api/v1/bulk-acts/?state=done").json()["results"]
    assert [each["kind"] for each in listed] == ["draft", "undo", "scale"]
    assert listed[0]["report"]["orders"] == 1
