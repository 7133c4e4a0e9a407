"""Every control on every page is used by a test that asserts what changed; one that none knows fails here."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from catalog import services as catalog
from catalog.models import ImportBatch, Job
from forecasting.models import ForecastOverride, ForecastRun
from replenishment import services
from replenishment.models import Budget, ExceptionCase, PlanRun, PolicyRule, ReplayRun, SavedView, Suggestion
from replenishment.services import Act
from tests.browser.controls import Controls
from tests.browser.test_accessibility import MORE
from tests.browser.test_pages import addresses
from tests.cast import PASSWORD, make_category, make_location, make_supplier, make_terms
from tests.replenishment.test_view_transfers import make_transfer
from tests.replenishment.world import AS_OF, make_order

TESTS = Path(__file__).resolve().parent.parent
STATIC = TESTS.parent / "inventory_site" / "static"
OUTSIDE = ("/accounts/login/", "/accounts/password_reset/")
NOT_KEPT: set[str] = set()

# The view that a form, button or element of htmx acts on: the tests that use it and its fields.
USED_IN = {
    "catalog:import-discard": "catalog/test_import_pages.py",
    "catalog:files-upload": "replenishment/test_first_run.py",
    "catalog:import-kind": "replenishment/test_first_run.py",
    "catalog:import-preview": "catalog/test_import_pages.py",
    "catalog:import-take-back": "catalog/test_import_pages.py",
    "catalog:import-upload": "catalog/test_import_pages.py",
    "catalog:picture-import": "catalog/test_picture_import.py",
    "catalog:picture-panel": "catalog/test_pictures.py",
    "forecasting:accuracy": "forecasting/test_accuracy.py",
    "forecasting:alarm-list": "forecasting/test_view_alarms.py",
    "forecasting:behaviour": "forecasting/test_behaviour.py",
    "forecasting:category-decide": "forecasting/test_categories.py",
    "forecasting:category-suggestions": "forecasting/test_categories.py",
    "forecasting:explanation": "forecasting/test_explanations.py",
    "forecasting:look-alike-remove": "forecasting/test_new_products.py",
    "forecasting:look-alike-search": "forecasting/test_new_products.py",
    "forecasting:look-alikes": "forecasting/test_new_products.py",
    "forecasting:new-products": "forecasting/test_new_products.py",
    "forecasting:override-create": "forecasting/test_override_views.py",
    "forecasting:override-list": "forecasting/test_override_views.py",
    "forecasting:override-panel": "forecasting/test_override_views.py",
    "forecasting:override-preview": "forecasting/test_override_views.py",
    "forecasting:override-withdraw": "forecasting/test_override_views.py",
    "forecasting:run-start": "forecasting/test_views.py",
    "forecasting:signal-run-start": "forecasting/test_signal_runs.py",
    "forecasting:signal-trial-start": "forecasting/test_trials.py",
    "forecasting:trend-board": "forecasting/test_trends.py",
    "forecasting:voice-list": "forecasting/test_voices.py",
    "forecasting:voice-panel": "forecasting/test_voices.py",
    "job": "catalog/test_import_pages.py",
    "job-retry": "site/test_jobs_log.py",
    "job-stop": "site/test_jobs_shared.py",
    "jobs": "forecasting/test_views.py",
    "login": "browser/test_pages.py",
    "logout": "browser/test_pages.py",
    "password_change": "browser/test_controls.py",
    "password_reset": "site/test_translation.py",
    "preferences": "site/test_preferences.py",
    "replenishment:action-list": "replenishment/test_view_ahead.py",
    "replenishment:budget-add": "replenishment/test_view_settings.py",
    "replenishment:budget-change": "replenishment/test_view_settings.py",
    "replenishment:budget-delete": "replenishment/test_view_settings.py",
    "replenishment:comment-add": "replenishment/test_sku_changes.py browser/test_sku.py",
    "replenishment:exception-detail": "replenishment/test_view_exceptions.py",
    "replenishment:exception-fix": "replenishment/test_view_exceptions.py",
    "replenishment:exception-list": "replenishment/test_view_exceptions.py",
    "replenishment:exceptions-act": "replenishment/test_view_exceptions.py",
    "replenishment:exceptions-digest": "replenishment/test_view_exceptions.py",
    "replenishment:order-act cancel": "replenishment/test_view_orders.py",
    "replenishment:order-act close": "replenishment/test_view_orders.py",
    "replenishment:order-act return": "replenishment/test_view_approvals.py",
    "replenishment:order-act send": "replenishment/test_view_transfers.py",
    "replenishment:order-act submit": "replenishment/test_view_approvals.py",
    "replenishment:order-approve-part": "replenishment/test_view_approvals.py",
    "replenishment:order-line-remove": "replenishment/test_view_orders.py",
    "replenishment:order-line-set": "replenishment/test_view_approvals.py",
    "replenishment:order-list": "browser/test_buying.py",
    "replenishment:order-receive": "replenishment/test_view_orders.py",
    "replenishment:plan-list": "replenishment/test_view_settings.py browser/test_controls.py",
    "replenishment:plan-start": "replenishment/test_view_home.py",
    "replenishment:replay-start": "replenishment/test_view_replays.py browser/test_controls.py",
    "replenishment:rule-add": "replenishment/test_view_settings.py browser/test_controls.py",
    "replenishment:rule-change": "replenishment/test_view_settings.py browser/test_controls.py",
    "replenishment:rule-delete": "replenishment/test_view_settings.py",
    "replenishment:sku-changes": "replenishment/test_sku_changes.py",
    "replenishment:sku-numbers": "replenishment/test_sku_story.py",
    "replenishment:sku-suppliers": "replenishment/test_view_sku.py",
    "replenishment:suggestion-explain": "replenishment/test_view_sku.py",
    "replenishment:suggestion-menu": "browser/test_workbench_actions.py replenishment/test_view_columns.py",
    "replenishment:view-delete": "replenishment/test_view_saved_views.py",
    "replenishment:view-save": "replenishment/test_view_saved_views.py",
    "replenishment:what-if": "replenishment/test_view_what_if.py browser/test_controls.py",
    "replenishment:workbench": "replenishment/test_view_columns.py replenishment/test_view_workbench.py "
    "replenishment/test_view_home.py",
    "replenishment:workbench-act": "replenishment/test_view_acts.py browser/test_workbench_actions.py",
    "replenishment:workbench-drafts": "replenishment/test_view_acts.py replenishment/test_view_workbench.py",
    "replenishment:workbench-paste": "replenishment/test_view_acts.py browser/test_workbench_actions.py",
    "set_language": "replenishment/test_view_access.py",
}
# Buttons that a script acts on, and the test that presses them.
SCRIPTED = {
    "data-confirm": "browser/test_workbench_actions.py",
    "data-drawer-close": "browser/test_controls.py",
    "data-kept-forget": "browser/test_workbench_actions.py",
    "data-kept-put": "browser/test_workbench_actions.py",
    "data-keys-close": "browser/test_controls.py",
    "data-keys-open": "browser/test_buying.py",
    "data-needs-comment": "browser/test_approval.py",
    "data-select-all": "browser/test_buying.py",
    "data-theme-set": "browser/test_pages.py",
    "data-theme-toggle": "browser/test_pages.py",
    "data-when": "browser/test_approval.py",
    "data-zoom": "browser/test_sku.py",
    "popovertarget": "browser/test_workbench_actions.py",
    "popovertargetaction": "browser/test_workbench_actions.py",
}


def world(shop: PlanRun, superuser: User, buyer: User) -> list[str]:
    """Addresses of pages and of what htmx fetches, in every state that has controls of its own."""
    one, two, three, four, *_rest = Suggestion.objects.filter(plan_run=shop).order_by("pk")
    found = [*addresses(shop, superuser), *(address for address in MORE if "/admin/" not in address)]
    make_terms(product=two.product, supplier=make_supplier(), rank=5)
    act = Act(kind="snooze", until=timezone.localdate() + timedelta(days=9))
    services.suggestions_act(suggestion_ids=[three.pk], act=act, acting_user=superuser)
    services.suggestion_reject(suggestion_id=four.pk, reason="no", acting_user=superuser)
    services.suggestion_edit(
        suggestion_id=two.pk, quantity=7, reason="", acting_user=superuser, seen_plan_run_id=None
    )
    make_transfer(shop, one.location, make_location())
    view = SavedView.objects.create(owner=superuser, name="mine", query="q=tea")
    rule = PolicyRule.objects.create(name="a rule")
    budget = Budget.objects.create(name="a year", first_day=AS_OF, last_day=AS_OF, amount=1000)
    day = AS_OF + timedelta(days=3)
    ForecastOverride.objects.create(
        created_by=superuser, reason="fair", kind="uplift", value=1, product=two.product,
        first_day=day, last_day=day, expires_on=day,
    )  # fmt: skip
    draft = catalog.import_create(
        kind="sales",
        file=SimpleUploadedFile("sales.csv", b"SKU,Day\nTEA-0,2026-01-01\n"),
        file_name="sales.csv",
        acting_user=superuser,
        draft=True,
    )
    running = ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), state=Job.State.QUEUED)
    stopped = ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), state=Job.State.STOPPED)
    imported = catalog.import_run(
        batch_id=catalog.import_create(
            kind="sales",
            file=SimpleUploadedFile(
                "s.csv", b"SKU,Location,Day,Quantity\nTEA-0,DC,2025-01-01,3\nX,DC,2025-01-01,3\n"
            ),
            acting_user=superuser,
            mode=ImportBatch.Mode.GOOD_ROWS,
        ).pk
    )
    orders = [make_order(buyer, state=state) for state in ("submitted", "approved", "sent")]
    sku = f"/sku/{two.product_id}/{two.location_id}/"
    return [
        *found,
        f"/workbench/?q=tea&view={view.pk}",
        "/workbench/?state=transfers",
        "/workbench/?state=snoozed",
        "/workbench/?state=rejected",
        "/workbench/?state=all",
        f"/policies/{rule.pk}/",
        f"/budgets/{budget.pk}/",
        "/budgets/new/",
        f"/imports/{draft.pk}/preview/",
        f"/imports/{imported.pk}/",
        f"/jobs/forecast/{running.pk}/",
        f"/forecasts/{stopped.pk}/",
        *(f"/orders/{order.pk}/" for order in orders),
        f"/orders/{orders[0].pk}/?edit",
        *(f"/suggestions/{one.pk}/" for one in (two, three, four)),
        f"/suggestions/{two.pk}/suppliers/",
        *(f"/exceptions/{case.pk}/" for case in ExceptionCase.objects.all()),
        sku,
        f"{sku}changes/",
        f"/forecasts/overrides/of/{two.product_id}/{two.location_id}/",
        f"/pictures/of/{two.product_id}/",
        f"/signals/look-alikes/{two.product_id}/",
        "/accounts/password_reset/",
    ]


@pytest.fixture
def pages(shop: PlanRun, superuser: User, buyer: User, media: None) -> list[tuple[str, Controls]]:
    """Each page and part of a page with its controls."""
    inside, outside = Client(), Client()
    inside.force_login(superuser)
    found = [
        (address, Controls(address, shown(inside, address))) for address in world(shop, superuser, buyer)
    ]
    found += [(address, Controls(address, shown(outside, address))) for address in OUTSIDE]
    return found


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def shown(client: Client, address: str, **query: str) -> str:
    is_part = bool(re.match(r"/(suggestions|exceptions)/\d", address))
    answer = client.get(address, query or None, headers={"HX-Request": "true"} if is_part else {})
    assert answer.status_code == (404 if "no-such" in address else 200), address
    return answer.content.decode()


@cache
def source(name: str) -> str:
    return (TESTS / name).read_text()


def test_every_control_is_used_by_a_test(pages: list[tuple[str, Controls]]) -> None:
    dead = {f"{address}: {control}" for address, page in pages for control in page.dead}
    assert dead == set(), "these act on nothing"
    unknown: dict[str, str] = {}
    used: set[str] = set()
    for address, page in pages:
        for control in page.found:
            view = next((name for name in USED_IN if control == name or control.startswith(f"{name} ")), "")
            if control in SCRIPTED:
                used.add(control)
            elif not view:
                unknown[control] = address
            else:
                used.add(view)
                field = control.removeprefix(view).strip().partition("=")[0].removesuffix("N")
                texts = [source(name) for name in USED_IN[view].split()]
                if not any(re.search(rf"\b{re.escape(field)}", text) for text in texts):
                    unknown[control] = address
    assert unknown == {}, "no test is known to use these: name it in the table, or write it"
    assert {*USED_IN, *SCRIPTED} - used == set(), "no page has these any more"


def test_every_button_of_a_script_has_a_script() -> None:
    scripts = "\n".join(path.read_text() for path in STATIC.glob("*.js"))
    for control, name in SCRIPTED.items():
        if control.startswith("data-"):
            in_script = re.sub(r"-(\w)", lambda found: found[1].upper(), control.removeprefix("data-"))
            assert re.search(rf"{control}\b|dataset\.{in_script}\b|\"{in_script}\" in", scripts), control
        assert (TESTS / name).exists(), name


def test_each_filter_keeps_what_is_chosen(pages: list[tuple[str, Controls]], superuser: User) -> None:
    client = Client()
    client.force_login(superuser)
    asked = set()
    for address, page in pages:
        for where, fields in page.filters.items():
            for name, (_holds, other) in fields.items():
                if not other or (where, name) in asked or name in NOT_KEPT:
                    continue
                asked.add((where, name))
                answer = Controls(where, shown(client, where, **{name: other}))
                holds = answer.filters[where][name][0]
                assert holds in {other, f"{other}.0"}, (
                    f"{where}?{name}={other} (on {address}) shows {holds!r}"
                )
    assert len(asked) > 40


def test_a_rule_keeps_each_of_its_fields(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    place, supplier, category = make_location(), make_supplier(), make_category()
    values = {
        "name": "Lamps of the season", "policy": "min-max", "abc": "B", "xyz": "Z", "category": category.pk,
        "location": place.pk, "supplier": supplier.pk, "reorder_point": "4", "order_up_to": "9",
        "max_stock": "12",
        "review_days": "7", "holding_rate": "0.3", "order_cost": "2.5", "stockout_cost": "1.5",
        "salvage_share": "0.4", "season_ends_on": "2026-12-31", "note": "until the fair", "is_active": "on",
    }  # fmt: skip
    answer = client.post("/policies/new/", values)
    assert answer.status_code == 302, answer.context["form"].errors
    rule = PolicyRule.objects.get()
    for name, value in values.items():
        kept = getattr(rule, "pk" if name == "pk" else name)
        kept = getattr(kept, "pk", kept)
        assert str(kept) in {str(value), f"{value}.0", "True" if value == "on" else ""}, name


def test_a_plan_keeps_each_of_its_settings(client: Client, superuser: User, shop: PlanRun) -> None:
    client.force_login(superuser)
    values = {
        "target_kind": "cycle", "target": "0.9", "abc_by": "units", "abc_days": "180", "holding_rate": "0.31",
        "order_cost": "2.25", "unmet": "lost", "calm": "0.4",
    }  # fmt: skip
    answer = client.post("/plans/", values)
    assert answer.status_code == 302, answer.context["form"].errors
    spec = PlanRun.objects.exclude(pk=shop.pk).get().spec
    assert {name: str(spec[name]) for name in values} == values


def test_a_replay_is_of_the_category_and_supplier_that_were_chosen(
    client: Client, superuser: User, shop: PlanRun
) -> None:
    client.force_login(superuser)
    category, supplier = make_category(), make_supplier()
    days = {"first_day": AS_OF - timedelta(days=140), "last_day": AS_OF - timedelta(days=28)}
    form = client.get("/replays/").context["form"]
    plain = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    answer = client.post("/replays/start/", plain | days | {"category": category.pk, "supplier": supplier.pk})
    assert answer.status_code == 302, answer.context["form"].errors
    run = ReplayRun.objects.get()
    assert (run.category, run.supplier) == (category, supplier)


@pytest.mark.parametrize(
    ("field", "value"),
    [("holding_rate", "0.9"), ("lead_time_sd", "30"), ("order_cost", "50"), ("price", "+50%")],
)
def test_what_if_answers_to_each_of_its_fields(
    client: Client, superuser: User, shop: PlanRun, field: str, value: str
) -> None:
    client.force_login(superuser)
    as_planned = shown(client, "/what-if/")
    assert re.findall(r"<td[^>]*>[^<]*</td>", shown(client, "/what-if/", **{field: value})) != re.findall(
        r"<td[^>]*>[^<]*</td>", as_planned
    )


def test_a_password_is_changed(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    new = "harbour-corn-tin-77"
    values = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/password_change/", values | {"old_password": "wrong"}).status_code == 200
    assert client.post("/accounts/password_change/", values).status_code == 302
    buyer.refresh_from_db()
    assert buyer.check_password(new)


def test_windows_close_by_their_button(visit: Any, shop: PlanRun, buyer: User) -> None:
    with visit(buyer) as person:
        page = person.open("/workbench/")
        page.keyboard.press("?")
        page.locator("[data-keys-close]").click()
        expect(page.locator("#keys")).to_be_hidden()
        page.locator("[data-explain]").first.click()
        expect(page.locator("#drawer")).to_contain_text("How the quantity comes about")
        page.locator("#drawer [data-drawer-close]").click()
        expect(page.locator("#drawer")).to_be_hidden()
        person.settled()
