"""Every page of the buyer, on large and small screens, light and dark, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from replenishment import services
from replenishment.models import PlanRun, Suggestion
from tests.browser.signals import signal_addresses
from tests.forecasting.held_out import make_accuracy, make_tested_run
from tests.replenishment.replay_world import make_replay
from tests.replenishment.test_view_exceptions import add_every_kind
from tests.site.api_world import add_bulk_act

Start = Callable[..., Any]


def background(page: Page) -> tuple[int, ...]:
    text = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return tuple(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))


def addresses(shop: PlanRun, buyer: User) -> list[str]:
    suggestions = list(Suggestion.objects.filter(plan_run=shop).order_by("pk"))
    [order] = services.drafts_create(suggestion_ids=[suggestions[0].pk], acting_user=buyer)
    one = suggestions[1]
    signals = signal_addresses(shop)
    tested = make_tested_run(as_of=shop.as_of)
    make_accuracy(tested, [(row.product, row.location) for row in suggestions])
    add_every_kind(order)
    return [
        "/",
        "/workbench/",
        "/workbench/?state=all&sort=-value",
        f"/sku/{one.product_id}/{one.location_id}/",
        "/actions/",
        "/exceptions/",
        f"/plans/{shop.pk}/",
        "/orders/",
        f"/orders/{order.pk}/",
        "/jobs/",
        f"/jobs/plan/{shop.pk}/",
        "/forecasts/accuracy/",
        f"/forecasts/{shop.forecast_run_id}/",
        "/replays/",
        "/scoreboard/",
        f"/replays/{make_replay(compared=True).pk}/",
        f"/workbench/acts/{add_bulk_act(shop, buyer).pk}/",
        *signals,
        "/start/",
        "/accounts/preferences/",
        "/accounts/password_change/",
        "/no-such-page/",
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360), ("light", 2560)])
def test_it_shows_every_page_without_errors_or_sideways_scrolling(
    visit: Start, shop: PlanRun, buyer: User, scheme: str, width: int
) -> None:
    with visit(buyer, color_scheme=scheme, viewport={"width": width, "height": 900}) as person:
        for address in addresses(shop, buyer):
            page = person.open(address)
            person.settled()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            assert (sum(background(page)) < 200) == (scheme == "dark"), address
            if re.fullmatch(r"/replays/\d+/", address):
                expect(page.locator("[data-chart] .bk-Figure")).to_have_count(4)
            if "/sku/" in address:
                expect(page.locator("[data-chart][aria-busy=false]")).to_have_count(1)
                expect(page.locator("[data-chart] .bk-Figure")).to_have_count(2)
        # Chromium reports the missing page on its console.
        person.problems[:] = [text for text in person.problems if "404 (Not Found)" not in text]


def test_it_switches_the_theme_and_remembers(visit: Start, shop: PlanRun, buyer: User) -> None:
    one = Suggestion.objects.filter(plan_run=shop)[0]
    with visit(buyer, color_scheme="light") as person:
        page = person.open(f"/sku/{one.product_id}/{one.location_id}/")
        expect(page.locator("[data-chart] .bk-Figure")).to_have_count(2)
        bright = background(page)
        with page.expect_response(lambda answer: "theme=dark" in answer.url):
            page.get_by_role("button", name="Switch between light and dark").click()
        assert sum(background(page)) < 200
        expect(page.locator("[data-chart] .bk-Figure")).to_have_count(2)
        page.reload()
        assert sum(background(page)) < 200
        page.get_by_label("Account").click()
        page.get_by_role("button", name="System").click()
        assert background(page) == bright


def test_it_speaks_chinese_and_back(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_label("Language").click()
        page.locator("button[value=zh-hans]").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        expect(page.locator("table.suggestions")).to_contain_text("绿茶 0")
        assert page.url.endswith("/workbench/")
        page.locator("summary", has=page.locator("svg")).nth(0).click()
        page.locator("button[value=en]").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_it_logs_in_and_out_and_refuses_a_wrong_password(visit: Start, buyer: User) -> None:
    with visit() as person:
        page = person.open("/")
        assert "/accounts/login/" in page.url
        page.fill("[name=username]", buyer.username)
        page.fill("[name=password]", "wrong")
        page.click("main button[type=submit]")
        expect(page.get_by_role("alert")).to_be_visible()
        person.log_in(buyer)
        page.get_by_label("Account").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_it_can_be_used_by_keyboard(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.locator("body").press("/")
        expect(page.get_by_label("Search")).to_be_focused()
        field = page.get_by_label("Quantity of TEA-0")
        before = field.input_value()
        field.focus()
        page.keyboard.type("77")
        page.keyboard.press("Escape")
        expect(field).to_have_value(before)


def test_it_tells_a_partner_that_the_pages_are_not_theirs(visit: Start, partner_of_supplier: User) -> None:
    with visit() as person:
        person.open("/accounts/login/")
        person.page.fill("[name=username]", partner_of_supplier.username)
        from tests.cast import PASSWORD

        person.page.fill("[name=password]", PASSWORD)
        person.page.click("main button[type=submit]")
        expect(person.page.get_by_role("heading", level=1)).to_have_text("You may not open this page")
        expect(person.page.get_by_text("through the API")).to_be_visible()
        assert person.page.get_by_role("link", name="Workbench").count() == 0
        person.problems[:] = [text for text in person.problems if "403 (Forbidden)" not in text]
