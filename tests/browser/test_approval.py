"""An approver at a phone: the queue, an order in part, many at once; and a job that is looked after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from forecasting.models import ForecastRun
from replenishment.models import PlanRun, PurchaseOrder
from tests.browser.test_accessibility import violations
from tests.forecasting.shop import AS_OF
from tests.replenishment.world import make_order

Start = Callable[..., Any]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What a thumb hits without looking (WCAG 2.2, 2.5.8, asks for 24 by 24).
THUMB = 40


def submitted(by: User, **values: Any) -> PurchaseOrder:
    return make_order(by, state="submitted", margin_at_risk=20.0, **values)


def tall(person: Any, name: str) -> bool:
    box = person.page.get_by_role("button", name=name).bounding_box()
    return box is not None and box["height"] >= THUMB


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_order_is_approved_in_part_on_a_phone(
    visit: Start, buyer: User, approver: User, scheme: str
) -> None:
    order = submitted(buyer, count=3)
    with visit(approver, color_scheme=scheme, **PHONE) as person:
        page = person.open("/orders/approval/")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(f"a[href^='/orders/{order.pk}/']").tap()
        expect(page.get_by_role("button", name="Approve all")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert violations(page) == []
        assert tall(person, "Approve all")
        assert tall(person, "Return all")
        box = page.locator("[data-select]").last
        box.uncheck()
        expect(page.get_by_role("button", name="Approve all")).to_be_hidden()
        part = page.get_by_role("button", name="Approve the ticked, return the rest")
        expect(part).to_be_in_viewport()
        expect(page.locator("[data-selection-count]")).to_have_text("2")
        expect(page.locator("[data-selection-value]")).to_have_text("$120")
        # Without a word to the buyer nothing is sent.
        part.tap()
        assert page.evaluate("document.activeElement.name") == "comment"
        page.get_by_placeholder("Comment: needed to return lines").fill("next month")
        part.tap()
        expect(page.get_by_text("approved in part")).to_be_visible()
        assert page.url.endswith("/orders/approval/")
    order.refresh_from_db()
    rest = PurchaseOrder.objects.get(split_from=order)
    assert (order.state, order.lines.count(), rest.state, rest.lines.count()) == ("approved", 2, "draft", 1)


def test_it_returns_one_and_approves_the_rest_on_a_phone(visit: Start, buyer: User, approver: User) -> None:
    orders = [submitted(buyer) for _ in range(3)]
    with visit(approver, **PHONE) as person:
        page = person.open(f"/orders/{orders[0].pk}/?queue")
        back = page.get_by_role("button", name="Return all")
        back.tap()
        assert page.evaluate("document.activeElement.name") == "comment"
        page.get_by_placeholder("Comment: needed to return lines").fill("too many")
        back.tap()
        page.wait_for_url("**/orders/approval/")
        expect(page.get_by_role("button", name="Approve the ticked orders")).to_be_hidden()
        page.get_by_text("Tick all").tap()
        expect(page.locator("[data-selection-count]")).to_have_text("2")
        expect(page.locator("[data-selection-value]")).to_have_text("$240")
        page.get_by_role("button", name="Approve the ticked orders").tap()
        expect(page.get_by_text("2 orders approved")).to_be_visible()
        expect(page.get_by_text("Nothing waits for approval")).to_be_visible()
    states = PurchaseOrder.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["draft", "approved", "approved"]


def test_a_printed_order_is_black_on_white_in_the_dark(visit: Start, buyer: User) -> None:
    order = make_order(buyer, state="approved")
    with visit(buyer, color_scheme="dark") as person:
        page = person.open(f"/orders/{order.pk}/")
        page.get_by_role("link", name="Print").click()
        page.wait_for_url("**/print/")
        assert violations(page) == []
        page.emulate_media(media="print", color_scheme="dark")
        colours = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        expect(page.locator("[data-print]")).to_be_hidden()
        page.emulate_media(media="screen")
        page.evaluate("window.print = () => { document.title = 'printed'; }")
        page.get_by_role("button", name="Print").click()
        assert page.title() == "printed"


def test_a_job_is_followed_stopped_and_retried_on_its_page(visit: Start, buyer: User, shop: PlanRun) -> None:
    run = ForecastRun.objects.create(
        as_of=AS_OF, known_at=timezone.now(), state="running", step="backtest", progress=0.4,
        started_at=timezone.now(), heartbeat_at=timezone.now(),
    )  # fmt: skip
    ForecastRun.note(run.pk, "taken", attempt=1)
    with visit(buyer) as person:
        page = person.open(f"/forecasts/{run.pk}/")
        expect(page.locator("#job-panel")).to_contain_text("A worker began (attempt 1)")
        ForecastRun.note(run.pk, "step", step="backtest")
        # The log grows while one looks.
        expect(page.locator(".job-lines")).to_contain_text("Backtesting the models")
        page.on("dialog", lambda dialog: dialog.accept())
        page.locator("#job-panel").get_by_role("button", name="Stop").click()
        expect(page.locator("#job-panel")).to_contain_text("Stopped by buyer.")
        page.locator("#job-panel").get_by_role("button", name="Retry").click()
        expect(page.get_by_text("It is queued once more.")).to_be_visible()
        page = person.open("/jobs/")
        expect(page.get_by_role("link", name=f"Forecast {run.pk}")).to_be_visible()
        page.get_by_role("combobox").select_option("plan")
        page.wait_for_url("**kind=plan**")
        expect(page.get_by_role("link", name=f"Plan {shop.pk}")).to_be_visible()
        expect(page.get_by_role("link", name=f"Forecast {run.pk}")).to_have_count(0)
        person.settled()
    run.refresh_from_db()
    assert run.state == "queued"
