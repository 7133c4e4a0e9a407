"""Live what-if on the SKU page: the plan's own numbers, and what moves them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import PromotionRecord
from forecasting.core.explain import GROUPS
from forecasting.models import ForecastDistribution
from replenishment import selectors
from replenishment.core.what_if import Changes, Shift
from replenishment.models import Suggestion
from replenishment.selectors import DemandChange, SkuPlanned
from tests.cast import make_location, make_supplier, make_user
from tests.replenishment.ahead_world import make_item, plan_of
from tests.replenishment.world import AS_OF, make_plan, make_suggestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def make_planned(*, target: float = 0.95, **item: Any) -> Suggestion:
    place = make_location()
    product = make_item(place, **{"on_hand": 5} | item)
    return plan_of({product: 14.0}, place, target=target).suggestions.get()


def planned_of(suggestion: Suggestion) -> SkuPlanned:
    found = selectors.sku_planned(Suggestion.objects.select_related("plan_run__forecast_run").get())
    assert found is not None
    assert suggestion.pk
    return found


def address(suggestion: Suggestion) -> str:
    return reverse("replenishment:sku-what-if", args=[suggestion.product_id, suggestion.location_id])


def unchanged(client: Client, suggestion: Suggestion) -> dict[str, str]:
    """What the form sends when nothing was touched."""
    form = client.get(address(suggestion)).context["form"]
    return {field.name: str(field.value()) for field in form}


def lines_of(client: Client, suggestion: Suggestion, **changed: Any) -> dict[str, Any]:
    answer = client.get(address(suggestion), unchanged(client, suggestion) | changed)
    assert not answer.context["form"].errors
    return {line.name: line for line in answer.context["lines"]}


def test_nothing_changed_is_the_plan_itself(at_work: Client) -> None:
    suggestion = make_planned()
    lines = lines_of(at_work, suggestion)
    for name, value in (
        ("order_quantity", suggestion.order_quantity),
        ("order_value", suggestion.home_value),
        ("expected_demand", suggestion.expected_demand),
        ("safety_stock", suggestion.safety_stock),
        ("reorder_point", suggestion.reorder_point),
        ("order_up_to", suggestion.order_up_to),
        ("fill_rate", suggestion.expected_fill_rate),
    ):
        assert lines[name].after == lines[name].before == pytest.approx(value), name
    assert suggestion.order_quantity > 0


def test_what_later_steps_of_the_plan_added_stays(at_work: Client) -> None:
    supplier = make_supplier(minimum_order_value=500)
    suggestion = make_planned(supplier=supplier)
    assert suggestion.adj_supplier_minimum
    lines = lines_of(at_work, suggestion)
    assert lines["order_quantity"].after == suggestion.order_quantity
    assert planned_of(suggestion).outside == pytest.approx(suggestion.adj_supplier_minimum)
    page = at_work.get(address(suggestion)).content.decode()
    assert "later steps" in page


def test_more_service_and_longer_waits_take_more(at_work: Client) -> None:
    suggestion = make_planned()
    before = lines_of(at_work, suggestion)["order_quantity"].before
    for changed in ({"service": "99"}, {"lead_time": "21"}, {"review": "21"}, {"demand": "50"}):
        lines = lines_of(at_work, suggestion, **changed)
        assert lines["order_quantity"].after > before, changed
        assert lines["order_value"].after > lines["order_value"].before
        assert lines["holding_cost"].after != lines["holding_cost"].before or "lead_time" in changed
    assert lines_of(at_work, suggestion, service="99")["fill_rate"].after > 0.985
    assert lines_of(at_work, suggestion, demand="-60")["order_quantity"].after < before


def test_a_price_moves_money_and_not_demand(at_work: Client) -> None:
    lines = lines_of(at_work, make_planned(), price="8")
    assert lines["order_quantity"].difference == 0
    assert lines["lost_margin"].after > lines["lost_margin"].before


def test_a_promotion_counts_on_its_own_days(at_work: Client) -> None:
    suggestion = make_planned()
    first = AS_OF + timedelta(days=1)
    lines = lines_of(at_work, suggestion, uplift="100", first_day=str(first), days="7")
    # 14 a week, doubled for the first of the two weeks of lead time and review.
    assert lines["expected_demand"].difference == pytest.approx(14, rel=0.02)
    late = lines_of(at_work, suggestion, uplift="100", first_day=str(AS_OF + timedelta(days=40)), days="7")
    assert late["expected_demand"].difference == pytest.approx(0, abs=1e-6)


def test_demand_changes_multiply_as_overrides_do() -> None:
    planned = planned_of(make_planned())
    last = AS_OF + timedelta(days=91)
    twice = [
        DemandChange(10, AS_OF + timedelta(days=1), last),
        DemandChange(10, AS_OF + timedelta(days=1), last),
    ]
    once = [DemandChange(21, AS_OF + timedelta(days=1), last)]
    assert planned.after(Changes(), twice).expected_demand == pytest.approx(
        planned.after(Changes(), once).expected_demand, rel=1e-5
    )
    assert planned.after(Changes()) == planned.outcome
    assert planned.after(Changes(shifts={"review_days": Shift("set", 7.0)})) == planned.outcome


def test_it_says_what_the_forecast_stored_of_promotions(at_work: Client) -> None:
    suggestion = make_planned()
    assert "stored no response to promotions" in at_work.get(address(suggestion)).content.decode()
    row = ForecastDistribution.objects.get()
    mean = np.frombuffer(bytes(row.mean), dtype="<f4")
    parts = np.zeros((len(mean), len(GROUPS)), dtype="<f4")
    parts[2, GROUPS.index("promotion")] = mean[2] / 2
    parts[:, 0] = mean - parts.sum(axis=1)
    ForecastDistribution.objects.update(contributions=parts.tobytes())
    PromotionRecord.objects.create(
        product=suggestion.product,
        location=suggestion.location,
        day=AS_OF + timedelta(days=18),
        kind="mailer",
    )
    # Half of that week is the promotion's: as much again as the rest.
    assert planned_of(suggestion).uplift == pytest.approx(1.0)
    assert "counts on 100%" in at_work.get(address(suggestion)).content.decode()


def test_it_refuses_nonsense_at_its_field(at_work: Client) -> None:
    suggestion = make_planned()
    sane = unchanged(at_work, suggestion)
    for name, value in (
        ("service", "100"),
        ("service", "x"),
        ("lead_time", "-1"),
        ("review", "1e9"),
        ("price", "nan"),
        ("demand", "-101"),
        ("first_day", str(AS_OF)),
        ("first_day", "2999-01-01"),
        ("days", "0"),
    ):
        answer = at_work.get(address(suggestion), sane | {name: value})
        assert answer.status_code == 200
        assert name in answer.context["form"].errors, (name, value)
        assert 'role="alert"' in answer.content.decode()
    empty = at_work.get(address(suggestion), dict.fromkeys(sane, ""))
    assert {line.difference for line in empty.context["lines"]} == {0}


def test_it_asks_little_and_the_same_of_the_database(
    at_work: Client, django_assert_max_num_queries: Any
) -> None:
    suggestion = make_planned()
    sane = unchanged(at_work, suggestion)
    with django_assert_max_num_queries(15):
        at_work.get(address(suggestion), sane | {"service": "99", "uplift": "30"})


def test_it_has_nothing_to_ask_of_what_was_not_planned(at_work: Client) -> None:
    suggestion = make_suggestion(make_plan())
    assert "kept too little" in at_work.get(address(suggestion)).content.decode()
    missing = reverse("replenishment:sku-what-if", args=[10**30, 1])
    assert "kept too little" in at_work.get(missing).content.decode()
    assert at_work.get(missing, {"service": "99"}).status_code == 200


def test_it_is_for_those_who_may(client: Client, partner_of_supplier: User, viewer: User) -> None:
    suggestion = make_planned()
    assert client.get(address(suggestion)).status_code == 302
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        assert client.get(address(suggestion)).status_code == 403
    client.force_login(viewer)
    assert client.get(address(suggestion)).status_code == 200
    assert client.post(address(suggestion)).status_code == 405
