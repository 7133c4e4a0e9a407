"""The SKU page's own controls: the chart's time axis, its table, live what-if, comments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from forecasting.models import ForecastDistribution
from replenishment.models import Comment, PlanRun, Suggestion
from tests.browser.conftest import Visit

Start = Callable[..., AbstractContextManager[Visit]]
DAY = 86_400_000


def address(shop: PlanRun) -> str:
    one = Suggestion.objects.get(plan_run=shop, product__sku="TEA-0")
    return f"/sku/{one.product_id}/{one.location_id}/"


def axis(page: Page) -> tuple[float, float]:
    time = "Bokeh.documents.at(-1).get_model_by_name('time')"
    found: Any = page.evaluate(f"[{time}.start, {time}.end]")
    return float(found[0]), float(found[1])


def test_its_buttons_move_the_chart_in_time(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open(address(shop))
        expect(page.locator("#sku-chart .bk-Figure")).to_have_count(2)
        start, end = axis(page)
        page.get_by_role("button", name="3 months").click()
        near = axis(page)
        assert near[0] >= start
        assert near[1] - near[0] <= 2 * 91 * DAY
        expect(page.get_by_role("button", name="3 months")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("button", name="1 year")).not_to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Closer").click()
        closer = axis(page)
        assert closer[1] - closer[0] < near[1] - near[0]
        page.get_by_role("button", name="Earlier").click()
        assert axis(page)[0] <= closer[0]
        page.get_by_role("button", name="Later").click()
        page.get_by_role("button", name="Further out").click()
        page.get_by_role("button", name="All", exact=True).click()
        whole = axis(page)
        assert whole[0] <= start
        assert whole[1] == end
        # Another theme draws it again, with the same days in view.
        page.get_by_role("button", name="3 months").click()
        with page.expect_response(lambda answer: "theme=" in answer.url):
            page.get_by_role("button", name="Switch between light and dark").click()
        page.wait_for_function("document.querySelector('#sku-chart').getAttribute('aria-busy') === 'false'")
        person.settled()
        assert axis(page) == near


def test_its_numbers_are_a_table_too(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open(address(shop))
        page.get_by_text("The numbers as a table").click()
        rows = page.locator(".sku-numbers tbody tr")
        expect(rows.first).to_be_visible()
        expect(page.locator(".sku-numbers tr.is-ahead")).to_have_count(13)


def test_what_if_answers_while_a_number_moves(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open(address(shop))
        line = page.locator("#sku-what-if [data-number=order_quantity] td")
        expect(line.nth(2)).to_have_text("–")
        planned = line.nth(0).inner_text()
        page.get_by_role("slider", name="Lead time (days)").fill("40")
        expect(page.get_by_role("spinbutton", name="Lead time (days)")).to_have_value("40")
        expect(line.nth(2)).not_to_have_text("–")
        assert line.nth(0).inner_text() == planned
        longer = line.nth(1).inner_text()
        page.get_by_role("spinbutton", name="Demand (± %)").fill("50")
        expect(line.nth(1)).not_to_have_text(longer)
        expect(page.get_by_role("slider", name="Demand (± %)")).to_have_value("50")
        page.get_by_role("button", name="As planned").click()
        expect(line.nth(2)).to_have_text("–")
        expect(page.get_by_role("slider", name="Demand (± %)")).to_have_value("0")


def test_what_if_proposes_what_the_forecast_stored_of_price_and_promotion(
    visit: Start, shop: PlanRun, buyer: User
) -> None:
    stored = (-2.0, 0.3, 0.405465, 0.1, 0.0, 12.0, 5.0, 0.8, 0.6)
    ForecastDistribution.objects.update(response=np.array(stored, dtype="<f4").tobytes())
    with visit(buyer) as person:
        page = person.open(address(shop))
        answer = page.locator("#sku-what-if-result")
        price = page.get_by_role("spinbutton", name="Price", exact=True)
        price.fill(str(0.9 * float(price.input_value())))
        expect(answer.locator("[data-response=price]")).to_contain_text("Price −10%: demand +23%")
        uplift = page.get_by_role("spinbutton", name="Promotion: % more demand")
        page.get_by_role("checkbox", name="Promotion").check()
        expect(answer.locator("[data-response=promotion]")).to_contain_text("demand +50%")
        expect(uplift).to_have_attribute("placeholder", "50")
        page.get_by_role("spinbutton", name="Promotion: price cut (%)").fill("20")
        expect(uplift).to_have_attribute("placeholder", "134")
        uplift.fill("30")
        expect(answer).to_contain_text("Your own number counts instead.")
        page.get_by_role("button", name="As planned").click()
        expect(answer.locator("[data-response]")).to_have_count(0)
        expect(uplift).to_have_attribute("placeholder", "")


def test_people_talk_about_it(visit: Start, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open(address(shop))
        page.get_by_label("Comment").fill("Ask <i>them</i> first")
        page.get_by_role("button", name="Comment").click()
        expect(page.locator("#sku-changes blockquote")).to_have_text("Ask <i>them</i> first")
        assert Comment.objects.get().author == buyer
        page.on("dialog", lambda dialog: dialog.accept())
        page.locator("#sku-changes").get_by_role("button", name="Delete").click()
        expect(page.locator("#sku-changes blockquote")).to_have_count(0)
        assert not Comment.objects.exists()
