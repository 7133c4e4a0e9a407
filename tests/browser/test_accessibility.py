"""axe-core finds nothing serious on any page, light or dark (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page

from replenishment.models import PlanRun
from tests.browser.test_pages import addresses

Start = Callable[..., Any]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
MORE = (
    "/orders/approval/",
    "/workbench/?tab=transfers",
    "/plans/",
    "/policies/",
    "/policies/new/",
    "/budgets/",
    "/what-if/",
    "/imports/",
    "/imports/new/",
    "/forecasts/",
    "/forecasts/overrides/",
    "/forecasts/alarms/",
    "/admin/forecasting/productvoice/",
    "/admin/forecasting/categorysuggestion/",
    "/admin/catalog/review/",
    "/admin/catalog/productimage/",
    "/admin/",
    "/admin/catalog/product/",
)


def violations(page: Page, **options: Any) -> list[str]:
    """What axe-core finds, a line each. The size of targets in the admin is its library's own."""
    rules = RULES | {"rules": {"target-size": {"enabled": "/admin/" not in page.url}}} | options
    found = Axe().run(page, options=rules).response["violations"]
    return [
        f"{page.url} {one['id']} {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for one in found
        for node in one["nodes"][:4]
    ]


def test_axe_finds_nothing_on_any_page(visit: Start, shop: PlanRun, superuser: User) -> None:
    found: list[str] = []
    with visit(superuser, color_scheme="light", reduced_motion="reduce") as person:
        for address in (*addresses(shop, superuser), *MORE):
            page = person.open(address)
            person.settled()
            found += violations(page)
            page.emulate_media(color_scheme="dark")
            found += violations(page, runOnly=["color-contrast"], rules={})
            page.emulate_media(color_scheme="light")
        person.problems[:] = [text for text in person.problems if "404 (Not Found)" not in text]
    assert not found, "\n".join(found)
