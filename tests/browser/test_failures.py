"""What goes wrong while somebody works ends in a clear message, and no work is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from catalog.models import Job
from replenishment.models import PlanRun, PurchaseOrder
from tests.cast import PASSWORD
from tests.replenishment.world import make_order

Start = Callable[..., Any]


def test_a_job_without_a_worker_says_so_and_stays_queued(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.page
        page.get_by_role("button", name="Make a plan").click()
        expect(page.get_by_text("A plan is being made")).to_be_visible()
        plan = PlanRun.objects.exclude(pk=shop.pk).get()
        PlanRun.objects.filter(pk=plan.pk).update(created_at=timezone.now() - timedelta(minutes=1))
        # The page that is open asks again by itself.
        expect(page.get_by_text("No worker has taken it yet")).to_be_visible(timeout=15_000)
        person.open(f"/plans/{plan.pk}/")
        expect(page.locator("#job-panel")).to_contain_text("No worker has taken it yet")
        # What was planned before is still there to work with.
        person.open("/workbench/")
        expect(page.locator("table.suggestions tbody tr")).to_have_count(6)
        person.settled()
    plan.refresh_from_db()
    assert plan.state == Job.State.QUEUED


def test_a_comment_outlives_the_session_of_its_approver(visit: Start, buyer: User, approver: User) -> None:
    order = make_order(buyer, state="submitted")
    with visit(approver) as person:
        page = person.open(f"/orders/{order.pk}/?queue")
        page.get_by_placeholder("Comment: needed to return lines").fill("half of it")
        Session.objects.all().delete()
        page.get_by_role("button", name="Return all").click()
        expect(page.get_by_text("You are signed out")).to_be_visible()
        page.fill("[name=username]", approver.username)
        page.fill("[name=password]", PASSWORD)
        page.locator("main button[type=submit]").click()
        page.wait_for_url(f"**/orders/{order.pk}/?queue")
        field = page.get_by_placeholder("Comment: needed to return lines")
        expect(field).to_have_value("half of it")
        assert PurchaseOrder.objects.get(pk=order.pk).state == "submitted"
        page.get_by_role("button", name="Return all").click()
        page.wait_for_url("**/orders/approval/")
        person.problems.clear()
    assert PurchaseOrder.objects.get(pk=order.pk).state == "draft"


def test_going_back_to_an_order_that_was_submitted_submits_it_once(
    visit: Start, shop: PlanRun, buyer: User
) -> None:
    order = make_order(buyer)
    with visit(buyer) as person:
        page = person.open(f"/orders/{order.pk}/")
        page.locator("summary", has_text="Submit").click()
        page.get_by_role("button", name="Submit for approval").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Submitted")
        page.go_back()
        summary = page.locator("summary", has_text="Submit")
        if summary.count():  # the page as the browser had kept it
            summary.click()
            page.get_by_role("button", name="Submit for approval").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Submitted")
        person.settled()
    assert order.events.filter(action="submit").count() == 1
