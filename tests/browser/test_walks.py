"""Walks through the product as its users go: real sales, a real worker, English and Chinese, light and dark.

Every page on the way is kept as a picture (`shots_folder`).
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import expect

from catalog.models import ImportBatch, Job, SalesRecord, StockLevel
from forecasting.models import ForecastRun
from replenishment import services
from replenishment.models import ApprovalLimit, PlanRun, PurchaseOrder, Suggestion
from tests.browser.conftest import Visit
from tests.browser.frat import frat_files
from tests.browser.live_worker import live_worker
from tests.cast import make_user
from tests.site.test_worker_killed import database_url

pytestmark = pytest.mark.data

Start = Callable[..., Any]
PATIENCE = 180_000
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
DAYLIGHT_AND_NIGHT = [("en", "light"), ("zh-hans", "dark")]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first shop that came to its plan is kept, for the walks that begin with one."""
    return tmp_path_factory.mktemp("walks") / "shop.sqlite3"


@pytest.fixture(scope="module")
def crew(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Path]:
    """A Celery worker for all walks; its log."""
    with django_db_blocker.unblock():
        url = database_url()
    with live_worker(url, tmp_path_factory.mktemp("worker")) as log:
        yield log


@pytest.fixture
def today(settings: Any) -> None:
    settings.FORESTOCK_TODAY = "last-data-date"


def wait_for_imports(log: Path) -> None:
    """Until the worker has ended what was started."""
    deadline = time.monotonic() + PATIENCE / 1000
    while any(not batch.is_draft and not batch.is_finished for batch in ImportBatch.objects.all()):
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.05)


def first_sitting(person: Visit, files: dict[str, bytes], folder: Path, log: Path) -> None:
    """From an empty database to the first suggestions."""
    page, words = person.page, person.words
    paths = []
    for name, content in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(words("From your files to the first order"))
    person.shoot("sitting-1-start")
    page.get_by_label(words("All files at once")).set_input_files(paths)
    page.get_by_role("button", name=words("Upload and look")).click()
    expect(page.get_by_text("sales.csv").first).to_be_visible()
    person.shoot("sitting-2-files")
    # What others refer to comes first.
    for path in sorted(paths, key=lambda path: path.name[:3] in {"ter", "sal", "sto"}):
        page.get_by_role("link", name=f"{words('Check and import')} {path.name}").click()
        expect(heading).to_contain_text(path.name)
        if path.name == "sales.csv":
            column = page.get_by_label(words("Column %(name)s is", name="Pieces over the counter"))
            expect(column).to_have_value("")
            column.select_option("quantity")
            person.shoot("sitting-3-columns")
        page.get_by_role("button", name=words("Start the import")).click()
        expect(heading).to_have_text(words("From your files to the first order"))
        # (The page asks by itself every other second: that is walked with the forecast.)
        wait_for_imports(log)
        page.reload()
        expect(page.locator(".step--running")).to_have_count(0)
    assert not ImportBatch.objects.exclude(state=Job.State.DONE).exists(), log.read_text()[-4000:]
    sold = files["sales.csv"].count(b"\n") - 1
    assert SalesRecord.objects.count() == sold
    assert StockLevel.objects.count() == files["stock.csv"].count(b"\n") - 1
    steps = page.locator("ol.steps > li")
    all_in = "All files are in. A later file with the same columns is read the same way."
    expect(steps.nth(1)).to_contain_text(words(all_in))
    person.shoot("sitting-4-health")
    page.get_by_role("button", name=words("Start a forecast")).click()
    expect(steps.nth(3)).to_contain_text(words("Running"))
    expect(page.get_by_role("button", name=words("Make a plan"))).to_be_visible(timeout=PATIENCE)
    person.shoot("sitting-5-forecast")
    assert ForecastRun.objects.get().state == Job.State.DONE, log.read_text()[-4000:]
    page.get_by_role("button", name=words("Make a plan")).click()
    page.get_by_role("link", name=words("See the suggestions")).click(timeout=PATIENCE)
    plan = PlanRun.objects.get()
    assert (plan.state, plan.exceptions_count) == (Job.State.DONE, 0)
    rows = page.locator("table.suggestions tbody tr")
    expect(rows).to_have_count(Suggestion.objects.filter(lane="order").count())
    person.shoot("sitting-6-suggestions")


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("zh-hans", "light")])
def test_a_new_shop_sits_down_and_comes_to_its_first_suggestions(
    visit: Start, today: None, crew: Path, buyer: User, public_data: Path, kept: Path, tmp_path: Path,
    language: str, theme: str,
) -> None:  # fmt: skip
    with visit(buyer, language=language, color_scheme=theme, **DESK) as person:
        first_sitting(person, frat_files(public_data), tmp_path, crew)
    keep(kept)


@pytest.fixture
def loaded(
    request: pytest.FixtureRequest,
    transactional_db: None,
    today: None,
    public_data: Path,
    kept: Path,
    tmp_path: Path,
) -> PlanRun:
    """The shop of the first sitting, with its plan: taken from where it was kept, else walked to."""
    if kept.exists():
        with closing(sqlite3.connect(kept)) as source:
            connection.ensure_connection()
            source.backup(connection.connection)
    else:
        with request.getfixturevalue("visit")(make_user("buyer", "Buyer"), **DESK) as person:
            first_sitting(person, frat_files(public_data), tmp_path, request.getfixturevalue("crew"))
        keep(kept)
    approver = make_user("approver", "Approver", is_staff=True)
    ApprovalLimit.objects.create(user=approver, amount=Decimal(100_000))
    return PlanRun.objects.get()


def keep(path: Path) -> None:
    """Copy the tables away. (On a database server each walk comes to its plan by itself.)"""
    if connection.vendor == "sqlite" and not path.exists():
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as target:
            connection.connection.backup(target)


def person_called(name: str) -> User:
    return User.objects.get(username=name)


def submitted(plan: PlanRun) -> list[PurchaseOrder]:
    """An order of each supplier with something to order, which wait for approval."""
    buyer = person_called("buyer")
    ids = list(Suggestion.objects.filter(plan_run=plan, lane="order").values_list("pk", flat=True))
    orders = services.drafts_create(suggestion_ids=ids, acting_user=buyer)
    for order in orders:
        services.order_submit(order_id=order.pk, acting_user=buyer)
    assert len(orders) >= 2
    return list(orders)


@pytest.mark.parametrize(("language", "theme"), DAYLIGHT_AND_NIGHT)
def test_a_buyer_s_morning(visit: Start, loaded: PlanRun, language: str, theme: str) -> None:
    lines = Suggestion.objects.filter(plan_run=loaded, lane="order").select_related("product", "supplier")
    one = lines.order_by("-margin_at_risk")[0]
    assert one.supplier is not None
    theirs = lines.filter(supplier=one.supplier).count()
    with visit(person_called("buyer"), language=language, color_scheme=theme, **DESK) as person:
        page, words = person.page, person.words
        expect(page.get_by_role("heading", level=1)).to_have_text(words("What needs you today"))
        person.shoot("buyer-1-today")
        page.get_by_role("link", name=words("Open the workbench")).click()
        rows = page.locator("table.suggestions tbody tr")
        expect(rows).to_have_count(lines.count())
        person.shoot("buyer-2-workbench")
        page.get_by_role("complementary", name=words("Suppliers")).get_by_text(one.supplier.name).click()
        expect(rows).to_have_count(theirs)
        whole = page.locator("#rail-all").inner_text()
        quantity = page.get_by_label(words("Quantity of %(sku)s", sku=one.product.sku))
        wanted = round(one.order_quantity) + 24
        quantity.fill(str(wanted))
        quantity.press("Tab")
        expect(page.locator(f"#q-{one.pk}")).to_have_class(re.compile("quantity--edited"))
        # The sums are still of what the filter shows, and the whole has grown with its part.
        expect(page.locator("#strip dd").first).to_have_text(
            page.locator(f"#rail-{one.supplier.pk} .rail__value").inner_text()
        )
        expect(page.locator("#rail-all")).not_to_have_text(whole)
        person.shoot("buyer-3-edited")
        one.refresh_from_db()
        assert (one.edited_quantity, one.edited_by) == (wanted, person_called("buyer"))
        page.locator(f"#s-{one.pk}").get_by_role("button", name=words("Explain"), exact=True).click()
        drawer = page.get_by_role("dialog")
        expect(drawer).to_contain_text(words("How the quantity comes about"))
        expect(drawer).to_contain_text(f"{wanted:,}")
        person.shoot("buyer-4-explained", whole=False)
        page.keyboard.press("Escape")
        page.get_by_label(words("Tick all on this page")).check()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name=words("Draft and submit")).click()
        page.wait_for_url(re.compile(r"/orders/\d+/$"))
        expect(page.locator("[aria-current=step]")).to_have_text(words("Submitted"))
        person.shoot("buyer-5-submitted")
    order = PurchaseOrder.objects.get()
    assert (order.state, order.supplier, order.lines.count()) == ("submitted", one.supplier, theirs)
    assert order.lines.get(product=one.product).quantity == wanted
    assert lines.filter(supplier=one.supplier, state="open").count() == 0


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("zh-hans", "light")])
def test_an_approver_returns_one_and_approves_the_rest(
    visit: Start, loaded: PlanRun, language: str, theme: str
) -> None:
    first, *rest = submitted(loaded)
    assert first.supplier is not None
    comment = "Half of it, please" if language == "en" else "请减半"
    with visit(person_called("approver"), language=language, color_scheme=theme, **DESK) as person:
        page, words = person.page, person.words
        person.shoot("approver-1-today")
        person.open("/orders/approval/")
        person.shoot("approver-2-queue")
        page.get_by_role("link", name=re.compile(re.escape(first.supplier.name))).click()
        expect(page.get_by_role("button", name=words("Approve all"))).to_be_visible()
        person.shoot("approver-3-order")
        page.get_by_placeholder(words("Comment: needed to return lines")).fill(comment)
        page.get_by_role("button", name=words("Return all")).click()
        page.wait_for_url("**/orders/approval/")
        page.get_by_label(words("Tick all")).check()
        page.get_by_role("button", name=words("Approve the ticked orders")).click()
        expect(page.get_by_text(words("Nothing waits for approval"))).to_be_visible()
        person.shoot("approver-4-done")
    first.refresh_from_db()
    assert first.state == "draft"
    for order in rest:
        order.refresh_from_db()
        assert (order.state, order.approved_by) == ("approved", person_called("approver"))
    with visit(person_called("buyer"), language=language, color_scheme=theme, **DESK) as person:
        page, words = person.page, person.words
        expect(page.get_by_role("heading", name=words("Your orders to go on with"))).to_be_visible()
        page.get_by_role("link", name=re.compile(first.number)).click()
        expect(page.locator(".timeline")).to_contain_text(comment)
        person.shoot("approver-5-buyer-reads")


@pytest.mark.parametrize(("language", "theme"), DAYLIGHT_AND_NIGHT)
def test_on_a_phone_an_order_is_approved_and_stock_looked_up(
    visit: Start, loaded: PlanRun, language: str, theme: str
) -> None:
    order = submitted(loaded)[0]
    assert order.supplier is not None
    asked = Suggestion.objects.filter(plan_run=loaded).select_related("product").order_by("-on_hand")[0]
    with visit(person_called("approver"), language=language, color_scheme=theme, **PHONE) as person:
        page, words = person.page, person.words
        person.shoot("phone-1-today")
        person.open("/orders/approval/")
        person.shoot("phone-2-queue")
        page.get_by_role("link", name=re.compile(re.escape(order.supplier.name))).tap()
        expect(page.get_by_role("button", name=words("Approve all"))).to_be_in_viewport()
        person.shoot("phone-3-order")
        page.get_by_role("button", name=words("Approve all")).tap()
        page.wait_for_url("**/orders/approval/")
        order.refresh_from_db()
        assert (order.state, order.approved_by) == ("approved", person_called("approver"))
        person.open("/workbench/?state=all")
        page.get_by_label(words("Search"), exact=True).fill(asked.product.sku)
        rows = page.locator("table.suggestions tbody tr")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(f"{asked.on_hand:,.0f}")
        person.shoot("phone-4-found")
        rows.get_by_role("link").first.tap()
        expect(page.get_by_role("heading", level=1)).to_have_text(asked.product.name)
        expect(page.locator("[data-chart][aria-busy=false]").first).to_be_visible(timeout=PATIENCE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        person.shoot("phone-5-sku")
