"""Acts on suggestions by the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from replenishment import services
from replenishment.models import Suggestion
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
