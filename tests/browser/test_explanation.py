"""The parts of a forecast, filled into the SKU page and the drawer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from forecasting.core.explain import GROUPS
from forecasting.models import ForecastDistribution
from replenishment.models import PlanRun, Suggestion
from tests.browser.conftest import Visit

Start = Callable[..., AbstractContextManager[Visit]]


def explain_all(plan: PlanRun) -> None:
    """Give the plan's forecasts of 64 a week their parts: a season that fades, and one promoted week."""
    for row in ForecastDistribution.objects.filter(run=plan.forecast_run):
        mean = np.frombuffer(row.mean, dtype="<f4")
        parts = np.zeros((len(mean), len(GROUPS)), dtype="<f4")
        parts[:, GROUPS.index("season")] = np.linspace(12, -6, len(mean))
        parts[2, GROUPS.index("promotion")] = 20
        parts[:, GROUPS.index("price")] = -3
        parts[:, 0] = mean - parts.sum(axis=1)
        row.contributions = parts.tobytes()
        row.save(update_fields=["contributions"])


def test_it_fills_in_why_the_forecast_says_so(visit: Start, shop: PlanRun, buyer: User) -> None:
    explain_all(shop)
    chosen = Suggestion.objects.get(plan_run=shop, product__sku="TEA-0")
    with visit(buyer) as person:
        page = person.open(reverse("replenishment:sku", args=[chosen.product_id, chosen.location_id]))
        card = page.locator("#explanation")
        expect(card).to_contain_text("About 64 units a week: the recent level makes 62, ")
        expect(card.locator(".bridge__term")).to_have_count(4)
        box = card.locator("svg").first.bounding_box()
        assert box is not None
        assert box["width"] > 100
        card.get_by_text("Period by period").click()
        expect(card.locator("details tbody tr")).to_have_count(13)
        person.settled()
        page = person.open("/workbench/?sort=item")
        page.locator("table.suggestions tbody tr").first.get_by_role("button", name="Explain").click()
        expect(page.get_by_role("dialog")).to_contain_text("the recent level makes 62")
        person.settled()
