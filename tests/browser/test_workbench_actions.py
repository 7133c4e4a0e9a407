"""What buyers do in the workbench, alone and two at a time, and what happens when something is in the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page, expect

from replenishment import services
from replenishment.models import BulkAct, PlanRun, PurchaseOrder, Snooze, Suggestion
from tests.browser.test_accessibility import violations
from tests.cast import make_supplier, make_terms, make_user
from tests.replenishment.world import run_plan

Start = Callable[..., Any]


def row(plan: PlanRun, number: int) -> Suggestion:
    return Suggestion.objects.get(plan_run=plan, product__sku=f"TEA-{number}")


def field(page: Page, number: int) -> Locator:
    return page.get_by_label(f"Quantity of TEA-{number}")


def typed(page: Page, number: int, value: str) -> Locator:
    found = field(page, number)
    found.fill(value)
    found.press("Tab")
    return found


def toast(page: Page) -> Locator:
    return page.locator("#toasts")


def set_by(user: User, suggestion: Suggestion, quantity: float) -> None:
    services.suggestion_edit(
        suggestion_id=suggestion.pk,
        quantity=quantity,
        reason="",
        acting_user=user,
        seen_plan_run_id=None,
    )


def test_it_undoes_and_redoes_by_button_and_by_key(visit: Start, shop: PlanRun, buyer: User) -> None:
    system = f"{row(shop, 0).order_quantity:.0f}"
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        typed(page, 0, "300")
        expect(toast(page)).to_contain_text("TEA-0: 300")
        typed(page, 1, "48")
        expect(toast(page)).to_contain_text("TEA-1: 48")
        toast(page).get_by_role("button", name="Undo").click()
        expect(toast(page)).to_contain_text("Undone: Quantity typed, 1 line.")
        expect(field(page, 1)).not_to_have_value("48")
        toast(page).get_by_role("button", name="Redo").click()
        expect(field(page, 1)).to_have_value("48")
        page.locator("h1").click()
        page.keyboard.press("Control+z")
        expect(field(page, 1)).not_to_have_value("48")
        page.keyboard.press("z")
        expect(field(page, 0)).to_have_value(system)
        page.keyboard.press("Shift+Z")
        expect(field(page, 0)).to_have_value("300")
        page.keyboard.press("Shift+Z")
        expect(field(page, 1)).to_have_value("48")
        person.settled()


def test_two_buyers_on_one_line_are_told_and_choose(visit: Start, shop: PlanRun, buyer: User) -> None:
    other = make_user("anna", "Buyer")
    first, second = row(shop, 0), row(shop, 1)
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        set_by(other, first, 60)
        set_by(other, second, 66)
        typed(page, 0, "90")
        expect(toast(page)).to_contain_text("anna has set it to 60 meanwhile.")
        expect(field(page, 0)).to_have_value("90")
        expect(page.locator(f"#q-{first.pk}")).to_contain_text("not saved")
        toast(page).get_by_role("button", name="Put mine").click()
        expect(page.locator(f"#q-{first.pk}")).not_to_contain_text("not saved")
        expect(toast(page)).to_contain_text("TEA-0: 90")
        typed(page, 1, "96")
        expect(toast(page)).to_contain_text("anna has set it to 66 meanwhile.")
        toast(page).get_by_role("button", name="Keep theirs").click()
        expect(field(page, 1)).to_have_value("66")
        expect(page.locator("[data-kept]")).to_be_hidden()
        person.settled()
        person.problems.clear()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.edited_quantity, first.edited_by) == (90, buyer)
    assert (second.edited_quantity, second.edited_by) == (66, other)


def test_what_was_typed_is_put_into_the_plan_that_landed_meanwhile(
    visit: Start, shop: PlanRun, buyer: User
) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        newer = run_plan(shop.forecast_run)
        typed(page, 0, "301")
        expect(toast(page)).to_contain_text("A newer plan has replaced this one")
        typed(page, 1, "302")
        expect(page.locator("[data-kept-text]")).to_contain_text("2 quantities that you typed")
        toast(page).get_by_role("link", name="Show the newer plan").first.click()
        banner = page.locator("[data-kept]")
        expect(banner).to_contain_text("2 quantities that you typed were not saved")
        banner.get_by_role("button", name="Put in").click()
        expect(toast(page)).to_contain_text("2 quantities put in.")
        expect(banner).to_be_hidden()
        expect(field(page, 0)).to_have_value("301")
        person.settled()
        person.problems.clear()
    assert (row(newer, 0).edited_quantity, row(newer, 1).edited_quantity) == (301, 302)


def test_what_was_typed_outlives_the_session(visit: Start, shop: PlanRun, buyer: User) -> None:
    from tests.cast import PASSWORD

    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        Session.objects.all().delete()
        typed(page, 2, "77")
        expect(toast(page)).to_contain_text("You are signed out. What you typed is kept")
        expect(field(page, 2)).to_have_value("77")
        toast(page).get_by_role("link", name="Sign in").click()
        page.fill("[name=username]", buyer.username)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(re.compile(r"/workbench/\?sort=item"))
        expect(field(page, 2)).to_have_value("77")
        page.locator("[data-kept]").get_by_role("button", name="Put in").click()
        expect(toast(page)).to_contain_text("TEA-2: 77")
        expect(page.locator("[data-kept]")).to_be_hidden()
        # Signed in anew elsewhere: the page's token is of the session before.
        page.context.clear_cookies(name="csrftoken")
        typed(page, 3, "78")
        expect(toast(page)).to_contain_text("This page is out of date")
        expect(field(page, 3)).to_have_value("78")
        person.settled()
        person.problems.clear()
    assert row(shop, 2).edited_quantity == 77


def test_what_was_typed_outlives_a_lost_connection(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        page.context.set_offline(True)
        typed(page, 0, "55")
        expect(toast(page)).to_contain_text("The server can’t be reached")
        expect(field(page, 0)).to_have_value("55")
        banner = page.locator("[data-kept]")
        expect(banner).to_contain_text("One quantity that you typed was not saved")
        page.context.set_offline(False)
        banner.get_by_role("button", name="Put in").click()
        expect(banner).to_be_hidden()
        page.route("**/edit/", lambda route: route.fulfill(status=502, body="bad gateway"))
        typed(page, 1, "56")
        expect(banner).to_be_visible()
        banner.get_by_role("button", name="Forget").click()
        expect(banner).to_be_hidden()
        expect(field(page, 1)).not_to_have_value("56")
        page.unroute("**/edit/")
        person.settled()
        person.problems.clear()
    assert (row(shop, 0).edited_quantity, row(shop, 1).edited_quantity) == (55, None)


def test_going_back_shows_what_holds_now(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        page.get_by_role("link", name="Green tea 0").click()
        page.wait_for_url(re.compile("/sku/"))
        set_by(make_user("anna", "Buyer"), row(shop, 0), 61)
        page.go_back()
        expect(field(page, 0)).to_have_value("61")
        person.settled()


def test_it_pastes_a_column_and_a_table(visit: Start, shop: PlanRun, buyer: User) -> None:
    def paste(page: Page, number: int, text: str) -> None:
        field(page, number).evaluate(
            """(element, text) => {
                const clipboardData = new DataTransfer();
                clipboardData.setData("text", text);
                const options = {clipboardData, bubbles: true, cancelable: true};
                element.dispatchEvent(new ClipboardEvent("paste", options));
            }""",
            text,
        )

    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        window = page.locator("#paste")
        paste(page, 4, "12\nmany\n18\n")
        expect(window).to_contain_text("2 lines can’t be taken, so none is put in")
        expect(window).to_contain_text("more numbers than rows")
        expect(window).to_contain_text("The quantity must be a number, 0 or more.")
        expect(window.get_by_role("button", name=re.compile("^Put"))).to_have_count(0)
        window.get_by_role("button", name="Close").click()
        paste(page, 4, "12\r\n18\r\n")
        window.get_by_role("button", name="Put 2 quantities in").click()
        expect(toast(page)).to_contain_text("2 quantities put in.")
        expect(field(page, 4)).to_have_value("12")
        expect(field(page, 5)).to_have_value("18")
        paste(page, 0, "TEA-3\t24\tDC\nTEA-5\t30")
        window.get_by_role("button", name="Put 2 quantities in").click()
        expect(field(page, 3)).to_have_value("24")
        expect(field(page, 5)).to_have_value("30")
        toast(page).get_by_role("button", name="Undo").click()
        expect(field(page, 5)).to_have_value("18")
        person.settled()


def test_it_changes_many_after_saying_what_would_change(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        before = row(shop, 0).order_quantity
        page.get_by_label("Tick TEA-0").check()
        page.get_by_role("button", name="Change many").click()
        window = page.locator("#bulk")
        window.get_by_label("Percent").fill("50")
        window.get_by_role("button", name="What would change?").click()
        expect(window).to_contain_text("1 line would change.")
        window.get_by_role("button", name="Change the quantities by a share").click()
        expect(toast(page)).to_contain_text("Change the quantities by a share: 1 line.")
        expect(window).to_be_hidden()
        expect(field(page, 0)).not_to_have_value(f"{before:.0f}")

        # All that the filter shows: the next Monday will do.
        page.get_by_role("button", name="Change many").click()
        window.get_by_label("Until", exact=True).fill("2199-01-01")
        window.get_by_label("Reason").fill("stock-taking")
        window.get_by_label(re.compile("All 6")).check()
        window.get_by_role("button", name="What would change?").click()
        expect(window).to_contain_text("6 lines would change.")
        window.get_by_role("button", name="Snooze", exact=True).click()
        expect(page.locator("table.suggestions tbody tr")).to_have_count(0)
        assert Snooze.objects.filter(ended_at=None, reason="stock-taking").count() == 6
        toast(page).get_by_role("button", name="Undo").click()
        expect(page.locator("table.suggestions tbody tr")).to_have_count(6)
        person.settled()
    assert not Snooze.objects.filter(ended_at=None).exists()


def test_it_snoozes_and_wakes_one_by_its_menu(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        rows = page.locator("table.suggestions tbody tr")
        page.get_by_label("More for TEA-1").click()
        page.get_by_role("button", name="Snooze", exact=True).click()
        drawer = page.get_by_role("dialog")
        drawer.get_by_label("Until", exact=True).fill("2199-01-01")
        drawer.get_by_label("Or until the stock is at").fill("4")
        drawer.get_by_role("button", name="Snooze").click()
        expect(drawer).to_contain_text("or stock at 4")
        expect(drawer).to_contain_text("Open → Snoozed")
        page.keyboard.press("Escape")
        expect(rows).to_have_count(5)
        page.get_by_role("link", name=re.compile("^Snoozed")).click()
        expect(rows).to_have_count(1)
        page.get_by_label("More for TEA-1").click()
        page.get_by_role("button", name="Wake", exact=True).click()
        expect(rows).to_have_count(0)
        person.settled()
    assert row(shop, 1).state == "open"


def test_it_buys_from_another_supplier_and_drafts_there(visit: Start, shop: PlanRun, buyer: User) -> None:
    suggestion = row(shop, 0)
    make_terms(product=suggestion.product, supplier=make_supplier(name="Hilltop"), rank=5, unit_cost="3")
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        page.locator("h1").click()
        field(page, 0).focus()
        page.get_by_label("Tick TEA-0").focus()
        page.keyboard.press("e")
        drawer = page.get_by_role("dialog")
        drawer.get_by_text("Buy from another supplier").click()
        expect(drawer.locator(".choices tbody tr")).to_have_count(2)
        drawer.get_by_role("button", name="Buy from Hilltop").click()
        expect(drawer).to_contain_text("chosen by a buyer; the plan’s is Northwind")
        expect(toast(page)).to_contain_text("from Hilltop.")
        page.keyboard.press("Escape")
        page.get_by_label("Tick TEA-0").check()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Draft and submit").click()
        page.wait_for_url(re.compile(r"/orders/\d+/$"))
        person.settled()
    order = PurchaseOrder.objects.get()
    assert order.supplier is not None
    assert (order.supplier.name, order.state) == ("Hilltop", "submitted")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_keys_are_told(visit: Start, shop: PlanRun, buyer: User, width: int) -> None:
    with visit(buyer, viewport={"width": width, "height": 900}) as person:
        page = person.open("/workbench/")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_contain_text("Undo what you did last")
        person.settled()


def test_axe_finds_nothing_in_the_windows_of_the_workbench(visit: Start, shop: PlanRun, buyer: User) -> None:
    found: list[str] = []
    with visit(buyer, reduced_motion="reduce") as person:
        page = person.open("/workbench/?sort=item")
        typed(page, 0, "300")
        expect(toast(page)).to_contain_text("TEA-0: 300")
        found += violations(page)
        page.get_by_label("More for TEA-1").click()
        found += violations(page)
        for name in ("bulk", "paste"):
            page.locator(f"[popovertarget={name}]").first.click()
            found += violations(page)
            page.locator(f"#{name}").get_by_role("button", name="Close").click()
        page.get_by_label("Explain").first.click()
        drawer = page.get_by_role("dialog")
        for summary in ("Buy from another supplier", "Snooze it", "Reject it"):
            drawer.get_by_text(summary).click()
        expect(drawer.locator(".choices tbody tr")).to_have_count(1)
        found += violations(page)
        person.settled()
    assert not found, "\n".join(found)


def test_many_in_the_background_tell_how_far_they_are_and_offer_the_undo(
    visit: Start, shop: PlanRun, buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replenishment.services.bulk_jobs.MOST_AT_ONCE", 2)
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        window = page.locator("#bulk")
        page.get_by_role("button", name="Change many").click()
        window.get_by_label("Reject").check()
        window.get_by_label("Reason").fill("stock-taking")
        window.get_by_label(re.compile("All 6")).check()
        window.get_by_role("button", name="What would change?").click()
        window.get_by_role("button", name="Reject", exact=True).click()
        expect(toast(page)).to_contain_text("Reject: 6 lines, in the background.")
        expect(window).to_be_hidden()
        found = violations(page)
        # Who comes back sees it again.
        page = person.open("/workbench/?sort=item")
        expect(toast(page)).to_contain_text("Waiting for a worker")
        expect(field(page, 0)).to_be_visible()
        services.bulk_act_execute(act_id=BulkAct.objects.get().pk)
        expect(toast(page)).to_contain_text("Reject: 6 lines.")
        expect(field(page, 0)).to_have_count(0)
        toast(page).get_by_role("button", name="Undo").click()
        expect(toast(page)).to_contain_text("Undo: 6 lines, in the background.")
        # Elsewhere its end is told too.
        page = person.open("/orders/")
        services.bulk_act_execute(act_id=BulkAct.objects.latest("pk").pk)
        expect(toast(page)).to_contain_text("Undo (6 suggestions) is done.", timeout=10_000)
        toast(page).get_by_role("link", name="Look").click()
        expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
        found += violations(page)
        person.settled()
    assert not found, "\n".join(found)


def test_messages_can_be_closed_and_a_form_is_sent_once(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        typed(page, 0, "much")
        refusal = toast(page).locator(".alert--error")
        expect(refusal).to_contain_text("must be a number")
        typed(page, 1, "1,200")
        expect(refusal).to_contain_text("without thousands separators")
        expect(refusal).to_have_count(1)
        refusal.get_by_role("button", name="Dismiss").click()
        expect(refusal).to_have_count(0)
        page.locator("[data-explain]").first.click()
        drawer = page.locator("#drawer")
        drawer.get_by_label("Quantity", exact=True).fill("-1")
        drawer.get_by_role("button", name="Save").click()
        expect(refusal).to_contain_text("0 or more")
        # In front of the drawer, not behind it.
        refusal.get_by_role("button", name="Dismiss").click()
        expect(refusal).to_have_count(0)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Plan again").dblclick()
        expect(page.get_by_text("A plan is being made")).to_be_visible()
        person.problems.clear()
    assert PlanRun.objects.exclude(pk=shop.pk).count() == 1
