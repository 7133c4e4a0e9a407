"""The pages of policy rules, budgets and plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Product, StockLevel
from replenishment import services
from replenishment.models import Budget, PlanRun, PolicyRule, SettingEvent
from tests.cast import make_category, make_location, make_product, make_supplier
from tests.replenishment.world import (
    make_forecast,
    make_item,
    make_order,
    make_plan,
    make_suggestion,
    run_plan,
)

pytestmark = pytest.mark.django_db

RULES, BUDGETS, PLANS = (reverse(f"replenishment:{name}-list") for name in ("rule", "budget", "plan"))


def rule_values(**values: Any) -> dict[str, Any]:
    return {"name": "A items", "policy": "periodic", "is_active": "on"} | values


def budget_values(**values: Any) -> dict[str, Any]:
    days = {"first_day": "2024-03-01", "last_day": "2024-03-31"}
    return {"name": "March", "amount": "5000", "is_active": "on"} | days | values


def test_a_rule_is_made_changed_and_deleted(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    product, category = make_product(), make_category()
    add = reverse("replenishment:rule-add")
    assert client.get(add, {"sku": product.sku}).context["form"].initial["sku"] == product.sku
    answer = client.post(
        add,
        rule_values(sku=product.sku, category=category.pk, abc="A", target_kind="cycle", target="0.97"),
    )
    assert answer.status_code == 302
    rule = PolicyRule.objects.get()
    assert (rule.product, rule.category, rule.abc, rule.target) == (product, category, "A", 0.97)
    change = reverse("replenishment:rule-change", args=[rule.pk])
    assert product.sku in client.get(change).content.decode()
    client.post(change, rule_values(target_kind="fill", target="0.9"))
    rule.refresh_from_db()
    assert (rule.product, rule.target) == (None, 0.9)
    page = client.get(RULES).content.decode()
    assert "A items" in page
    assert "97" in page or "0.97" in page  # in the history
    client.post(reverse("replenishment:rule-delete", args=[rule.pk]))
    assert not PolicyRule.objects.exists()
    assert [event.actor for event in SettingEvent.objects.all()] == [buyer] * 3


def test_what_is_gone_is_not_deleted_again(admin_user: User) -> None:
    rule, again = (PolicyRule.objects.get_or_create(name="one")[0] for _ in range(2))
    services.rule_delete(rule=rule, acting_user=admin_user)
    services.rule_delete(rule=again, acting_user=admin_user)
    assert [event.action for event in SettingEvent.objects.all()] == ["delete"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"sku": "no such"}, "sku"),
        ({"target": "1.5"}, None),
        ({"target": "much"}, "target"),
        ({"policy": "min-max", "reorder_point": "4"}, None),
        ({"name": ""}, "name"),
        ({"policy": "nonsense"}, "policy"),
    ],
)
def test_a_broken_rule_is_told_and_not_stored(
    client: Client, buyer: User, values: dict[str, Any], field: str | None
) -> None:
    client.force_login(buyer)
    answer = client.post(reverse("replenishment:rule-add"), rule_values(**values))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field or "__all__"]
    assert "onstraint" not in answer.content.decode()
    assert not PolicyRule.objects.exists()


def test_the_list_shows_the_most_specific_first_and_what_each_wins(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    place = make_location()
    product = make_item(place)
    PolicyRule.objects.create(name="for all")
    PolicyRule.objects.create(name="of the supplier", supplier=make_supplier())
    PolicyRule.objects.create(name="of the product", product=product)
    run_plan(make_forecast({(product, place): 20, (make_item(place), place): 20}))
    lines = [(rule.name, wins) for rule, wins in client.get(RULES).context["lines"]]
    assert lines == [("of the product", 1), ("of the supplier", 0), ("for all", 1)]
    rule = PolicyRule.objects.get(name="of the product")
    found = client.get(reverse("replenishment:workbench"), {"rule": str(rule.pk), "state": "all"})
    assert [row.product for row in found.context["page"]] == [product]


def test_a_budget_is_made_changed_and_deleted(client: Client, admin_user: User, buyer: User) -> None:
    client.force_login(admin_user)
    client.post(reverse("replenishment:budget-add"), budget_values())
    budget = Budget.objects.get()
    assert (budget.amount, budget.last_day) == (Decimal(5000), date(2024, 3, 31))
    make_order(buyer)
    [state] = client.get(BUDGETS).context["states"]
    assert (state.committed, state.left) == (120, 4880)
    change = reverse("replenishment:budget-change", args=[budget.pk])
    assert client.post(change, budget_values(last_day="2024-02-01")).status_code == 422
    assert client.post(change, budget_values(amount="100")).status_code == 302
    assert client.get(BUDGETS).context["states"][0].left == 0
    client.post(reverse("replenishment:budget-delete", args=[budget.pk]))
    assert not Budget.objects.exists()


def test_the_page_of_budgets_asks_no_more_for_more_of_them(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    order = make_order(buyer)
    branch = make_category()
    twig = make_category(parent=branch)
    line = order.lines.all()[0]
    Product.objects.filter(pk=line.product_id).update(category=twig)

    def more(count: int, **scope: Any) -> None:
        for _ in range(count):
            days = {"first_day": date(2020, 1, 1), "last_day": date(2030, 1, 1)}
            Budget.objects.create(name=f"budget {Budget.objects.count()}", amount=1000, **days, **scope)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(BUDGETS).status_code == 200
        return len(found)

    more(1, category=branch)
    few = queries()
    more(5, category=branch, supplier=order.supplier, location=order.location)
    more(5, supplier=make_supplier())
    more(1, category=make_category())
    assert queries() == few
    committed = sorted(state.committed for state in client.get(BUDGETS).context["states"])
    assert committed == [0] * 6 + [float(line.quantity * line.unit_cost)] * 6


def test_buyers_see_budgets_and_change_none(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    budget = Budget.objects.create(name="March", first_day=date(2024, 3, 1), last_day=date(2024, 3, 31))
    assert client.get(BUDGETS).status_code == 200
    for name, args in (("add", []), ("change", [budget.pk]), ("delete", [budget.pk])):
        assert client.post(reverse(f"replenishment:budget-{name}", args=args)).status_code == 403


def test_viewers_see_rules_and_change_none(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    rule = PolicyRule.objects.create(name="one")
    assert client.get(RULES).status_code == 200
    for name, args in (("add", []), ("change", [rule.pk]), ("delete", [rule.pk])):
        assert client.post(reverse(f"replenishment:rule-{name}", args=args)).status_code == 403


def test_a_plan_is_made_with_settings_of_its_own(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    place = make_location()
    make_forecast({(make_item(place), place): 20})
    form = client.get(PLANS).context["form"]
    values = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    answer = client.post(PLANS, values | {"target": "0.9", "budget": "100", "abc_by": "margin"})
    plan = PlanRun.objects.get()
    assert answer["Location"] == reverse("replenishment:plan-detail", args=[plan.pk])
    assert (plan.spec["target"], plan.spec["budget"], plan.spec["abc_by"]) == (0.9, 100, "margin")
    assert client.post(PLANS, values | {"calm": "2"}).status_code == 422
    assert PlanRun.objects.count() == 1


def test_viewers_make_no_plan(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    make_forecast({})
    assert client.get(PLANS).status_code == 200
    assert client.post(PLANS, {"target": "0.9"}).status_code == 403
    assert not PlanRun.objects.exists()


def test_a_plans_page_tells_what_changed(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    place = make_location()
    product = make_item(place, order_multiple=1, moq=0)
    first = run_plan(make_forecast({(product, place): 20}))
    second = run_plan(make_forecast({(product, place): 60}))
    page = client.get(reverse("replenishment:plan-detail", args=[second.pk]))
    changes = page.context["changes"]
    assert changes.before == first.suggestions.get().order_quantity
    assert changes.after == second.suggestions.get().order_quantity
    assert changes.before + sum(term.units for term in changes.terms) + changes.new == changes.after
    assert [term.key for term in changes.terms if term.rows] == ["change_demand"]
    assert [row.product for row in page.context["moved"]] == [product]
    assert client.get(reverse("replenishment:plan-detail", args=[first.pk])).context["changes"] is None


def test_a_plans_page_adds_up_with_rows_that_came_and_went(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    place = make_location()
    stays, goes = (make_item(place, order_multiple=1, moq=0) for _ in range(2))
    first = run_plan(make_forecast({(stays, place): 20, (goes, place): 30}))
    comes = make_item(place, order_multiple=1, moq=0)
    StockLevel.objects.filter(product=goes).delete()
    second = run_plan(make_forecast({(stays, place): 25, (comes, place): 40}))
    page = client.get(reverse("replenishment:plan-detail", args=[second.pk]))
    changes = page.context["changes"]
    ordered = {row.product_id: row.order_quantity for row in first.suggestions.all()}
    assert changes.gone == ordered[goes.pk] > 0
    assert changes.before == sum(ordered.values())
    terms = sum(term.units for term in changes.terms)
    assert changes.before + terms + changes.new - changes.gone == pytest.approx(changes.after)
    assert "No longer planned" in page.content.decode()


def test_a_plans_page_asks_no_more_for_more_rows(
    client: Client, buyer: User, django_assert_max_num_queries: Any
) -> None:
    client.force_login(buyer)
    plan = make_plan(report={"rows": 30})
    for _ in range(30):
        make_suggestion(plan, previous_quantity=10.0, change_demand=14.0)
    address = reverse("replenishment:plan-detail", args=[plan.pk])
    with django_assert_max_num_queries(22):
        assert client.get(address).status_code == 200


def test_it_knows_no_plan_that_is_not_there(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert client.get("/plans/999/").status_code == 404
    assert client.get(f"/plans/{2**70}/").status_code == 404
