"""A buyer works through the suggestions, and somebody else approves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from replenishment.models import PlanRun, PurchaseOrder, Suggestion
from tests.replenishment.world import make_plan

Start = Callable[..., Any]


def test_it_takes_a_buyer_from_suggestions_to_an_approved_order(
    visit: Start, shop: PlanRun, buyer: User, approver: User
) -> None:
    first = Suggestion.objects.get(plan_run=shop, product__sku="TEA-0")
    with visit(buyer) as person:
        page = person.open("/workbench/")
        rows = page.locator("table.suggestions tbody tr")
        expect(rows).to_have_count(6)

        # The quantity is changed in place; the system's stays beside it, and Enter goes on to the next row.
        field = page.get_by_label("Quantity of TEA-0")
        field.fill("300")
        field.press("Enter")
        cell = page.locator(f"#q-{first.pk}")
        expect(cell).to_have_class(re.compile("quantity--edited"))
        expect(cell).to_contain_text(f"{first.order_quantity:.0f}")
        expect(page.locator(f"#v-{first.pk}")).to_contain_text("$750")
        expect(page.locator("input:focus")).to_have_attribute("name", "quantity")
        first.refresh_from_db()
        assert first.edited_quantity == 300.0
        cell.get_by_role("button", name="Back to the system").click()
        expect(cell).not_to_have_class(re.compile("quantity--edited"))

        # What is no number is refused, and taken back.
        field = page.get_by_label("Quantity of TEA-0")
        field.fill("many")
        field.press("Tab")
        expect(page.locator("#toasts")).to_contain_text("must be a number")
        expect(field).to_have_value(f"{first.order_quantity:.0f}")
        # Chromium reports every refused request on its console: that one is meant.
        person.problems.clear()

        # Filters need no page load, and leave an address to share.
        page.get_by_role("complementary").get_by_text("Northwind").click()
        expect(rows).to_have_count(3)
        assert "supplier=" in page.url
        page.get_by_label("Search").fill("tea 2")
        expect(rows).to_have_count(1)
        page.reload()
        expect(rows).to_have_count(1)
        page.get_by_label("Search").fill("")
        expect(rows).to_have_count(3)

        page.get_by_label("Tick all on this page").check()
        expect(page.locator("#drafts [data-selection-count]")).to_have_text("3")
        page.get_by_role("button", name="Make drafts").click()
        page.wait_for_url(re.compile(r"/orders/\d+/$"))
        order = PurchaseOrder.objects.get()
        assert order.lines.count() == 3
        expect(page.get_by_role("heading", level=1)).to_have_text("Northwind")

        page.locator("summary", has_text="Submit").click()
        page.get_by_label("A word to the approver").fill("Before the fair")
        page.get_by_role("button", name="Submit for approval").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Submitted")
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    with visit(approver) as person:
        page = person.page
        page.get_by_role("link", name=order.number).click()
        expect(page.locator(".timeline")).to_contain_text("Before the fair")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Approved")
    order.refresh_from_db()
    assert (order.state, order.approved_by) == ("approved", approver)


def test_it_explains_rejects_and_tells_of_a_newer_plan(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?sort=item")
        rows = page.locator("table.suggestions tbody tr")
        rows.first.get_by_role("button", name="Explain").click()
        drawer = page.get_by_role("dialog")
        expect(drawer).to_contain_text("How the quantity comes about")
        # What the drawer shows adds up.
        terms = [
            float(text.replace("−", "-").replace(",", ""))
            for text in drawer.locator(".bridge__term td").all_inner_texts()
        ]
        total = drawer.locator(".bridge__total td").last.inner_text().removeprefix("= ").replace(",", "")
        assert round(sum(terms), 6) == float(total)

        drawer.get_by_label("Quantity").fill("12")
        drawer.get_by_label("Reason").first.fill("shelf is full")
        drawer.get_by_role("button", name="Save").click()
        expect(drawer.locator(".bridge__edit")).to_contain_text("shelf is full")
        drawer.get_by_text("Reject it").click()
        drawer.locator("#d-reject").fill("delisted")
        drawer.get_by_role("button", name="Reject", exact=True).click()
        expect(rows).to_have_count(5)
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        assert list(Suggestion.objects.filter(state="rejected").values_list("edit_reason", flat=True)) == [
            "delisted"
        ]

        make_plan(forecast_run=shop.forecast_run)
        field = page.get_by_label("Quantity of TEA-1")
        field.fill("1")
        field.press("Tab")
        expect(page.locator("#toasts")).to_contain_text("A newer plan has replaced this one")
        expect(page.locator("#toasts").get_by_role("link")).to_have_text("Show the newer plan")
        person.problems.clear()


def test_it_receives_what_came_in(visit: Start, shop: PlanRun, buyer: User) -> None:
    from replenishment import services

    ids = list(Suggestion.objects.filter(supplier__name="Alpenhof").values_list("pk", flat=True))
    [order] = services.drafts_create(suggestion_ids=ids, acting_user=buyer)
    PurchaseOrder.objects.filter(pk=order.pk).update(state="sent", submitted_by=buyer)
    with visit(buyer) as person:
        page = person.open(f"/orders/{order.pk}/")
        fields = page.locator("#receive input[name^=line-]")
        expect(fields).to_have_count(3)
        fields.first.fill("1")
        page.get_by_role("button", name="Record the receipt").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Received in part")
        page.get_by_role("button", name="Record the receipt").click()
        expect(page.locator("[aria-current=step]")).to_have_text("Closed")


def test_it_is_worked_with_the_keys_that_it_tells(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
        page.keyboard.press("/")
        expect(page.get_by_label("Search")).to_be_focused()
        page.keyboard.type("?")
        expect(page.locator("#keys")).to_be_hidden()
        expect(page.get_by_label("Search")).to_have_value("?")
        page.get_by_label("Search").fill("")
        page.get_by_label("Quantity of TEA-0").focus()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#drawer")).to_contain_text("TEA-0")
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
        page.get_by_label("Account").click()
        page.get_by_role("button", name="Keys").click()
        expect(page.locator("#keys")).to_be_visible()


def test_a_view_is_kept_chosen_and_deleted(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/")
        rows = page.locator("table.suggestions tbody tr")
        page.get_by_label("Search").fill("tea 2")
        expect(rows).to_have_count(1)
        page.get_by_role("button", name="Keep this view").click()
        page.get_by_label("Name").fill("Second tea")
        page.get_by_role("button", name="Keep", exact=True).click()
        chip = page.get_by_role("link", name="Second tea")
        expect(chip).to_have_attribute("aria-current", "true")
        page.locator(".views").get_by_role("link", name="To order").click()
        expect(rows).to_have_count(6)
        chip.click()
        expect(rows).to_have_count(1)
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete the view").click()
        expect(chip).to_have_count(0)


def test_what_is_shown_comes_as_a_file(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/?q=tea+2")
        with page.expect_download() as download:
            page.get_by_role("link", name="Excel").click()
        assert download.value.suggested_filename == f"suggestions-{shop.as_of.isoformat()}.xlsx"


def test_the_end_of_a_job_is_told_on_another_page(visit: Start, shop: PlanRun, buyer: User) -> None:
    run = shop.forecast_run
    type(run).objects.filter(pk=run.pk).update(state="running", heartbeat_at=timezone.now())
    with visit(buyer) as person:
        page = person.open(f"/forecasts/{run.pk}/")
        expect(page.locator("#job-panel")).to_be_visible()
        page.goto(person.site + "/orders/")
        type(run).objects.filter(pk=run.pk).update(state="done")
        toast = page.locator("#toasts .alert")
        expect(toast).to_contain_text(f"Forecast {run.pk} is done.")
        toast.get_by_role("link", name="Look").click()
        expect(page).to_have_url(re.compile(f"/forecasts/{run.pk}/$"))
        assert page.evaluate("localStorage.getItem('jobs')") is None
