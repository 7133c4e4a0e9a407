"""Plans of kits, successors and supplied locations; transfers before purchases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from catalog.models import KitComponent, Location, Product, TransferLane
from replenishment.models import PlanAction, PlanRun, PolicyRule, Suggestion
from tests.cast import make_lane, make_location, make_product, make_terms
from tests.replenishment.world import make_forecast, make_stock, run_plan

pytestmark = pytest.mark.django_db

ADJUSTMENTS = (
    "adj_not_due", "adj_cycle", "adj_moq", "adj_multiple", "adj_max", "adj_shelf_life", "adj_price_break",
    "adj_transfer", "adj_calm", "adj_supplier_minimum", "adj_container", "adj_budget",
)  # fmt: skip


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def make_item(place: Location, on_hand: float | None = 5, *, terms: bool = True, **values: Any) -> Product:
    product = make_product(**values)
    if terms:
        make_terms(product=product, order_multiple=1, moq=0, lead_time_days=7.0)
    if on_hand is not None:
        make_stock(product, place, on_hand)
    return product


def row_of(plan: PlanRun, product: Product, place: Location) -> Suggestion:
    return plan.suggestions.get(product=product, location=place)


def codes(row: Suggestion) -> set[str]:
    return set(row.reason.split("; "))


def all_add_up(plan: PlanRun) -> None:
    for row in plan.suggestions.all():
        if row.net_need is None:
            assert row.order_quantity == 0
            continue
        total = row.net_need
        for term in ADJUSTMENTS:
            total += getattr(row, term)
        assert total == row.order_quantity
        assert row.expected_demand is not None
        assert row.safety_stock is not None
        assert row.on_hand is not None
        need = row.expected_demand + row.safety_stock - row.on_hand - row.on_order + row.allocated
        assert need == row.net_need


def transfers_of(plan: PlanRun) -> list[tuple[str, str, str, float]]:
    rows = PlanAction.objects.filter(plan_run=plan, kind="transfer").select_related(
        "product", "location", "other_location"
    )
    return sorted(
        (
            row.product.sku,
            row.location.code,
            row.other_location.code if row.other_location else "",
            row.quantity,
        )
        for row in rows
    )


# Kits and successors


def test_it_buys_components_for_kits_through_two_levels(place: Location) -> None:
    hamper, box = make_item(place, 4, terms=False), make_item(place, 10, terms=False)
    bar = make_item(place, 0)
    alone = make_item(place, 0)
    KitComponent.objects.create(kit=hamper, component=box, quantity=2)
    KitComponent.objects.create(kit=box, component=bar, quantity=3)
    # In a fortnight 14 hampers: 10 to assemble of 20 boxes less 10, of 30 bars; and 20 bars by themselves.
    plan = run_plan(make_forecast({(hamper, place): 7, (bar, place): 10, (alone, place): 10}))
    assert row_of(plan, hamper, place).reason == "assembled"
    assert row_of(plan, hamper, place).order_quantity == 0
    bars = row_of(plan, bar, place)
    assert bars.expected_demand == pytest.approx(20 + 30, rel=0.05)
    assert "kit_demand" in codes(bars)
    assert "kit_demand" not in codes(row_of(plan, alone, place))
    assert bars.order_quantity > row_of(plan, alone, place).order_quantity + 25
    # The box has a row though it is never sold alone.
    assert row_of(plan, box, place).reason == "assembled"
    all_add_up(plan)


def test_a_kit_that_somebody_sells_us_is_bought_whole(place: Location) -> None:
    kit, part = make_item(place), make_item(place)
    KitComponent.objects.create(kit=kit, component=part, quantity=2)
    plan = run_plan(make_forecast({(kit, place): 20, (part, place): 1}))
    assert row_of(plan, kit, place).order_quantity > 0
    assert row_of(plan, part, place).expected_demand == pytest.approx(2, rel=0.01)


def test_components_without_terms_or_stock_say_so(place: Location) -> None:
    kit = make_item(place, 0, terms=False)
    nobody, unknown = make_item(place, 0, terms=False), make_item(place, None)
    for part in (nobody, unknown):
        KitComponent.objects.create(kit=kit, component=part)
    plan = run_plan(make_forecast({(kit, place): 20}))
    assert row_of(plan, nobody, place).reason == "exception: no supply terms"
    assert row_of(plan, unknown, place).reason == "exception: no stock record"


def test_a_successor_takes_over_what_the_old_stock_does_not_serve(place: Location) -> None:
    new = make_item(place, 0)
    old = make_item(place, 30, status="phase-out", successor=new)
    plan = run_plan(make_forecast({(old, place): 20, (new, place): 1}))
    row = row_of(plan, new, place)
    # A fortnight: 2 of its own, and 40 less the 30 that are left of the old one.
    assert row.expected_demand == pytest.approx(12, rel=0.1)
    assert "successor_demand" in codes(row)
    assert row_of(plan, old, place).reason == "phase_out"
    all_add_up(plan)


def test_members_of_a_cycle_say_so_and_others_are_planned(place: Location) -> None:
    first, second = make_item(place, terms=False), make_item(place, terms=False)
    KitComponent.objects.create(kit=first, component=second)
    KitComponent.objects.create(kit=second, component=first)
    third, fourth = make_item(place, status="phase-out"), make_item(place, status="phase-out")
    Product.objects.filter(pk=third.pk).update(successor=fourth)
    Product.objects.filter(pk=fourth.pk).update(successor=third)
    good = make_item(place)
    KitComponent.objects.create(kit=first, component=good)
    plan = run_plan(make_forecast({(p, place): 20 for p in (first, second, third, fourth, good)}))
    for product in (first, second):
        assert row_of(plan, product, place).reason == "exception: a cycle in kits"
    for product in (third, fourth):
        assert row_of(plan, product, place).reason == "exception: a cycle in successors"
    assert row_of(plan, good, place).order_quantity > 0


# Supplied locations


@pytest.fixture
def tree(db: None) -> dict[str, Location]:
    places = {name: make_location(code=name) for name in ("HUB", "A", "B")}
    for name in "AB":
        make_lane(places["HUB"], places[name], is_supply=True, lead_time_days=2, review_days=7)
    return places


def test_a_supplied_location_gets_its_order_as_a_transfer(tree: dict[str, Location]) -> None:
    product = make_item(tree["HUB"], 500)
    make_stock(product, tree["A"], 3)
    make_stock(product, tree["B"], 400)
    plan = run_plan(make_forecast({(product, p): 20 for p in tree.values()}))
    shop, full, hub = (row_of(plan, product, tree[name]) for name in ("A", "B", "HUB"))
    assert shop.order_quantity == 0
    assert shop.adj_transfer is not None
    assert shop.adj_transfer < 0
    assert (shop.supplier_id, shop.lead_time_days) == (None, 2.0)
    assert {"supplied", "transfer"} <= codes(shop)
    assert shop.demand_p50 is not None
    assert shop.margin_at_risk is not None
    assert shop.order_by is not None
    assert transfers_of(plan) == [(product.sku, "HUB", "A", -shop.adj_transfer)]
    assert full.order_quantity == 0
    assert full.adj_transfer == 0
    # The hub knows of both shops' demand, and what A orders today is promised there.
    assert hub.allocated == -shop.adj_transfer
    assert hub.expected_demand == pytest.approx(40 + 0.95 * 40, rel=0.05)
    assert "supplies" in codes(hub)
    all_add_up(plan)


def test_a_short_source_shares_what_it_has_and_buys_the_rest(tree: dict[str, Location]) -> None:
    product = make_item(tree["HUB"], 20)
    for name in "AB":
        make_stock(product, tree[name], 0)
    plan = run_plan(make_forecast({(product, tree["A"]): 20, (product, tree["B"]): 20}))
    moved = transfers_of(plan)
    assert sum(row[3] for row in moved) == 20
    assert [row[3] for row in moved] == [10, 10]
    shops = [row_of(plan, product, tree[name]) for name in "AB"]
    assert all("source_short" in codes(row) for row in shops)
    hub = row_of(plan, product, tree["HUB"])
    wanted = sum(-(row.adj_transfer or 0) for row in shops)
    assert hub.allocated == wanted
    assert hub.order_quantity >= wanted - 20
    all_add_up(plan)


def test_a_source_that_holds_nothing_passes_orders_on(tree: dict[str, Location]) -> None:
    product = make_product()
    make_terms(product=product, order_multiple=1, moq=0, lead_time_days=28.0, review_days=7.0)
    make_stock(product, tree["HUB"], 0)
    for name in "AB":
        make_stock(product, tree[name], 0)
    plan = run_plan(make_forecast({(product, tree["A"]): 20, (product, tree["B"]): 20}))
    hub, shop = row_of(plan, product, tree["HUB"]), row_of(plan, product, tree["A"])
    assert "passes_on" in codes(hub)
    assert "no_demand" not in codes(hub)
    # The lane, the supplier, and half a review at the hub.
    assert shop.lead_time_days == pytest.approx(2 + 28 + 3.5)
    assert hub.lead_time_days == 28.0
    assert hub.order_quantity == pytest.approx(hub.allocated, abs=8)
    all_add_up(plan)


def test_a_rule_keeps_stock_where_it_is_typed(tree: dict[str, Location]) -> None:
    product = make_product()
    make_terms(product=product, order_multiple=1, moq=0, lead_time_days=28.0, review_days=7.0)
    for place in tree.values():
        make_stock(product, place, 0)
    PolicyRule.objects.create(
        name="reserve", location=tree["HUB"], policy="min-max", reorder_point=50, order_up_to=80
    )
    PolicyRule.objects.create(name="fortnight", location=tree["B"], review_days=14)
    plan = run_plan(make_forecast({(product, tree["A"]): 20, (product, tree["B"]): 20}))
    hub, shop = row_of(plan, product, tree["HUB"]), row_of(plan, product, tree["A"])
    assert "passes_on" not in codes(hub)
    assert (hub.reorder_point, hub.order_up_to) == (50, 80)
    assert (shop.lead_time_days, shop.review_days) == (2.0, 7.0)
    assert row_of(plan, product, tree["B"]).review_days == 14.0


def test_it_plans_a_chain_of_three(tree: dict[str, Location]) -> None:
    far = make_location(code="C")
    make_lane(tree["A"], far, is_supply=True, lead_time_days=1)
    product = make_item(tree["HUB"], 400)
    for place in (tree["A"], far):
        make_stock(product, place, 0)
    plan = run_plan(make_forecast({(product, far): 20}))
    end, middle = row_of(plan, product, far), row_of(plan, product, tree["A"])
    assert end.adj_transfer is not None
    assert middle.allocated == -end.adj_transfer
    assert middle.adj_transfer is not None
    assert -middle.adj_transfer >= middle.allocated
    assert transfers_of(plan) == [(product.sku, "HUB", "A", -middle.adj_transfer)]
    all_add_up(plan)


def test_lanes_in_a_circle_are_named_and_others_planned(tree: dict[str, Location]) -> None:
    make_lane(tree["A"], tree["HUB"], is_supply=True)
    product = make_item(tree["HUB"], 10)
    alone = make_location()
    for place in (tree["A"], tree["B"], alone):
        make_stock(product, place, 0)
    plan = run_plan(make_forecast({(product, p): 20 for p in (*tree.values(), alone)}))
    for name in ("HUB", "A"):
        assert row_of(plan, product, tree[name]).reason == "exception: a cycle in supply lanes"
    assert row_of(plan, product, alone).order_quantity > 0


# Transfers before purchases


@pytest.fixture
def two(db: None) -> tuple[Location, Location]:
    here, there = make_location(code="X"), make_location(code="Y")
    make_lane(here, there, lead_time_days=2, unit_cost=Decimal("0.01"))
    return here, there


def test_excess_elsewhere_comes_before_a_purchase(two: tuple[Location, Location]) -> None:
    here, there = two
    product = make_item(here, 2000)
    make_stock(product, there, 0)
    plan = run_plan(make_forecast({(product, here): 5, (product, there): 20}))
    row = row_of(plan, product, there)
    assert row.order_quantity == 0
    assert "transfer" in codes(row)
    assert row.adj_transfer is not None
    assert transfers_of(plan) == [(product.sku, "X", "Y", -row.adj_transfer)]
    action = PlanAction.objects.get(plan_run=plan, kind="transfer")
    assert action.saving > 0
    assert action.cost == pytest.approx(0.01 * action.quantity, abs=0.01)
    all_add_up(plan)


def test_calm_does_not_buy_what_a_transfer_brings(two: tuple[Location, Location]) -> None:
    here, there = two
    product = make_item(here, 200)
    make_stock(product, there, 0)
    rates = {(product, here): 20, (product, there): 200}
    TransferLane.objects.update(moq=1000)
    first = row_of(run_plan(make_forecast(rates)), product, there)
    TransferLane.objects.update(moq=0, order_multiple=1)
    plan = run_plan(make_forecast(rates), calm=0.9)
    second = row_of(plan, product, there)
    moved = sum(row[3] for row in transfers_of(plan))
    assert moved > 0
    assert second.order_quantity + moved <= first.order_quantity + 1e-6
    assert "kept" not in codes(second)
    all_add_up(plan)


def test_a_location_keeps_what_it_needs_itself(two: tuple[Location, Location]) -> None:
    here, there = two
    product = make_item(here, 90)
    make_stock(product, there, 0)
    plan = run_plan(make_forecast({(product, here): 20, (product, there): 40}))
    giver = row_of(plan, product, here)
    moved = sum(row[3] for row in transfers_of(plan))
    assert moved > 0
    assert giver.order_up_to is not None
    assert 90 - moved >= giver.order_up_to + 20 - 1e-6
    taker = row_of(plan, product, there)
    assert taker.order_quantity > 0
    assert taker.order_quantity + moved >= (taker.net_need or 0) + (taker.adj_cycle or 0) - 1e-6
    all_add_up(plan)


def test_nothing_moves_against_the_lane_or_where_it_costs_more(two: tuple[Location, Location]) -> None:
    here, there = two
    product = make_item(there, 2000)
    make_stock(product, here, 0)
    plan = run_plan(make_forecast({(product, here): 20, (product, there): 5}))
    assert transfers_of(plan) == []
    assert row_of(plan, product, here).order_quantity > 0
    dear = make_item(here, 300)
    make_stock(dear, there, 30)
    here.lanes_out.update(unit_cost=50, lead_time_days=30)
    plan = run_plan(make_forecast({(dear, here): 20, (dear, there): 20}))
    assert transfers_of(plan) == []


def test_what_would_sell_before_a_purchase_is_in_comes_on_top_of_it(two: tuple[Location, Location]) -> None:
    here, there = two
    product = make_product()
    make_terms(product=product, order_multiple=500, moq=500, lead_time_days=21.0)
    make_stock(product, here, 100)
    make_stock(product, there, 0)
    plan = run_plan(make_forecast({(product, here): 5, (product, there): 40}))
    taker = row_of(plan, product, there)
    [(_sku, _source, _destination, moved)] = transfers_of(plan)
    assert moved > 0
    assert taker.order_quantity == 500
    assert taker.adj_transfer == 0
    assert "transfer" in codes(taker)
    all_add_up(plan)
