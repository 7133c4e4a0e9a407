"""Buying a suggestion from another supplier than the plan's."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from catalog.models import ExchangeRate
from replenishment import selectors, services
from replenishment.models import PlanSum, PurchaseOrder, Suggestion
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import AS_OF, make_forecast, make_stock, only, run_plan


@pytest.fixture
def row(db: None) -> Suggestion:
    """Bought in dollars within a week; slower and cheaper in euros, with a price break."""
    place, product = make_location(), make_product()
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF - timedelta(days=1), rate=Decimal(2))
    make_terms(product=product, supplier=make_supplier(code="NEAR"), order_multiple=6, lead_time_days=7.0)
    make_terms(
        product=product,
        supplier=make_supplier(code="FAR", currency="EUR"),
        unit_cost=Decimal("0.75"),
        currency="EUR",
        rank=2,
        moq=100,
        order_multiple=50,
        lead_time_days=30.0,
        price_breaks=[[200, "0.5"]],
        duty_rate=0.1,
        freight_cost=Decimal("0.05"),
    )
    make_stock(product, place, 5)
    return only(run_plan(make_forecast({(product, place): 20.0}, horizon=26)))


def choices(row: Suggestion) -> dict[str, selectors.SupplyChoice]:
    row = Suggestion.objects.select_related(
        "product", "location", "supplier", "terms", "plan_run__forecast_run"
    ).get(pk=row.pk)
    return {choice.option.terms.supplier.code: choice for choice in selectors.supply_choices(row)}


def choose(row: Suggestion, code: str | None, user: User) -> Suggestion:
    terms_id = None if code is None else choices(row)[code].option.terms.pk
    return services.suggestion_supplier_set(suggestion_id=row.pk, terms_id=terms_id, acting_user=user)


def replanned(row: Suggestion) -> float:
    """What a plan orders where the other supplier is the first choice."""
    terms = row.product.terms.get(supplier__code="FAR")
    row.product.terms.filter(supplier__code="NEAR").update(rank=3)
    assert terms.rank == 2
    return only(run_plan(row.plan_run.forecast_run)).order_quantity


def test_each_option_says_what_would_be_ordered_as_a_plan_would(row: Suggestion) -> None:
    found = choices(row)
    near, far = found["NEAR"], found["FAR"]
    assert (near.quantity, near.is_current, near.is_planned) == (row.order_quantity, True, True)
    assert (far.is_current, far.is_planned, far.is_reckoned) == (False, False, True)
    # It has to last for longer: more, in its own packs.
    assert far.quantity > near.quantity
    assert far.quantity % 50 == 0
    assert far.unit_cost == (0.5 if far.quantity >= 200 else 0.75)
    assert far.home_value == pytest.approx(far.value * 2)
    assert far.option.arrives_on == AS_OF + timedelta(days=30)
    assert far.quantity == replanned(row)


def test_it_is_bought_there_and_goes_back(row: Suggestion, buyer: User) -> None:
    far = choices(row)["FAR"]
    changed = choose(row, "FAR", buyer)
    assert changed.supplier is not None
    assert (changed.supplier.code, changed.currency, changed.edited_quantity) == ("FAR", "EUR", far.quantity)
    assert changed.unit_cost == Decimal(str(far.unit_cost))
    assert changed.home_unit_cost == pytest.approx(far.unit_cost * 2)
    assert changed.landed_cost == pytest.approx((far.unit_cost * 1.1 + 0.05) * 2)
    assert changed.lead_time_days == 30
    assert changed.planned_with is not None
    assert changed.planned_with["unit_cost"] == "2.5000"
    assert changed.planned_with["supplier"] == row.supplier.name if row.supplier else ""
    assert choices(row)["FAR"].is_current
    assert PlanSum.objects.get(order=1).supplier == changed.supplier
    back = choose(row, None, buyer)
    for name in ("supplier_id", "terms_id", "unit_cost", "currency", "home_unit_cost", "landed_cost"):
        assert getattr(back, name) == getattr(row, name), name
    assert (back.planned_with, back.edited_quantity, back.lead_time_days) == (None, None, 7)
    with pytest.raises(services.SuggestionError):
        choose(row, "NEAR", buyer)


def test_a_typed_quantity_stays(row: Suggestion, buyer: User) -> None:
    services.suggestion_edit(
        suggestion_id=row.pk, quantity=77, reason="", acting_user=buyer, seen_plan_run_id=None
    )
    assert choose(row, "FAR", buyer).edited_quantity == 77
    assert choose(row, None, buyer).edited_quantity == 77


def test_an_undo_and_a_redo_take_the_supplier_along(row: Suggestion, buyer: User) -> None:
    changed = choose(row, "FAR", buyer)
    change = changed.changes.get().change
    undone = services.change_undo(change_id=change.pk, acting_user=buyer).change
    now = Suggestion.objects.get(pk=row.pk)
    assert (now.terms_id, now.unit_cost, now.planned_with) == (row.terms_id, row.unit_cost, None)
    services.change_undo(change_id=undone.pk, acting_user=buyer)
    again = Suggestion.objects.get(pk=row.pk)
    names = ("supplier_id", "terms_id", "unit_cost", "currency", "home_unit_cost", "edited_quantity")
    assert [getattr(again, name) for name in names] == [getattr(changed, name) for name in names]
    assert again.planned_with == changed.planned_with


def test_drafts_go_to_the_new_supplier_in_its_currency(row: Suggestion, buyer: User) -> None:
    changed = choose(row, "FAR", buyer)
    [order] = services.drafts_create(suggestion_ids=[row.pk], acting_user=buyer)
    line = order.lines.get()
    assert (order.supplier, order.currency) == (changed.supplier, "EUR")
    assert float(line.quantity) == changed.edited_quantity
    assert line.unit_cost == changed.unit_cost
    assert order.home_value == pytest.approx(Decimal(str(round(changed.final_value, 2))))
    with pytest.raises(services.SuggestionError, match="in an order"):
        choose(row, None, buyer)


def test_it_refuses_terms_of_another_product(row: Suggestion, buyer: User) -> None:
    with pytest.raises(services.SuggestionError):
        services.suggestion_supplier_set(suggestion_id=row.pk, terms_id=make_terms().pk, acting_user=buyer)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_draft_at_the_same_time_goes_to_one_of_the_two(row: Suggestion, buyer: User) -> None:
    outcomes: list[Any] = []

    def run(step: Any) -> None:
        try:
            outcomes.append(step())
        except services.SuggestionError as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=[lambda: choose(row, "FAR", buyer)]),
        threading.Thread(
            target=run,
            args=[lambda: services.drafts_create(suggestion_ids=[row.pk], acting_user=buyer)],
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order, now = PurchaseOrder.objects.get(), Suggestion.objects.get(pk=row.pk)
    assert (order.supplier_id, order.currency) == (now.supplier_id, now.currency)
