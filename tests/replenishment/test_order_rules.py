"""How far an order is towards its supplier's minimums, and how it fills containers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import ExchangeRate, Product, Supplier, SupplyTerms
from replenishment.models import PurchaseOrder
from replenishment.selectors import OrderRules, order_rules
from tests.replenishment.world import AS_OF, make_order

pytestmark = pytest.mark.django_db


def rules_of(order: PurchaseOrder) -> OrderRules:
    order = PurchaseOrder.objects.select_related("supplier").get(pk=order.pk)
    return order_rules(order=order, lines=list(order.lines.select_related("product", "suggestion__terms")))


def test_it_measures_value_weight_and_volume(buyer: User) -> None:
    order = make_order(buyer)  # two lines of 24 units at 2.50
    assert rules_of(order) == OrderRules([], None)
    Supplier.objects.update(
        minimum_order_value=200, minimum_order_weight=50, minimum_order_volume=1, container_volume=2
    )
    Product.objects.update(unit_weight=2, unit_volume=Decimal("0.05"))
    rules = rules_of(order)
    assert [(row.kind, row.has, row.is_reached) for row in rules.progress] == [
        ("value", 120, False),
        ("weight", 96, True),
        ("volume", Decimal("2.4"), True),
    ]
    assert rules.load is not None
    assert (rules.load.containers, rules.load.number) == (1.2, 2)
    assert rules.load.last_share == pytest.approx(0.2)


def test_it_knows_what_it_does_not_know(buyer: User) -> None:
    order = make_order(buyer)
    Supplier.objects.update(minimum_order_weight=500, container_weight=100)
    first = order.lines.first()
    assert first is not None
    Product.objects.filter(pk=first.product_id).update(unit_weight=2)
    rules = rules_of(order)
    [weight] = rules.progress
    assert (weight.has, weight.unknown) == (Decimal(48), 1)
    assert rules.load is not None
    assert (rules.load.containers, rules.load.unknown) == (None, 1)


def test_it_takes_the_minimum_in_the_orders_currency(buyer: User) -> None:
    order = make_order(buyer)
    Supplier.objects.update(minimum_order_value=100, currency="EUR")
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate=Decimal("1.5"))
    assert rules_of(order).progress[0].minimum == 150
    SupplyTerms.objects.update(minimum_order_value=70)
    assert rules_of(order).progress[0].minimum == 70


def test_the_order_page_shows_them(client: Client, buyer: User) -> None:
    order = make_order(buyer)
    Supplier.objects.update(minimum_order_weight=500, container_volume=2)
    Product.objects.update(unit_weight=2)
    client.force_login(buyer)
    page = client.get(reverse("replenishment:order-detail", args=[order.pk])).content.decode()
    assert "Minimum weight" in page
    assert "weight or volume not known of 2 lines" in page
