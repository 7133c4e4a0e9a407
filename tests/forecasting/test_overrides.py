from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from catalog.models import Location, Product
from forecasting import selectors, services
from forecasting.models import ForecastOverride, ForecastRun
from forecasting.selectors import overrides
from forecasting.selectors.overrides import Scope, override_scopes
from replenishment.models import Suggestion
from tests.cast import make_category, make_location, make_product, make_terms
from tests.replenishment.world import AS_OF, later, make_forecast, make_stock, run_plan

pytestmark = pytest.mark.django_db


def create(by: User, **values: Any) -> ForecastOverride:
    """Twice as much in the first week, unless said otherwise."""
    values = {
        "kind": "percent",
        "value": Decimal(100),
        "first_day": later(1),
        "last_day": later(7),
        "reason": "a fair",
    } | values
    return services.override_create(acting_user=by, **values)


class Shop:
    """Three products at two places, 10, 20 and 30 a week; the first two under one category's branch."""

    def __init__(self) -> None:
        self.root = make_category()
        self.leaf = make_category(parent=self.root)
        self.products: list[Product] = [
            make_product(category=self.root),
            make_product(category=self.leaf),
            make_product(),
        ]
        self.places: list[Location] = [make_location(), make_location()]
        rates = {
            (product, place): 10.0 * number
            for number, product in enumerate(self.products, 1)
            for place in self.places
        }
        self.run: ForecastRun = make_forecast(rates)

    def weeks(self, product: int, place: int, **values: Any) -> list[float]:
        """The means of one product-location."""
        demand = selectors.distribution_read(
            run_id=self.run.pk,
            product_ids=[self.products[product].pk],
            location_ids=[self.places[place].pk],
            **values,
        )
        return [float(units) for units in demand.mean[0]]

    def first_week(self, **values: Any) -> list[float]:
        """The first week's means of all, product by product."""
        demand = selectors.distribution_read(run_id=self.run.pk, **values)
        return [round(float(units), 3) for units in demand.mean[:, 0]]


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop()


def test_it_changes_the_series_that_it_names_and_keeps_the_models_number(shop: Shop, buyer: User) -> None:
    override = create(buyer, product=shop.products[0], location=shop.places[0])
    assert (override.created_by, override.expires_on, override.withdrawn_at) == (buyer, later(7), None)
    assert shop.weeks(0, 0) == [20, *[10] * 12]
    assert shop.weeks(0, 1) == [10] * 13
    assert shop.weeks(0, 0, with_overrides=False) == [10] * 13
    changed = selectors.distribution_overridden(run_id=shop.run.pk)
    assert changed.applied == [override.pk]
    assert changed.demand.cum_mean[0, 12] == pytest.approx(140)
    assert changed.model.cum_mean[0, 12] == pytest.approx(130)


@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        ({}, [20, 20, 40, 40, 60, 60]),
        ({"category": "root"}, [30, 30, 60, 60, 30, 30]),
        ({"category": "leaf"}, [10, 10, 80, 80, 30, 30]),
        ({"location": 1}, [10, 30, 20, 60, 30, 90]),
        ({"category": "root", "location": 0}, [50, 10, 100, 20, 30, 30]),
        ({"product": 2}, [10, 10, 20, 20, 90, 90]),
    ],
)
def test_it_spreads_units_above_a_series_by_the_means(
    shop: Shop, buyer: User, scope: dict[str, Any], wanted: list[float]
) -> None:
    """120 units on top, whether all of the run is read or one series of it."""
    values: dict[str, Any] = {}
    if "category" in scope:
        values["category"] = {"root": shop.root, "leaf": shop.leaf}[scope["category"]]
    if "location" in scope:
        values["location"] = shop.places[scope["location"]]
    if "product" in scope:
        values["product"] = shop.products[scope["product"]]
    create(buyer, kind="uplift", value=Decimal(120), **values)
    assert shop.first_week() == pytest.approx(wanted)
    alone = [shop.weeks(product, place)[0] for product in range(3) for place in range(2)]
    assert alone == pytest.approx(wanted)


def test_it_spreads_by_what_earlier_overrides_made_of_other_series(shop: Shop, buyer: User) -> None:
    create(buyer, product=shop.products[1], value=Decimal(-100))
    create(buyer, category=shop.root, kind="absolute", value=Decimal(100))
    wanted = [50, 50, 0, 0, 30, 30]
    assert shop.first_week() == pytest.approx(wanted)
    assert shop.weeks(0, 1)[0] == pytest.approx(50)
    assert shop.weeks(1, 0)[0] == 0
    # Two series of which one is out of every scope: it comes back as it was.
    demand = selectors.distribution_read(
        run_id=shop.run.pk, product_ids=[shop.products[0].pk, shop.products[2].pk]
    )
    np.testing.assert_allclose(demand.mean[:, 0], [50, 50, 30, 30], rtol=1e-6)
    model = selectors.distribution_read(
        run_id=shop.run.pk, product_ids=[shop.products[2].pk], with_overrides=False
    )
    np.testing.assert_array_equal(demand.cum_quantiles[2:], model.cum_quantiles)


def test_it_ignores_what_has_expired_was_withdrawn_or_was_not_known_yet(shop: Shop, buyer: User) -> None:
    before = timezone.now()
    one = create(buyer, product=shop.products[0], location=shop.places[0])
    made = timezone.now()
    services.override_withdraw(override_id=one.pk, acting_user=buyer)
    assert shop.weeks(0, 0)[0] == 10
    assert shop.weeks(0, 0, known_at=made)[0] == 20
    assert shop.weeks(0, 0, known_at=before)[0] == 10
    two = create(buyer, product=shop.products[0], location=shop.places[0], value=Decimal(50))
    assert shop.weeks(0, 0)[0] == 15
    ForecastOverride.objects.filter(pk=two.pk).update(expires_on=AS_OF)
    assert shop.weeks(0, 0)[0] == 10
    ForecastOverride.objects.filter(pk=two.pk).update(expires_on=later(1))
    assert shop.weeks(0, 0)[0] == 15
    one.refresh_from_db()
    assert one.withdrawn_by == buyer


def test_it_says_what_an_override_does_in_the_whole_of_its_scope(shop: Shop, buyer: User) -> None:
    first = create(buyer, category=shop.leaf)
    second = create(buyer, category=shop.root, kind="absolute", value=Decimal(50), last_day=later(14))
    [whole, branch] = selectors.override_reaches(run=shop.run, overrides=[second, first])
    assert (whole.series, whole.days, whole.effect.days) == (4, 14, 14)
    found = [whole.effect.model, whole.effect.before, whole.effect.after, whole.change]
    assert found == pytest.approx([120, 160, 50, -110])
    assert [branch.series, branch.effect.before, branch.effect.after] == pytest.approx([2, 40, 80])
    # And one that is only thought of, with those in force.
    draft = services.override_draft(
        kind="uplift",
        value=Decimal(8),
        first_day=later(1),
        last_day=later(7),
        reason=None,
        location=shop.places[0],
    )
    [thought] = selectors.override_reaches(run=shop.run, overrides=[draft])
    assert thought.effect.model == pytest.approx(60)
    assert thought.change == pytest.approx(8)
    assert ForecastOverride.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"kind": "guess"}),
        ("value", {"value": Decimal(-101)}),
        ("value", {"value": Decimal("NaN")}),
        ("value", {"kind": "absolute", "value": Decimal(-1)}),
        ("value", {"kind": "uplift", "value": Decimal(10) ** 10}),
        ("last_day", {"last_day": AS_OF}),
        ("last_day", {"first_day": later(9)}),
        ("expires_on", {"expires_on": AS_OF}),
        ("reason", {"reason": "  "}),
        ("category", {"category": "leaf"}),
        ("location", {"location": "served"}),
        ("product", {"product": "unsold"}),
    ],
)
def test_it_refuses_what_makes_no_sense_and_names_the_field(
    shop: Shop, buyer: User, field: str, values: dict[str, Any]
) -> None:
    places = {
        "leaf": shop.leaf,
        "served": make_location(receiving_location=shop.places[0]),
        "unsold": make_product(),
    }
    values = {
        name: places.get(value, value) if isinstance(value, str) else value for name, value in values.items()
    }
    with pytest.raises(services.OverrideError) as caught:
        create(buyer, **{"product": shop.products[0]} | values)
    assert list(caught.value.fields) == [field]
    assert not ForecastOverride.objects.exists()


def test_it_is_made_once_when_a_form_is_sent_twice(shop: Shop, buyer: User) -> None:
    one = create(buyer, product=shop.products[0])
    with pytest.raises(services.OverrideError):
        create(buyer, product=shop.products[0])
    services.override_withdraw(override_id=one.pk, acting_user=buyer)
    with pytest.raises(services.OverrideError):
        services.override_withdraw(override_id=one.pk, acting_user=buyer)
    create(buyer, product=shop.products[0])
    assert shop.weeks(0, 0)[0] == 20


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "percent", "value": -101},
        {"kind": "absolute", "value": -1},
        {"first_day": later(8)},
    ],
)
def test_it_lets_the_database_refuse_the_impossible(buyer: User, values: dict[str, Any]) -> None:
    plain = {
        "kind": "uplift",
        "value": 1,
        "first_day": later(1),
        "last_day": later(7),
        "expires_on": later(7),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        ForecastOverride.objects.create(created_by=buyer, reason="x", **plain | values)


def test_it_is_in_the_plan_and_the_plan_says_so(shop: Shop, buyer: User) -> None:
    product, place = shop.products[0], shop.places[0]
    make_terms(product=product, lead_time_days=7, review_days=7)
    make_stock(product, place, 0)

    def suggested(plan: Any) -> tuple[float, float]:
        row = Suggestion.objects.get(plan_run=plan, product=product, location=place)
        return row.expected_demand or 0.0, row.order_quantity

    without = run_plan(shop.run)
    assert without.report["overrides"] == []
    override = create(buyer, product=product, location=place, kind="uplift", value=Decimal(80))
    # This one has no day that the forecast covers.
    create(buyer, product=product, first_day=later(300), last_day=later(301))
    within = run_plan(shop.run)
    assert within.report["overrides"] == [override.pk]
    expected, ordered = suggested(without)
    expected_more, ordered_more = suggested(within)
    assert expected_more == pytest.approx(expected + 80, abs=1e-3)
    assert ordered_more > ordered + 60


def test_it_reads_with_as_many_queries_for_many_overrides_as_for_one(
    shop: Shop, buyer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def read() -> None:
        selectors.distribution_read(run_id=shop.run.pk, product_ids=[shop.products[0].pk])

    create(buyer, category=shop.root, kind="uplift", value=Decimal(1))
    # The run, its rows, the overrides, two for the categories, and the means of the whole branch.
    with django_assert_num_queries(6):
        read()
    for number in range(5):
        create(buyer, category=shop.leaf, kind="uplift", value=Decimal(number + 2))
    with django_assert_num_queries(6):
        read()


def test_it_reaches_all_that_is_under_a_category(shop: Shop) -> None:
    deep = make_product(category=make_category(parent=shop.leaf))
    override = ForecastOverride(category=shop.root)
    [scope] = override_scopes([override])
    assert set(scope.products or ()) == {shop.products[0].pk, shop.products[1].pk, deep.pk}


@pytest.mark.parametrize("count", [0, 1, 3, 50])
@pytest.mark.parametrize("few", [0, 20, 100])
def test_a_scope_finds_few_series_as_it_finds_many(
    monkeypatch: pytest.MonkeyPatch, count: int, few: int
) -> None:
    monkeypatch.setattr(overrides, "_FEW", few)
    products, locations = np.arange(count) % 7, np.arange(count) % 2
    for scope in (Scope(frozenset({2, 3, 99}), None), Scope(frozenset({2}), 1), Scope(frozenset(), None)):
        assert scope.products is not None
        expected = [
            row
            for row, (product, place) in enumerate(zip(products.tolist(), locations.tolist(), strict=True))
            if product in scope.products and scope.location in {None, place}
        ]
        assert scope.rows(products, locations).tolist() == expected
