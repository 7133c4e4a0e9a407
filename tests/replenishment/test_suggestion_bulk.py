"""One act on many suggestions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from replenishment import services
from replenishment.models import PlanSum, Suggestion, SuggestionChange
from tests.cast import make_location, make_product, make_supplier
from tests.replenishment.world import make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db
Kind = SuggestionChange.Kind
PACKS = {"moq": 12, "order_multiple": 4, "unit_size": 6}


def act(rows: list[Suggestion], user: User, kind: str, **values: Any) -> services.Acted:
    options = {name: values.pop(name) for name in ("seen_plan_run_id",) if name in values}
    return services.suggestions_act(
        suggestion_ids=[row.pk for row in rows],
        act=services.Act(kind, **values),
        acting_user=user,
        **options,
    )


def quantities(rows: list[Suggestion]) -> list[float | None]:
    found = Suggestion.objects.in_bulk([row.pk for row in rows])
    return [found[row.pk].edited_quantity for row in rows]


def test_it_scales_into_packs_and_counts_what_it_passes_over(buyer: User) -> None:
    plan = make_plan()
    rows = [
        make_suggestion(plan, terms_values=PACKS),
        make_suggestion(plan),
        make_suggestion(plan, state="drafted"),
        make_suggestion(plan, state="snoozed"),
        make_suggestion(plan, supplier_id=None, unit_cost=None),
    ]
    acted = act(rows, buyer, Kind.SCALE, percent=20, reason="fair")
    assert quantities(rows) == [None, 29, None, None, None]
    assert (acted.changed, acted.value_before, acted.value_after) == (1, 60, 72.5)
    assert acted.passed_over == {"same": 1, "drafted": 1, "snoozed": 1, "supplier": 1}
    acted = act(rows[:2], buyer, Kind.SCALE, percent=30)
    assert quantities(rows[:2]) == [36, 38]
    assert acted.change is not None
    assert (acted.change.kind, acted.change.lines_count) == ("scale", 2)
    sums = {row.supplier_id: row.value for row in PlanSum.objects.all()}
    assert sums[rows[0].supplier_id] == 90


def test_it_covers_days_and_goes_back_to_the_systems(buyer: User) -> None:
    plan = make_plan()
    values = {"on_order": 10.0, "allocated": 1.0, "daily_demand": 2.0}
    rows = [
        make_suggestion(plan, terms_values=PACKS, **values),
        make_suggestion(plan, **values | {"on_hand": 500.0}),
        make_suggestion(plan, daily_demand=None),
    ]
    acted = act(rows, buyer, Kind.COVER, days=30)
    assert quantities(rows) == [48, 0, None]
    assert acted.passed_over == {"unknown": 1}
    acted = act(rows, buyer, Kind.SYSTEM)
    assert quantities(rows) == [None, None, None]
    assert (acted.changed, acted.passed_over) == (2, {"same": 1})
    assert Suggestion.objects.filter(edited_by__isnull=False).count() == 0


def test_it_tops_up_orders_to_their_minimum_of_value_and_weight(buyer: User) -> None:
    plan, place = make_plan(), make_location()
    supplier = make_supplier(minimum_order_value=Decimal(200))
    heavy = make_supplier(minimum_order_weight=Decimal(100))
    sells = {
        "daily_demand": 3.0,
        "expected_demand": 48.0,
        "demand_p50": 46.0,
        "demand_p90": 64.0,
        "review_days": 7.0,
        "location": place,
    }
    rows = [
        make_suggestion(plan, supplier=supplier, terms_values=PACKS, **sells),
        make_suggestion(plan, supplier=supplier, **sells | {"daily_demand": 0.0}),
        make_suggestion(plan, supplier=heavy, product=make_product(unit_weight=Decimal(2)), **sells),
        make_suggestion(plan, location=place),
    ]
    # Counts towards the order, but was not chosen.
    make_suggestion(plan, supplier=supplier, order_quantity=8.0, **sells)
    acted = act(rows, buyer, Kind.MINIMUM)
    # 24 + 24 + 8 units at 2.50 are 140: 60 short are 24 units, packs of 12. Of 48 kg 52 are short: 26 units.
    assert quantities(rows) == [48, None, 50, None]
    assert acted.passed_over == {"same": 2}
    again = act(rows, buyer, Kind.MINIMUM)
    assert (again.changed, again.change) == (0, None)


def test_it_leaves_an_order_that_can_not_reach_its_minimum(buyer: User) -> None:
    plan = make_plan()
    row = make_suggestion(plan, supplier=make_supplier(minimum_order_value=Decimal(10**6)), daily_demand=0.0)
    assert act([row], buyer, Kind.MINIMUM).passed_over == {"below": 1}
    assert quantities([row]) == [None]


def test_it_rejects_and_reopens(buyer: User) -> None:
    rows = list(make_world(3)[0])
    with pytest.raises(services.SuggestionError, match="why"):
        act(rows, buyer, Kind.REJECT, reason=" ")
    assert act(rows, buyer, Kind.REJECT, reason="season is over").value_after == 0
    assert set(Suggestion.objects.values_list("state", "edit_reason")) == {("rejected", "season is over")}
    assert act(rows, buyer, Kind.REOPEN).changed == 3
    assert act(rows, buyer, Kind.REOPEN).passed_over == {"open": 3}


def test_it_previews_without_writing(buyer: User) -> None:
    rows = list(make_world(2)[0])
    acted = services.act_previewed(
        suggestions=services.chosen(row.pk for row in rows),
        act=services.Act(Kind.SCALE, percent=50),
        acting_user=buyer,
    )
    assert (acted.changed, acted.value_before, acted.value_after, acted.change) == (2, 120, 180, None)
    assert quantities(rows) == [None, None]
    assert not SuggestionChange.objects.exists()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("scale", {}),
        ("scale", {"percent": float("nan")}),
        ("scale", {"percent": -101.0}),
        ("cover", {"days": -1.0}),
        ("cover", {"days": float("inf")}),
        ("snooze", {}),
        ("snooze", {"stock_level": -1.0}),
        ("undo", {}),
        ("nonsense", {}),
    ],
)
def test_it_refuses_acts_that_make_no_sense(buyer: User, kind: str, values: dict[str, Any]) -> None:
    with pytest.raises(services.SuggestionError):
        act(list(make_world(1)[0]), buyer, kind, **values)


def test_it_is_for_buyers_and_the_latest_plan(buyer: User, viewer: User) -> None:
    rows = list(make_world(1)[0])
    with pytest.raises(PermissionDenied):
        act(rows, viewer, Kind.SYSTEM)
    newer = make_plan()
    for seen in (None, rows[0].plan_run_id, newer.pk):
        with pytest.raises(services.StaleError):
            act(rows, buyer, Kind.SYSTEM, seen_plan_run_id=seen)


def test_it_takes_as_many_queries_for_many_as_for_few(
    buyer: User, django_assert_max_num_queries: Any
) -> None:
    rows = list(make_world(60)[0])
    buyer.has_perm("x")
    with django_assert_max_num_queries(22):
        act(rows, buyer, Kind.SCALE, percent=10)
