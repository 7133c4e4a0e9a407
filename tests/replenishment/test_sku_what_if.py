"""Live what-if on the SKU page: the plan's own numbers, and what moves them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from forecasting.core.response.series import FIELDS
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
    return {field.name: "" if field.value() is None else str(field.value()) for field in form}


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


def answer_to(**values: float) -> None:
    """Store a response with every forecast: elasticity -2, half more by a promotion, 0 where left out."""
    usual = {"elasticity": -2.0, "elasticity_se": 0.3, "uplift": math.log(1.5), "uplift_se": 0.1}
    stored = [
        (usual | {"changes": 12, "promoted": 5, "own_price": 0.8} | values).get(name, 0) for name in FIELDS
    ]
    ForecastDistribution.objects.update(response=np.array(stored, dtype="<f4").tobytes())


def test_without_a_stored_response_a_price_moves_money_and_not_demand(at_work: Client) -> None:
    suggestion = make_planned()
    lines = lines_of(at_work, suggestion, price="8")
    assert lines["order_quantity"].difference == 0
    assert lines["lost_margin"].after > lines["lost_margin"].before
    page = at_work.get(address(suggestion)).content.decode()
    assert "Price: the forecast stored no response to it." in page
    answer_to(elasticity=math.nan, elasticity_se=math.nan)
    assert lines_of(at_work, suggestion, price="8")["order_quantity"].difference == 0


def test_a_price_moves_demand_by_the_stored_elasticity(at_work: Client) -> None:
    suggestion = make_planned()
    answer_to()
    before = lines_of(at_work, suggestion)["expected_demand"].before
    assert lines_of(at_work, suggestion, price="4")["expected_demand"].difference == 0
    cheaper = lines_of(at_work, suggestion, price="3.6")["expected_demand"]
    assert cheaper.after == pytest.approx(before * 0.9**-2, rel=1e-4)
    dearer = lines_of(at_work, suggestion, price="4.4")["expected_demand"]
    assert dearer.after == pytest.approx(before * 1.1**-2, rel=1e-4)
    # From its day on: the second of the two weeks of lead time and review.
    later = lines_of(at_work, suggestion, price="3.6", price_day=str(AS_OF + timedelta(days=8)))
    assert later["expected_demand"].difference == pytest.approx(cheaper.difference / 2, rel=0.02)
    text = at_work.get(
        address(suggestion), unchanged(at_work, suggestion) | {"price": "3.6"}
    ).content.decode()
    assert "Price −10%: demand <strong>+23%</strong> (+19% to +29%, 80% interval)." in text
    page = at_work.get(address(suggestion)).content.decode()
    assert "an elasticity of −2.00 ± 0.30" in page
    assert "12 price changes seen here" in page
    with translation.override("zh-hans"):
        assert (
            "价格弹性为 −2.00 ± 0.30"
            in at_work.get(address(suggestion), headers={"accept-language": "zh-hans"}).content.decode()
        )


def test_a_promotion_is_proposed_and_what_is_typed_counts_instead(at_work: Client) -> None:
    suggestion = make_planned()
    first = {"first_day": str(AS_OF + timedelta(days=1)), "days": "7"}
    assert lines_of(at_work, suggestion, promoted="on", **first)["expected_demand"].difference == 0
    answer_to()
    ticked = lines_of(at_work, suggestion, promoted="on", **first)["expected_demand"]
    assert ticked.difference == pytest.approx(7, rel=0.02)  # half of a week's 14
    cut = lines_of(at_work, suggestion, discount="20", **first)["expected_demand"]
    assert cut.difference == pytest.approx(14 * (1.5 * 0.8**-2 - 1), rel=0.02)
    deeper = lines_of(at_work, suggestion, discount="30", **first)["expected_demand"]
    assert deeper.after > cut.after
    typed = lines_of(at_work, suggestion, promoted="on", uplift="100", **first)["expected_demand"]
    assert typed.difference == pytest.approx(14, rel=0.02)
    sent = unchanged(at_work, suggestion) | {"promoted": "on"} | first
    assert 'data-proposed="50"' in at_work.get(address(suggestion), sent).content.decode()
    assert (
        "Your own number counts" in at_work.get(address(suggestion), sent | {"uplift": "0"}).content.decode()
    )
    none = lines_of(at_work, suggestion, promoted="on", uplift="0", **first)["expected_demand"]
    assert none.difference == 0


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
        ("price_day", str(AS_OF)),
        ("discount", "91"),
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
    answer_to()
    with django_assert_max_num_queries(14):
        at_work.get(address(suggestion), sane | {"service": "99", "price": "3", "promoted": "on"})


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
