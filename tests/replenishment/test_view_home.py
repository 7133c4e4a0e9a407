"""The start page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import ImportBatch, SalesRecord, StockLevel
from catalog.services import health_keep
from forecasting.models import ForecastRun
from replenishment.models import PlanRun, PurchaseOrder, ShopSummary, Suggestion
from tests.cast import make_location, make_product
from tests.replenishment.world import (
    AS_OF,
    make_forecast,
    make_forecast_run,
    make_item,
    make_order,
    make_plan,
    make_stock,
    make_suggestion,
    run_plan,
)

pytestmark = pytest.mark.django_db
HOME = "/"


def test_it_sums_what_is_due(client: Client, buyer: User) -> None:
    plan = make_plan()
    make_suggestion(plan, margin_at_risk=100.0)
    edited = make_suggestion(plan, edited_quantity=40.0, margin_at_risk=50.0)
    make_suggestion(plan, order_quantity=0.0, margin_at_risk=9.0)
    make_suggestion(plan, state="rejected", margin_at_risk=9.0)
    client.force_login(buyer)
    answer = client.get(HOME)
    totals = answer.context["totals"]
    # 24 and 40 units at 2.50.
    assert (totals.lines, totals.value, totals.risk) == (2, 160.0, 150.0)
    assert [row.value for row in answer.context["rail"]] == [60.0, 100.0]
    assert edited.supplier is not None
    assert edited.supplier.name in answer.content.decode()


def test_it_counts_what_runs_out_as_the_workbench_does(client: Client, buyer: User) -> None:
    plan = make_plan()
    for on_hand, cover in ((0.0, 0.0), (4.0, 2.0), (90.0, 45.0)):
        make_suggestion(plan, on_hand=on_hand, cover_days=cover, daily_demand=2.0)
    make_suggestion(plan, cover_days=2.0, state="drafted")
    client.force_login(buyer)
    home = client.get(HOME)
    workbench = client.get(reverse("replenishment:workbench"))
    assert home.context["totals"].stock_outs == workbench.context["totals"].stock_outs == 2
    shown = '<span class="figure__value warn">2</span><span class="figure__note">of the lines to order'
    assert shown in home.content.decode()


def test_it_shows_an_approver_what_waits_but_not_their_own(
    client: Client, buyer: User, approver: User, admin_user: User
) -> None:
    theirs = make_order(buyer, state="submitted")
    own = make_order(admin_user, state="submitted")
    client.force_login(admin_user)
    assert client.get(HOME).context["waiting"] == [theirs]
    client.force_login(approver)
    assert client.get(HOME).context["waiting"] == [theirs, own]
    client.force_login(buyer)
    assert client.get(HOME).context["waiting"] == []


def test_it_shows_late_orders(client: Client, buyer: User) -> None:
    today = timezone.localdate()
    late, punctual = make_order(buyer, state="sent"), make_order(buyer, state="sent")
    PurchaseOrder.objects.filter(pk=late.pk).update(expected_on=today - timedelta(days=1))
    PurchaseOrder.objects.filter(pk=punctual.pk).update(expected_on=today)
    client.force_login(buyer)
    assert client.get(HOME).context["late"] == [late]


def test_it_shows_a_failed_job_until_one_of_its_kind_works(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    failed = ImportBatch.objects.create(kind="sales", state="failed", error="Row 7 is wrong")
    assert client.get(HOME).context["jobs"] == [failed]
    assert "Row 7 is wrong" in client.get(HOME).content.decode()
    ImportBatch.objects.create(kind="sales", state="done")
    assert client.get(HOME).context["jobs"] == []


def test_it_starts_a_plan_after_the_transaction(
    client: Client, buyer: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("replenishment.views.home.plan_execute_task.delay", sent.append)
    make_forecast_run()
    client.force_login(buyer)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("replenishment:plan-start"))
    plan = PlanRun.objects.get()
    assert (plan.state, plan.created_by, sent) == ("queued", buyer, [plan.pk])
    assert client.get(HOME).context["states"]["plan"] == "running"


def test_it_follows_a_plan_that_is_being_made(client: Client, buyer: User) -> None:
    make_plan()
    plan = make_plan(state="running", progress=0.5)
    client.force_login(buyer)
    assert reverse("replenishment:plan-progress", args=[plan.pk]) in client.get(HOME).content.decode()


def test_it_starts_a_usual_forecast_by_its_button(
    client: Client, buyer: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("forecasting.tasks.run_execute_task.delay", sent.append)
    plan = make_plan()
    make_suggestion(plan)
    SalesRecord.objects.create(product=make_product(), location=make_location(), day=plan.as_of, quantity=1)
    client.force_login(buyer)
    assert 'name="usual"' in client.get(HOME).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("forecasting:run-start"), {"usual": "1"})
    assert sent == [ForecastRun.objects.latest("pk").pk]


def test_it_shows_the_matrix_with_links_to_the_workbench(client: Client, buyer: User) -> None:
    place = make_location()
    item = make_item(place, on_hand=40)
    plan = run_plan(make_forecast({(item, place): 14.0}))
    Suggestion.objects.update(abc="A", xyz="X")
    kept = ShopSummary.objects.get()
    kept.report["cells"][0] |= {"abc": "A", "xyz": "X"}
    kept.save()
    client.force_login(buyer)
    answer = client.get(HOME)
    cell = answer.context["matrix"].rows[0][1][0]
    assert (cell.value, cell.skus, cell.days, cell.share) == (100.0, 1, 20, 1.0)
    link = f"{reverse('replenishment:workbench')}?state=all&abc=A&xyz=X"
    assert link.replace("&", "&amp;") in answer.content.decode()
    assert list(client.get(link).context["page"].object_list) == [plan.suggestions.get()]


def test_it_says_how_fresh_the_data_is_and_what_it_lacks(client: Client, buyer: User) -> None:
    today = timezone.localdate()
    place, product = make_location(code="SHOP"), make_product(sku="BARE")
    SalesRecord.objects.create(
        product=product, location=place, day=today - timedelta(days=9), quantity=1, revenue=4
    )
    health_keep()
    make_plan()
    client.force_login(buyer)
    answer = client.get(HOME)
    page = answer.content.decode()
    [line] = answer.context["freshness"].lines
    assert (line.sales_age, line.stock_age, line.is_late) == (9, None, True)
    assert "9 days old" in page
    lines = answer.context["lines"]
    lacks = {line.key: (line.count, line.tone) for line in (*lines.lacking, *lines.sound)}
    assert lacks == {
        "no_stock": (1, "bad"),
        "old_stock": (0, "good"),
        "no_terms": (1, "bad"),
        "no_price": (0, "good"),
    }
    assert "BARE" in page
    assert f"{reverse('catalog:import-upload')}?kind=supply_terms" in page


def test_it_shows_the_last_runs_and_what_imports_refused(client: Client, buyer: User, viewer: User) -> None:
    plan = make_plan(finished_at=timezone.now())
    batch = ImportBatch.objects.create(kind="sales", state="done", rows_rejected=3)
    for user in (buyer, viewer):
        client.force_login(user)
        page = client.get(HOME).content.decode()
        for address in (
            reverse("catalog:import-detail", args=[batch.pk]),
            reverse("forecasting:run-detail", args=[plan.forecast_run_id]),
            reverse("replenishment:plan-detail", args=[plan.pk]),
        ):
            assert f'href="{address}"' in page
        assert "refused 3 rows in 1 files" in page
    assert "<form" not in page[page.index("<main") : page.index("</main>")]


def test_it_draws_service_and_turns_where_stock_was_recorded(client: Client, buyer: User) -> None:
    place = make_location()
    item = make_item(place, on_hand=40)
    for back in range(1, 90):
        make_stock(item, place, 10, day=AS_OF - timedelta(days=back))
    run = make_forecast({(item, place): 14.0})
    run_plan(run)
    client.force_login(buyer)
    answer = client.get(HOME)
    assert answer.context["service_chart"].lines[0].dots[-1].value == 1.0
    assert answer.context["stock_chart"] is None
    assert "Feb 2024" in answer.content.decode()
    StockLevel.objects.exclude(day=AS_OF).delete()
    ShopSummary.objects.all().delete()
    run_plan(run)
    assert "No recorded stock in the last year" in client.get(HOME).content.decode()


def test_it_is_for_people_of_the_shop_alone(client: Client, partner_of_supplier: User) -> None:
    client.force_login(partner_of_supplier)
    assert client.get(HOME).status_code == 403


def test_it_says_why_no_plan_can_start(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    answer = client.post(reverse("replenishment:plan-start"), follow=True)
    assert PlanRun.objects.count() == 0
    assert "alert--error" in answer.content.decode()


def test_it_shows_progress_and_then_loads_the_page_anew(client: Client, buyer: User) -> None:
    plan = make_plan(state="running", progress=0.42, step="Levels")
    client.force_login(buyer)
    address = reverse("replenishment:plan-progress", args=[plan.pk])
    answer = client.get(address)
    assert "Levels" in answer.content.decode()
    assert "42%" in answer.content.decode()
    assert "HX-Refresh" not in answer
    PlanRun.objects.filter(pk=plan.pk).update(state="failed", error="No stock is known")
    assert client.get(address)["HX-Refresh"] == "true"
    assert "No stock is known" in client.get(HOME).content.decode()


@pytest.mark.parametrize("rows", [1, 50])
def test_it_asks_the_database_as_often_for_many_rows(
    client: Client, buyer: User, admin_user: User, rows: int, django_assert_num_queries: Any
) -> None:
    today = timezone.localdate()
    for _ in range(min(rows, 8)):
        make_order(buyer, count=1, state="submitted")
        late = make_order(buyer, count=1, state="sent")
        PurchaseOrder.objects.filter(pk=late.pk).update(expected_on=today - timedelta(days=3))
    plan = make_plan()
    for _ in range(rows):
        make_suggestion(plan)
    client.force_login(admin_user)
    client.get(HOME)
    with django_assert_num_queries(HOME_QUERIES):
        client.get(HOME)


HOME_QUERIES = 35
