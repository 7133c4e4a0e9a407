"""A planner overrides a forecast on the page of a SKU, sees what it does, and takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from forecasting.models import ForecastOverride
from replenishment.models import PlanRun, Suggestion

Start = Callable[..., Any]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_it_shows_the_effect_makes_the_override_and_takes_it_back(
    visit: Start, shop: PlanRun, buyer: User, scheme: str, width: int
) -> None:
    suggestion = Suggestion.objects.filter(plan_run=shop).order_by("pk")[1]
    with visit(buyer, color_scheme=scheme, viewport={"width": width, "height": 900}) as person:
        page = person.open(f"/sku/{suggestion.product_id}/{suggestion.location_id}/")
        panel = page.locator("#override-panel")
        panel.get_by_text("Override the forecast").click()
        panel.locator("[name=kind]").select_option("uplift")
        panel.locator("[name=value]").fill("36")
        # 64 a week in the model.
        expect(panel.locator(".figure dd:not(.figure__note)")).to_have_text(["64", "64", "100"])
        panel.locator("[name=last_day]").fill(str(shop.as_of - timedelta(days=1)))
        expect(panel.locator(".field__error")).to_contain_text("last day")
        panel.locator("[name=last_day]").fill(str(shop.as_of + timedelta(days=14)))
        panel.locator("[name=reason]").fill("A wedding")
        expect(panel.locator(".figure dd:not(.figure__note)")).to_have_text(["128", "128", "164"])
        panel.get_by_role("button", name="Override").click()
        expect(panel.locator("tbody tr")).to_contain_text("A wedding")
        expect(panel.locator("tbody .strong")).to_have_text("164")
        page = person.open("/forecasts/overrides/")
        expect(page.locator("tbody tr")).to_contain_text("A wedding")
        page.get_by_text("Override the forecast").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page = person.open(f"/sku/{suggestion.product_id}/{suggestion.location_id}/")
        panel.get_by_role("button", name="Withdraw").click()
        expect(panel.locator("tbody tr")).to_have_count(0)
        person.settled()
    override = ForecastOverride.objects.get()
    assert (override.withdrawn_by, override.created_by) == (buyer, buyer)
