"""A new shop's way from its files to its first suggestions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog import services as catalog
from catalog import tasks as catalog_tasks
from catalog.models import DataHealth, ImportBatch, Job, Product
from forecasting import tasks as forecasting_tasks
from forecasting.models import ForecastRun
from replenishment import selectors
from replenishment import tasks as replenishment_tasks
from replenishment.models import PlanRun, ShopSummary
from tests.cast import make_location, make_product
from tests.replenishment.first_run_files import shop_files
from tests.replenishment.world import make_forecast_run, make_plan

pytestmark = pytest.mark.django_db
START = "/start/"


@pytest.fixture(autouse=True)
def _folders(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    settings.ARTIFACT_ROOT.mkdir()
    settings.FORESTOCK_TODAY = "last-data-date"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Any:
    """Jobs that are sent to a worker are done when the request ends."""
    for task in (
        catalog_tasks.import_run_task,
        forecasting_tasks.run_execute_task,
        replenishment_tasks.plan_execute_task,
    ):
        monkeypatch.setattr(task, "delay", task.run)

    @contextmanager
    def committed() -> Iterator[None]:
        with django_capture_on_commit_callbacks(execute=True):
            yield

    return committed


def states(client: Client) -> dict[str, str]:
    found: dict[str, str] = client.get(START).context["states"]
    return found


def upload(client: Client, *names: str) -> Any:
    files = shop_files()
    return client.post(
        f"{reverse('catalog:files-upload')}?next={START}",
        {"uploads": [SimpleUploadedFile(name, files[name]) for name in names]},
    )


def confirm(client: Client, batch: ImportBatch, at_once: Any) -> Any:
    """Take the columns as they were guessed, by the page's own form."""
    address = f"{reverse('catalog:import-preview', args=[batch.pk])}?next={START}"
    form = client.get(address).context["form"]
    data = {field.html_name: field.value() or "" for field in (*form.columns, *form.choices)}
    with at_once():
        return client.post(address, data)


def test_it_leads_from_files_to_suggestions_in_one_sitting(client: Client, buyer: User, at_once: Any) -> None:
    client.force_login(buyer)
    page = client.get("/")
    assert "From your files to the first order" in page.content.decode()
    assert page.context["states"] == {
        "files": "next",
        "columns": "blocked",
        "health": "blocked",
        "forecast": "blocked",
        "plan": "blocked",
    }

    # 1: all files at once; what is in each is guessed.
    assert upload(client, *shop_files()).url == START
    drafts = {batch.file_name: batch for batch in ImportBatch.objects.all()}
    assert {name: batch.kind for name, batch in drafts.items()} == {
        "locations.csv": "location",
        "products.csv": "product",
        "suppliers.csv": "supplier",
        "terms.csv": "supply_terms",
        "sales_2026.csv": "sales",
        "stock.csv": "stock",
    }
    assert states(client)["columns"] == "check"
    # What others refer to comes first.
    order = [batch.kind for batch in client.get(START).context["path"].drafts]
    assert order == ["location", "product", "sales", "stock", "supplier", "supply_terms"]
    assert "First: Locations, Products" in " ".join(client.get(START).content.decode().split())

    # 2: the columns, one file after the other; each comes back here.
    for name in (
        "locations.csv",
        "products.csv",
        "suppliers.csv",
        "terms.csv",
        "sales_2026.csv",
        "stock.csv",
    ):
        assert confirm(client, drafts[name], at_once).url == START
    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"done"}
    now = states(client)
    assert (now["files"], now["columns"], now["forecast"], now["plan"]) == ("done", "done", "next", "blocked")

    # 3: the health of the data.
    assert now["health"] == "done"
    report = DataHealth.objects.latest("measured_at").report
    assert (report["sold"], report["no_stock"]["count"], report["no_terms"]["count"]) == (3, 0, 0)
    # No prices and no revenue were given.
    assert report["no_price"]["count"] == 3
    assert "Without a price" in client.get(START).content.decode()

    # 4: the forecast.
    with at_once():
        answer = client.post(f"{reverse('forecasting:run-start')}?next={START}", {"usual": "1"})
    assert answer["Location"] == START
    assert ForecastRun.objects.get().state == Job.State.DONE
    assert states(client)["plan"] == "next"

    # 5: the plan, and its suggestions.
    with at_once():
        answer = client.post(f"{reverse('replenishment:plan-start')}?next={START}")
    assert answer["Location"] == START
    plan = PlanRun.objects.get()
    assert (plan.state, plan.suggestions_count) == (Job.State.DONE, 3)
    assert set(states(client).values()) == {"done"}
    assert reverse("replenishment:workbench") in client.get(START).content.decode()

    # The start page is the usual one from now on; the steps stay reachable.
    home = client.get("/").content.decode()
    assert "What needs you today" in home
    assert f'href="{START}"' in home
    assert (
        "绿茶"
        in client.get(
            reverse("replenishment:workbench"), headers={"accept-language": "zh-hans"}
        ).content.decode()
    )
    # Two of the three months and more of stock were recorded: service and turns are known for them.
    months = {row["month"]: row for row in ShopSummary.objects.get().report["months"]}
    assert months["2026-03"]["based_on"] == 1.0
    assert months["2025-11"]["turns"] is None


def test_it_says_which_file_waits_for_which(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    files = {file.kind: file for file, _label, _use in client.get(START).context["files"]}
    assert (files["sales"].state, files["sales"].waits_for) == ("blocked", ("location", "product"))
    make_location()
    make_product()
    files = {file.kind: file for file, _label, _use in client.get(START).context["files"]}
    assert (files["sales"].state, files["product"].state) == ("next", "done")


def test_it_goes_on_where_it_was_left(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    answer = upload(client, "locations.csv")
    batch = ImportBatch.objects.get()
    preview = f"{reverse('catalog:import-preview', args=[batch.pk])}?next=%2Fstart%2F"
    assert answer["Location"] == preview
    assert preview.replace("%2F", "/") in client.get("/").content.decode()


def test_it_tells_why_a_file_failed_and_takes_another(client: Client, buyer: User, at_once: Any) -> None:
    client.force_login(buyer)
    upload(client, "sales_2026.csv")
    make_location(code="Main")
    confirm(client, ImportBatch.objects.get(), at_once)
    page = client.get(START)
    files = {file.kind: file for file, _label, _use in page.context["files"]}
    # The products were not there; one place that has no such product refuses the rows.
    assert files["sales"].state == "failed"
    assert "rows are wrong" in page.content.decode()
    for sku in ("TEA", "MUG", "POT"):
        Product.objects.create(sku=sku, name=sku)
    upload(client, "sales_2026.csv")
    confirm(client, ImportBatch.objects.order_by("-pk")[0], at_once)
    assert states(client)["forecast"] == "next"


def test_it_shows_what_is_under_way_and_asks_again(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert 'hx-trigger="every 2s"' not in client.get(START).content.decode()
    run = make_forecast_run(state="running", progress=0.37)
    page = client.get(START)
    assert page.context["states"]["forecast"] == "running"
    assert "37%" in page.content.decode()
    assert 'hx-trigger="every 2s"' in page.content.decode()
    ForecastRun.objects.filter(pk=run.pk).update(state="failed", error="No series is long enough")
    page = client.get(START)
    assert page.context["states"]["forecast"] == "blocked"
    assert 'hx-trigger="every 2s"' not in page.content.decode()


def test_a_kind_that_was_guessed_wrong_is_put_right(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    upload(client, "stock.csv")
    batch = ImportBatch.objects.get()
    address = reverse("catalog:import-kind", args=[batch.pk])
    client.post(f"{address}?next={START}", {"kind": "no-such"})
    assert ImportBatch.objects.get().kind == "stock"
    answer = client.post(f"{address}?next={START}", {"kind": "sales"})
    assert answer["Location"].endswith("?next=%2Fstart%2F")
    assert ImportBatch.objects.get().kind == "sales"
    catalog.import_confirm(batch=ImportBatch.objects.get(), mapping={}, mode="strict", options={})
    client.post(address, {"kind": "stock"})
    assert ImportBatch.objects.get().kind == "sales"


def test_a_file_that_says_nothing_is_refused_by_name(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    address = f"{reverse('catalog:files-upload')}?next={START}"
    file = SimpleUploadedFile("odd.csv", b"colour,shape\nred,round\n")
    page = client.post(address, {"uploads": [file]}, follow=True).content.decode()
    assert "odd.csv" in page
    assert ImportBatch.objects.count() == 0
    assert "Choose at least one file" in client.post(address, {}, follow=True).content.decode()


def test_it_never_leads_to_another_site(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    for bad in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = client.post(f"{reverse('catalog:files-upload')}?next={bad}", {})
        assert answer["Location"] == reverse("catalog:import-list")


def test_a_viewer_looks_and_can_do_nothing(client: Client, viewer: User, partner_of_supplier: User) -> None:
    client.force_login(viewer)
    page = client.get(START).content.decode()
    main = page[page.index("<main") :]
    assert "<form" not in main[: main.index("</main>")]
    for name in ("catalog:files-upload", "replenishment:plan-start", "forecasting:run-start"):
        assert client.post(reverse(name), {"usual": "1"}).status_code == 403
    batch = ImportBatch.objects.create(kind="stock", options={"draft": True})
    assert client.post(reverse("catalog:import-kind", args=[batch.pk]), {"kind": "sales"}).status_code == 403
    client.force_login(partner_of_supplier)
    assert client.get(START).status_code == 403


def test_it_asks_the_database_as_often_for_many_imports(
    client: Client, buyer: User, django_assert_num_queries: Any
) -> None:
    client.force_login(buyer)
    client.get(START)
    for count in (1, 30):
        for _ in range(count):
            ImportBatch.objects.create(kind="sales", state="done")
        with django_assert_num_queries(START_QUERIES):
            client.get(START)


START_QUERIES = 16


def test_a_plan_that_was_stopped_does_not_end_the_way(client: Client, buyer: User) -> None:
    make_plan(state="stopped")
    path = selectors.first_run()
    assert (path.has_plan, path.states["plan"]) == (False, "next")
    client.force_login(buyer)
    assert "From your files" in client.get("/").content.decode()


def test_dates_of_the_files_are_in_the_past() -> None:
    assert max(
        date.fromisoformat(row.split(";")[2])
        for row in shop_files()["sales_2026.csv"].decode().splitlines()[1:]
    ) < date(2026, 11, 1)
