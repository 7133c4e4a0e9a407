from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import StockLevel
from replenishment.models import ApprovalLimit, PlanRun, PurchaseOrder, PurchaseOrderEvent, Suggestion
from tests.site.api_world import DAY, World, client_of
from tests.site.test_api_matrix import callers, world  # noqa: F401

State = PurchaseOrder.State


def step(user: User, order: Any, name: str, **body: Any) -> Any:
    return client_of(user).post(f"/api/v1/purchase-orders/{order}/{name}/", body)


def draft(buyer: User, world: World) -> dict[str, Any]:  # noqa: F811
    response = client_of(buyer).post(
        "/api/v1/suggestions/make-drafts/", {"suggestions": [world.suggestion.pk]}
    )
    assert response.status_code == 200
    (order,) = response.json()
    return dict(order)


@pytest.mark.usefixtures("callers")
def test_it_takes_a_suggestion_to_received_goods(buyer: User, approver: User, world: World) -> None:  # noqa: F811
    edited = client_of(buyer).patch(
        f"/api/v1/suggestions/{world.suggestion.pk}/",
        {"quantity": "20", "reason": "fair", "plan_run": world.plan.pk},
    )
    assert (edited.json()["final_quantity"], edited.json()["order_quantity"]) == (20.0, 12.0)
    order = draft(buyer, world)
    assert (order["state"], order["value"], order["lines_count"]) == ("draft", "50.00", 1)
    number = order["id"]
    detail = client_of(buyer).get(f"/api/v1/purchase-orders/{number}/").json()
    line = detail["lines"][0]
    changed = client_of(buyer).patch(
        f"/api/v1/purchase-orders/{number}/lines/{line['id']}/", {"quantity": "24", "comment": "full pallet"}
    )
    assert changed.json()["lines"][0]["quantity"] == "24.000"
    assert step(buyer, number, "submit").json()["state"] == "submitted"
    assert step(approver, number, "return", comment="too many").json()["state"] == "draft"
    assert step(buyer, number, "submit").json()["state"] == "submitted"
    assert step(approver, number, "approve").json()["approved_by"] == "approver"
    assert step(buyer, number, "send").json()["state"] == "sent"
    goods = {"received_on": str(DAY), "lines": [{"line": line["id"], "quantity": "10"}], "key": "r1"}
    for _ in range(2):  # the same receipt twice is one receipt
        part = step(buyer, number, "receive", **goods).json()
        assert (part["state"], part["lines"][0]["received"]) == ("part-received", "10.000")
    rest = goods | {"lines": [{"line": line["id"], "quantity": "14"}], "key": "r2"}
    done = step(buyer, number, "receive", **rest).json()
    assert done["state"] == "closed"
    assert [event["action"] for event in done["events"]][:2] == ["draft", "line-set"]
    level = StockLevel.objects.get(product=world.product, location=world.location, day=DAY)
    assert level.on_hand == Decimal(64)


def test_it_lets_nobody_approve_their_own_order(admin_user: User, superuser: User, world: World) -> None:  # noqa: F811
    ApprovalLimit.objects.create(user=superuser, amount=Decimal(10**6))
    for user in (admin_user, superuser):
        order = world.order(State.SUBMITTED)
        PurchaseOrder.objects.filter(pk=order.pk).update(created_by=user, submitted_by=user)
        response = step(user, order.pk, "approve")
        assert response.status_code == 403
        assert response["Content-Type"] == "application/problem+json"
        order.refresh_from_db()
        assert order.state == State.SUBMITTED


def test_it_keeps_approvers_within_their_limit(approver: User, world: World) -> None:  # noqa: F811
    ApprovalLimit.objects.filter(user=approver).update(amount=Decimal("74.99"))
    response = step(approver, world.submitted.pk, "approve")
    assert response.status_code == 403
    assert "74.99" in response.json()["detail"]


def test_it_answers_a_step_that_the_state_forbids_with_409(buyer: User, world: World) -> None:  # noqa: F811
    assert step(buyer, world.draft.pk, "send").status_code == 409
    assert step(buyer, world.sent.pk, "submit").status_code == 409


def test_it_asks_why_an_order_goes_back(approver: User, world: World) -> None:  # noqa: F811
    response = step(approver, world.submitted.pk, "return")
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "#/comment"


def test_it_drafts_nothing_twice(buyer: User, world: World) -> None:  # noqa: F811
    draft(buyer, world)
    again = client_of(buyer).post("/api/v1/suggestions/make-drafts/", {"suggestions": [world.suggestion.pk]})
    assert again.json() == []


def test_it_refuses_an_edit_of_a_plan_that_is_no_longer_the_latest(buyer: User, world: World) -> None:  # noqa: F811
    PlanRun.objects.create(forecast_run=world.run, as_of=DAY, state="done", spec={})
    url = f"/api/v1/suggestions/{world.suggestion.pk}/"
    assert client_of(buyer).patch(url, {"quantity": "5"}).status_code == 409
    assert client_of(buyer).get("/api/v1/suggestions/").json()["results"] == []


@pytest.mark.parametrize("quantity", ["-1", "NaN", "1e30", "0.00001", "x", None])
def test_it_refuses_a_quantity_that_is_none(buyer: User, world: World, quantity: Any) -> None:  # noqa: F811
    lines = f"/api/v1/purchase-orders/{world.draft.pk}/lines/{world.draft.lines.all()[0].pk}/"
    assert client_of(buyer).patch(lines, {"quantity": quantity}).status_code == 400


def test_it_finds_a_line_by_its_own_order_alone(buyer: User, world: World) -> None:  # noqa: F811
    line = world.submitted.lines.all()[0]
    url = f"/api/v1/purchase-orders/{world.draft.pk}/lines/{line.pk}/"
    assert client_of(buyer).patch(url, {"quantity": "5"}).status_code == 404
    assert client_of(buyer).delete(url).status_code == 404


def test_it_starts_a_plan_and_refuses_one_without_sense(
    buyer: User,
    world: World,  # noqa: F811
    django_capture_on_commit_callbacks: Any,
) -> None:
    client = client_of(buyer)
    with django_capture_on_commit_callbacks() as callbacks:
        started = client.post("/api/v1/plan-runs/", {"forecast_run": world.run.pk, "target": 0.9})
    assert (started.status_code, started.json()["state"], len(callbacks)) == (202, "queued", 1)
    assert PlanRun.objects.get(pk=started.json()["id"]).spec["target"] == 0.9
    assert client.post("/api/v1/plan-runs/", {"target": 1}).status_code == 400
    assert client.post("/api/v1/plan-runs/", {"forecast_run": 99}).status_code == 400


# -- the same steps in the admin --------------------------------------------------------------------


def act(user: User, action: str, *orders: PurchaseOrder, comment: str = "") -> str:
    client = Client()
    client.force_login(user)
    response = client.post(
        reverse("admin:replenishment_purchaseorder_changelist"),
        {"action": action, "_selected_action": [order.pk for order in orders], "comment": comment},
        follow=True,
    )
    return response.content.decode()


def test_it_approves_in_the_admin_within_the_limit(approver: User, world: World) -> None:  # noqa: F811
    act(approver, "approve", world.submitted, comment="fine")
    event = PurchaseOrderEvent.objects.filter(order=world.submitted).latest("pk")
    assert (event.action, event.actor, event.comment) == ("approve", approver, "fine")


def test_it_says_in_the_admin_why_a_step_was_refused(approver: User, admin_user: User, world: World) -> None:  # noqa: F811
    own = world.order(State.SUBMITTED)
    PurchaseOrder.objects.filter(pk=own.pk).update(created_by=admin_user)
    assert "Another person has to approve" in act(admin_user, "approve", own)
    assert "comment" in act(approver, "return_to_draft", world.submitted)
    ApprovalLimit.objects.filter(user=approver).update(amount=Decimal(1))
    assert "your limit is" in act(approver, "approve", world.submitted)
    states = PurchaseOrder.objects.filter(pk__in=[own.pk, world.submitted.pk]).values_list("state", flat=True)
    assert set(states) == {State.SUBMITTED}


def test_it_offers_in_the_admin_no_step_that_the_user_may_not_take(approver: User, world: World) -> None:  # noqa: F811
    act(approver, "cancel", world.draft)
    world.draft.refresh_from_db()
    assert world.draft.state == State.DRAFT


@pytest.mark.parametrize(("name", "state"), [("approve_one", State.APPROVED), ("return_one", State.DRAFT)])
def test_it_takes_a_step_on_the_orders_page_by_post_alone(
    approver: User,
    world: World,  # noqa: F811
    name: str,
    state: str,
) -> None:
    client = Client()
    client.force_login(approver)
    url = reverse(f"admin:replenishment_purchaseorder_{name}", args=[world.submitted.pk])
    assert client.get(url).status_code == 200
    world.submitted.refresh_from_db()
    assert world.submitted.state == State.SUBMITTED
    assert client.post(url, {"comment": "ok", "_form_submitted": "on"}).status_code == 302
    world.submitted.refresh_from_db()
    assert world.submitted.state == state


def order_form(order: PurchaseOrder, quantity: str) -> dict[str, Any]:
    line = order.lines.all()[0]
    return {
        "state": "approved",
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "1",
        "lines-0-id": line.pk,
        "lines-0-order": order.pk,
        "lines-0-quantity": quantity,
        "events-TOTAL_FORMS": "0",
        "events-INITIAL_FORMS": "0",
    }


def test_it_changes_a_line_in_the_admin_by_the_service_and_never_the_state(
    admin_user: User,
    world: World,  # noqa: F811
) -> None:
    client = Client()
    client.force_login(admin_user)
    url = reverse("admin:replenishment_purchaseorder_change", args=[world.draft.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, order_form(world.draft, "33")).status_code == 302
    world.draft.refresh_from_db()
    assert (world.draft.state, world.draft.lines.all()[0].quantity) == (State.DRAFT, Decimal(33))
    assert PurchaseOrderEvent.objects.filter(order=world.draft, action="line-set").exists()
    sent = reverse("admin:replenishment_purchaseorder_change", args=[world.sent.pk])
    client.post(sent, order_form(world.sent, "99"))
    assert set(world.sent.lines.values_list("quantity", flat=True)) == {Decimal(10)}


def test_it_deletes_and_adds_no_orders_and_no_history_in_the_admin(superuser: User, world: World) -> None:  # noqa: F811
    client = Client()
    client.force_login(superuser)
    delete = reverse("admin:replenishment_purchaseorder_delete", args=[world.draft.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:replenishment_purchaseorder_add")).status_code == 403


def test_it_makes_drafts_in_the_admin(admin_user: User, approver: User, world: World) -> None:  # noqa: F811
    def drafts(user: User) -> str:
        client = Client()
        client.force_login(user)
        url = reverse("admin:replenishment_suggestion_changelist")
        values = {"action": "drafts_make", "_selected_action": [world.suggestion.pk]}
        return client.post(url, values, follow=True).content.decode()

    before = PurchaseOrder.objects.count()
    drafts(approver)
    assert PurchaseOrder.objects.count() == before
    assert "1 draft" in drafts(admin_user)
    assert "Nothing to order" in drafts(admin_user)
    assert PurchaseOrder.objects.count() == before + 1
    assert Suggestion.objects.get(pk=world.suggestion.pk).state == Suggestion.State.DRAFTED


@pytest.mark.usefixtures("callers")
def test_a_part_is_approved_once_with_the_same_key(buyer: User, approver: User, world: World) -> None:  # noqa: F811
    order = world.submitted
    first, second = order.lines.order_by("pk").values_list("pk", flat=True)
    url = f"/api/v1/purchase-orders/{order.pk}/approve-part/"
    body = {"lines": [first], "comment": "half is enough"}
    key = {"Idempotency-Key": "part-1"}
    answers = [client_of(approver).post(url, body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replayed"] == "true"
    rest = PurchaseOrder.objects.get(split_from=order)
    told = answers[0].json()
    assert (told["state"], told["home_value"], told["rest"]) == ("approved", "37.50", rest.pk)
    assert list(rest.lines.values_list("pk", flat=True)) == [second]
    detail = client_of(buyer).get(f"/api/v1/purchase-orders/{rest.pk}/").json()
    assert (detail["split_from"], detail["events"][0]["action"]) == (order.pk, "split")
    # Without a key it is another call, and the order is approved already.
    assert client_of(approver).post(url, body).status_code == 409
    assert client_of(approver).post(url, {"lines": [], "comment": "x"}).status_code == 400
    assert client_of(approver).post(url, {"lines": [first]}).status_code == 400


@pytest.mark.usefixtures("callers")
def test_many_orders_are_approved_each_for_itself(buyer: User, approver: User, world: World) -> None:  # noqa: F811
    dear = world.order(State.SUBMITTED)
    dear.lines.update(unit_cost=Decimal(9_999))
    url = "/api/v1/purchase-orders/approve-many/"
    body = {"orders": [world.submitted.pk, dear.pk, world.draft.pk, 999_999]}
    key = {"Idempotency-Key": "many-1"}
    for _ in range(2):
        answer = client_of(approver).post(url, body, headers=key).json()
        told = {row["order"]: (row["is_approved"], bool(row["error"])) for row in answer["results"]}
        assert told == {
            world.submitted.pk: (True, False),
            dear.pk: (False, True),
            world.draft.pk: (False, True),
            999_999: (False, True),
        }
    assert PurchaseOrderEvent.objects.filter(action="approve").count() == 1
    assert client_of(buyer).post(url, body).status_code == 403
    assert client_of(approver).post(url, {"orders": list(range(1, 300))}).status_code == 400
