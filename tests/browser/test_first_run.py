"""A new shop's first sitting: from its files to its first suggestions, at a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import expect

from catalog import tasks as catalog_tasks
from forecasting import tasks as forecasting_tasks
from replenishment import tasks as replenishment_tasks
from replenishment.models import PlanRun
from tests.browser.test_accessibility import violations
from tests.replenishment.first_run_files import shop_files

Start = Callable[..., Any]
# A full forecast of three products.
PATIENCE = 120_000


@pytest.fixture
def worker(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> Iterator[None]:
    """Jobs run in threads of their own, so that the page sees them under way."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    settings.ARTIFACT_ROOT.mkdir()
    settings.FORESTOCK_TODAY = "last-data-date"
    threads = []

    def delays(task: Any) -> Callable[[int], None]:
        def work(pk: int) -> None:
            try:
                task.run(pk)
            finally:
                connection.close()

        def delay(pk: int) -> None:
            thread = threading.Thread(target=work, args=[pk])
            threads.append(thread)
            thread.start()

        return delay

    for task in (
        catalog_tasks.import_run_task,
        forecasting_tasks.run_execute_task,
        replenishment_tasks.plan_execute_task,
    ):
        monkeypatch.setattr(task, "delay", delays(task))
    yield
    for thread in threads:
        thread.join(60)


def test_a_new_shop_comes_to_its_first_suggestions_in_one_sitting(
    visit: Start, buyer: User, worker: None, tmp_path: Path
) -> None:
    paths = []
    for name, content in shop_files().items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    with visit(buyer, viewport={"width": 1440, "height": 900}) as person:
        page = person.page
        expect(page.get_by_role("heading", level=1)).to_have_text("From your files to the first order")
        assert violations(page) == []
        page.get_by_label("All files at once").set_input_files(paths)
        page.get_by_role("button", name="Upload and look").click()
        # What others refer to comes first.
        for path in sorted(paths, key=lambda path: path.name[:3] in {"ter", "sal", "sto"}):
            page.get_by_role("link", name=f"Check and import {path.name}").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text(path.name)
            page.get_by_role("button", name="Start the import").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("From your files to the first order")
            expect(page.locator(".step--running")).to_have_count(0)
        steps = page.locator("ol.steps > li")
        expect(steps.nth(0)).to_contain_text("3 rows")
        expect(steps.nth(1)).to_contain_text("All files are in")
        expect(steps.nth(2)).to_contain_text("3 product-locations sold something")
        expect(steps.nth(2)).to_contain_text("Without a price")
        page.get_by_role("button", name="Start a forecast").click()
        expect(steps.nth(3)).to_contain_text("Running")
        # The page looks by itself how far it is.
        expect(page.get_by_role("button", name="Make a plan")).to_be_visible(timeout=PATIENCE)
        assert violations(page) == []
        page.get_by_role("button", name="Make a plan").click()
        expect(page.get_by_role("link", name="See the suggestions")).to_be_visible(timeout=PATIENCE)
        page.get_by_role("link", name="See the suggestions").click()
        expect(page.locator("table.suggestions tbody tr")).to_have_count(
            PlanRun.objects.get().suggestions_count
        )
        expect(page.locator("table.suggestions")).to_contain_text("Green tea")
        # From now on the start page is the usual one.
        person.open("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("What needs you today")
        page.get_by_role("link", name="Steps of the set-up").click()
        expect(page.locator(".step--done")).to_have_count(5)
