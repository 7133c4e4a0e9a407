"""A headless Chromium, a page that remembers what went wrong on it, and a shop to work in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from pytest_django.live_server_helper import LiveServer

from catalog.models import SalesRecord, StockLevel
from replenishment.models import PlanRun
from tests.browser.words import Words
from tests.cast import PASSWORD, make_location, make_product, make_supplier, make_terms
from tests.conftest import ROOT
from tests.replenishment.world import AS_OF, make_forecast, run_plan

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Playwright's loop runs in this thread; Django would take its own calls for calls from async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def chromium() -> str | None:
    named = os.environ.get("FORESTOCK_CHROMIUM", "")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The first sitting leaves its shop to the other walks: it comes before them, however tests are shuffled.
    places = [place for place, item in enumerate(items) if item.path.name == "test_walks.py"]
    walks = sorted((items[place] for place in places), key=lambda item: "sits_down" not in item.name)
    for place, item in zip(places, walks, strict=True):
        items[place] = item
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # One server thread and one browser: spread over processes they would only fight.
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium, or name one in FORESTOCK_CHROMIUM")
    running = playwright_driver.chromium.launch(executable_path=path, args=ARGUMENTS)
    yield running
    running.close()


@dataclass
class Visit:
    """A person at a browser: the page, where the site is, and all that went wrong so far."""

    page: Page
    site: str
    words: Words = field(default_factory=lambda: Words("en"))
    theme: str = "light"
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.site + path)
        return self.page

    def log_in(self, user: User) -> None:
        self.open("/accounts/login/")
        if self.words.language != "en":
            self.page.locator("summary", has=self.page.locator("svg")).first.click()
            self.page.locator(f"button[value={self.words.language}]").click()
        self.page.fill("[name=username]", user.username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(self.site + "/")

    def settled(self) -> None:
        """Until no request is under way, as far as the page can tell."""
        self.page.wait_for_load_state("networkidle")

    def shoot(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture of the page as NAME-LANGUAGE-THEME-WIDTH.png, to be looked at."""
        self.settled()
        size = self.page.viewport_size
        width = size["width"] if size else 0
        shots = shots_folder()
        shots.mkdir(parents=True, exist_ok=True)
        path = shots / f"{name}-{self.words.language}-{self.theme}-{width}.png"
        # To hide the caret Playwright would leave style attributes behind, which htmx then meets.
        self.page.screenshot(path=path, full_page=whole, animations="disabled", caret="initial")


def shots_folder() -> Path:
    """Where pictures of walks are kept: FORESTOCK_SHOTS, or .artifacts (which git ignores)."""
    return Path(os.environ.get("FORESTOCK_SHOTS") or ROOT / ".artifacts")


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Callable[..., Any]:
    """`with visit(user, color_scheme="dark") as person: ...`; fails at its end where the page had errors."""

    @contextmanager
    def start(user: User | None = None, *, language: str = "en", **options: Any) -> Iterator[Visit]:
        context = browser.new_context(**options)
        # The first page of a server has heavy libraries to load.
        context.set_default_timeout(20_000)
        page = context.new_page()
        theme = options.get("color_scheme", "light")
        person = Visit(page, live_server.url, words=Words(language), theme=theme)
        page.on("pageerror", lambda error: person.problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                person.problems.append(f"{message.type}: {message.text}")
                if message.type in {"error", "warning"}
                else None
            ),
        )
        if user is not None:
            person.log_in(user)
        yield person
        assert person.problems == []
        context.close()

    return start


@pytest.fixture
def shop(transactional_db: None) -> PlanRun:
    """Six SKUs of two suppliers at one warehouse, a year of weekly sales, a forecast and its plan."""
    location = make_location(code="DC", name="Warehouse")
    suppliers = [make_supplier(name=name, minimum_order_value=500) for name in ("Northwind", "Alpenhof")]
    rates = {}
    for number in range(6):
        product = make_product(
            sku=f"TEA-{number}", name=f"Green tea {number}", names={"zh-hans": f"绿茶 {number}"}
        )
        make_terms(product=product, supplier=suppliers[number % 2], unit_size=6, is_assumed=True)
        StockLevel.objects.create(
            product=product, location=location, day=AS_OF, on_hand=5 * number, is_assumed=True
        )
        SalesRecord.objects.bulk_create(
            SalesRecord(
                product=product,
                location=location,
                day=AS_OF - timedelta(days=7 * week),
                quantity=60 + week % 9,
                revenue=5 * (60 + week % 9),
            )
            for week in range(52)
        )
        rates[product, location] = 64.0
    run = make_forecast(rates)
    run.finished_at = timezone.now()
    run.save(update_fields=["finished_at"])
    return run_plan(run)
