"""Dealing with exceptions at a browser: in place, with the focus where one left off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from replenishment.models import ExceptionCase, PlanRun, PurchaseOrder, Suggestion
from tests.browser.test_accessibility import violations
from tests.replenishment.test_view_exceptions import add_case

Start = Callable[..., Any]


def row(page: Page, case: ExceptionCase) -> Any:
    return page.locator(f"#case-{case.pk}")


def toast(page: Page, text: str) -> None:
    expect(page.locator("#toasts")).to_contain_text(text)


def test_it_deals_with_one_after_the_other(visit: Start, shop: PlanRun, buyer: User) -> None:
    first, second, third = (add_case(impact=impact) for impact in (30.0, 20.0, 10.0))
    with visit(buyer) as person:
        page = person.open("/exceptions/")
        row(page, first).get_by_role("button", name="Take it").click()
        expect(row(page, first)).to_contain_text("buyer")
        toast(page, "1 exception is buyer's now.")
        expect(row(page, first).get_by_role("button", name="More about it")).to_be_focused()
        row(page, first).get_by_role("button", name="More about it").click()
        drawer = page.locator("#drawer")
        expect(drawer).to_contain_text("What happened")
        assert violations(page) == []
        drawer.get_by_label("Why").fill("Season is over")
        drawer.get_by_role("button", name="Close", exact=True).last.click()
        expect(drawer).not_to_be_visible()
        expect(row(page, first)).to_have_count(0)
        # The next one stands in its place.
        expect(row(page, second).get_by_role("button", name="More about it")).to_be_focused()
        first.refresh_from_db()
        assert (first.state, first.comment) == ("closed", "Season is over")
        row(page, second).get_by_role("button", name="More about it").click()
        drawer.get_by_label("Until").fill("2001-01-01")
        drawer.get_by_role("button", name="Snooze").click()
        toast(page, "Snooze until a day of the next year.")
        expect(drawer).to_be_visible()
        page.keyboard.press("Escape")
        expect(row(page, third)).to_be_visible()
        # A refusal is on the console of Chromium.
        person.problems[:] = [text for text in person.problems if "409" not in text]


def test_it_deals_with_what_is_ticked(visit: Start, shop: PlanRun, buyer: User) -> None:
    cases = [add_case(impact=impact) for impact in (30.0, 20.0, 10.0)]
    with visit(buyer) as person:
        page = person.open("/exceptions/")
        bar = page.locator("#exceptions-bulk")
        expect(bar.locator("summary", has_text="Assign")).not_to_be_visible()
        for case in cases[:2]:
            row(page, case).get_by_role("checkbox").check()
        expect(bar).to_contain_text("2 ticked · $50")
        bar.locator("summary", has_text="Snooze").click()
        bar.get_by_role("button", name="Snooze").click()
        toast(page, "2 exceptions are snoozed.")
        expect(page.locator("[data-case]")).to_have_count(1)
        page.get_by_role("link", name="Snoozed").click()
        expect(page.locator("[data-case]")).to_have_count(2)
        page.get_by_label("Tick all on this page").check()
        page.locator("#exceptions-bulk").get_by_role("button", name="Wake").click()
        toast(page, "2 exceptions are open again.")
        expect(page.get_by_text("No exception here")).to_be_visible()
    assert set(ExceptionCase.objects.values_list("state", flat=True)) == {"open"}


def test_it_filters_as_one_types_and_fixes_by_one_click(visit: Start, shop: PlanRun, buyer: User) -> None:
    wanted = Suggestion.objects.filter(plan_run=shop, order_quantity__gt=0)[0]
    case = add_case(product=wanted.product, location=wanted.location)
    other = add_case()
    with visit(buyer) as person:
        page = person.open("/exceptions/")
        page.get_by_placeholder("SKU, name, supplier or order").type(wanted.product.sku)
        expect(row(page, other)).to_have_count(0)
        row(page, case).get_by_role("button", name="Draft an order").click()
        toast(page, "is drafted.")
        expect(page.locator("[data-case]")).to_have_count(0)
    assert PurchaseOrder.objects.get().lines.get().product == wanted.product
