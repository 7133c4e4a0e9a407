"""No forecast knows a signal before it was known: for every signal that there is.

A signal without a line in `PLANTED` fails `test_every_signal_is_tried_here`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from django.utils import timezone

from catalog.models import BehaviourRecord, Indicator, IndicatorRecord, Location, Product, Review
from catalog.selectors import demand_panel
from forecasting.core.pipeline import forecast
from forecasting.core.spec import ForecastSpec
from forecasting.models import ReviewReading
from forecasting.selectors import signal_columns as columns
from forecasting.selectors.signal_columns import signal_columns
from tests.cast import make_category, make_location, make_product
from tests.forecasting.shop import AS_OF, make_sales

WEEK, DAY = timedelta(days=7), timedelta(days=1)
LAG = timedelta(days=10)

Plant = Callable[[Product, Location, date, int], date]
"""Records something of a signal (larger for a larger number) about a day; returns the day it was known."""


def _behave(name: str) -> Plant:
    def plant(product: Product, location: Location, day: date, size: int) -> date:
        BehaviourRecord.objects.update_or_create(
            product=product, location=location, day=day, defaults={name: size}
        )
        return day

    return plant


def _review(product: Product, location: Location, day: date, size: int) -> date:
    """As many reviews as the size says, that praise the more the larger it is."""
    for _ in range(size):
        number = Review.objects.count()
        review = Review.objects.create(product=product, source="t", number=str(number), day=day)
        ReviewReading.objects.create(
            review=review, p_positive=1 - 1 / (1 + size), model_id="m", text_sha=f"{number}"
        )
    return day


def _indicate(product: Product, location: Location, day: date, size: int) -> date:
    """Published ten days after the day that it is about."""
    fuel, _ = Indicator.objects.get_or_create(code="fuel", defaults={"name": "Fuel"})
    IndicatorRecord.objects.update_or_create(
        indicator=fuel, product=None, day=day, defaults={"value": size, "known_on": day + LAG}
    )
    return day + LAG


PLANTED: dict[str, Plant] = {
    **{name: _behave(name) for name in columns.BEHAVIOUR},
    "review_volume": _review,
    "review_sentiment": _review,
    "indicator:fuel": _indicate,
}


def read(as_of: date = AS_OF, known_at: datetime | None = None) -> tuple[pl.DataFrame, dict[str, Any]]:
    panel = demand_panel(as_of=as_of, freq="W")
    panel, found = signal_columns(panel, known_at=known_at or timezone.now())
    return panel, {signal.name: signal for signal in found}


def column(panel: pl.DataFrame, name: str, product: Product) -> dict[date, float | None]:
    rows = panel.filter(pl.col("unique_id").cast(pl.String).str.starts_with(f"{product.pk}@"))
    if name not in panel.columns:
        return dict.fromkeys(rows["ds"].to_list())
    return dict(rows.select("ds", name).iter_rows())


@pytest.mark.django_db
def test_every_signal_is_tried_here() -> None:
    product, place = make_sales(products=1)[0], Location.objects.get()
    for plant in PLANTED.values():
        plant(product, place, AS_OF - 20 * DAY, 2)
    _, found = read()
    sources = {columns.source_of(name) for name in found}
    assert sources == set(columns.SOURCES), "a source of signals gives none here"
    assert set(found) == set(PLANTED)
    assert set(PLANTED) == {*columns.BEHAVIOUR, *columns.REVIEWS, "indicator:fuel"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("back", [3, 7, 12, 18])
def test_a_value_appears_at_the_close_at_which_it_was_known_and_never_before(name: str, back: int) -> None:
    """With and without a value, the column is the same in every period that closed before it was known."""
    product, place = make_sales(products=1, weeks=12)[0], Location.objects.get()
    PLANTED[name](product, place, AS_OF - 60 * DAY, 1)
    before = column(read()[0], name, product)
    known_on = PLANTED[name](product, place, AS_OF - back * DAY, 5)
    after = column(read()[0], name, product)
    changed = {ds for ds in after if after[ds] != before[ds]}
    assert all(ds >= known_on for ds in changed)
    first = min((ds for ds in after if ds >= known_on), default=None)
    assert (first in changed) == (first is not None)


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
def test_a_panel_of_an_earlier_day_is_the_later_panel_cut_off(name: str) -> None:
    """Whatever came to be known after the as-of date: the columns up to it are those of that day."""
    product, place = make_sales(products=1, weeks=12)[0], Location.objects.get()
    earlier = AS_OF - 3 * WEEK
    for back, size in ((60, 1), (45, 3), (33, 2), (20, 9), (12, 4), (2, 7)):
        PLANTED[name](product, place, AS_OF - back * DAY, size)
    late = column(read()[0], name, product)
    early = column(read(earlier)[0], name, product)
    assert early == {ds: value for ds, value in late.items() if ds <= earlier}
    assert any(value is not None for value in early.values())


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in PLANTED if not name.startswith("review")])
def test_what_was_recorded_after_the_run_began_is_not_seen(name: str) -> None:
    product, place = make_sales(products=1, weeks=12)[0], Location.objects.get()
    PLANTED[name](product, place, AS_OF - 60 * DAY, 1)
    Indicator.objects.update(recorded_at=datetime(2020, 1, 1, tzinfo=UTC))
    now = timezone.now()
    before = column(read(known_at=now)[0], name, product)
    PLANTED[name](product, place, AS_OF - 30 * DAY, 8)
    assert column(read(known_at=now)[0], name, product) == before
    assert column(read()[0], name, product) != before


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
def test_no_forecast_sees_what_was_known_later(name: str) -> None:
    """Through the engine: values known after the as-of date change neither the forecast nor any score."""
    products, place = make_sales(products=4, weeks=30), Location.objects.get()
    as_of = AS_OF - 2 * WEEK
    rng = np.random.default_rng(0)
    for product in products:
        for week in range(3, 24):
            PLANTED[name](product, place, as_of - week * WEEK, int(rng.integers(1, 4)))
    spec = ForecastSpec(horizon=2, models=("lightgbm",), folds=2, rows=1_000, signals=(name,))

    def run() -> Any:
        panel, _ = signal_columns(
            demand_panel(as_of=as_of, freq="W").select("unique_id", "ds", "y"),
            known_at=timezone.now(),
            names=(name,),
        )
        return forecast(panel, as_of=as_of, spec=spec)

    one = run()
    # The indicator's day lies before the as-of date; it was published after it.
    for product in products:
        assert (
            PLANTED[name](product, place, as_of + DAY if "indicator" not in name else as_of - 2 * DAY, 9)
            > as_of
        )
    two = run()
    np.testing.assert_array_equal(one.distribution.mean, two.distribution.mean)
    np.testing.assert_array_equal(one.distribution.cum_quantiles, two.distribution.cum_quantiles)
    assert one.report["models"] == two.report["models"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
def test_no_score_of_a_fold_sees_what_was_known_in_it(name: str) -> None:
    """Values known in the held-out periods of the last fold change no fold's scores."""
    products, place = make_sales(products=4, weeks=30), Location.objects.get()
    rng = np.random.default_rng(0)
    for product in products:
        for week in range(5, 26):
            PLANTED[name](product, place, AS_OF - week * WEEK, int(rng.integers(1, 4)))
    spec = ForecastSpec(horizon=2, models=("lightgbm",), folds=2, rows=1_000, signals=(name,))

    def scores() -> Any:
        panel, _ = signal_columns(
            demand_panel(as_of=AS_OF, freq="W").select("unique_id", "ds", "y"),
            known_at=timezone.now(),
            names=(name,),
        )
        return forecast(panel, as_of=AS_OF, spec=spec).report["models"]["lightgbm"]

    one = scores()
    cut = AS_OF - 2 * WEEK
    for product in products:
        assert PLANTED[name](product, place, cut + DAY if "indicator" not in name else cut - 8 * DAY, 9) > cut
    assert scores() == one


@pytest.mark.django_db
def test_a_signal_is_unknown_before_its_data_begins_and_nothing_after() -> None:
    product, other = make_sales(products=2, weeks=10)
    place = Location.objects.get()
    _behave("carts")(product, place, AS_OF - 4 * WEEK, 3)  # the last day of its week: not a whole one
    _behave("carts")(product, place, AS_OF - 1 * WEEK, 2)
    panel, found = read()
    carts = column(panel, "carts", product)
    assert list(carts.values())[-6:] == [None, None, 0, 0, 2, 0]
    assert list(column(panel, "carts", other).values())[-6:] == [None, None, 0, 0, 0, 0]
    assert (found["carts"].rows, found["carts"].since) == (2, AS_OF - 4 * WEEK)
    assert "views" not in found


@pytest.mark.django_db
def test_behaviour_counts_where_the_stock_is() -> None:
    stock = make_location()
    market = make_location(receiving_location=stock)
    (product,) = make_sales(products=1, weeks=8, location=stock)
    for place in (stock, market):
        _behave("views")(product, place, AS_OF - 14 * DAY, 1)
        _behave("views")(product, place, AS_OF - DAY, 4)
    panel, _ = read()
    assert list(column(panel, "views", product).values())[-1] == 8


@pytest.mark.django_db
def test_an_indicator_of_the_product_goes_before_that_of_its_category_and_of_all() -> None:
    top = make_category()
    leaf = make_category(parent=top)
    mine, sibling, stranger = make_sales(products=3, weeks=6)
    Product.objects.filter(pk__in=[mine.pk, sibling.pk]).update(category=leaf)
    index = Indicator.objects.create(code="index", name="Index")

    def tell(value: float, **of: Any) -> None:
        day = AS_OF - 9 * DAY
        IndicatorRecord.objects.create(indicator=index, day=day, known_on=day, value=value, **of)

    place, elsewhere = Location.objects.get(), make_location()
    tell(1)
    tell(2, category=top)
    tell(3, product=mine)
    tell(4, location=elsewhere)
    tell(5, category=leaf, location=elsewhere)
    panel, _ = read()
    last = [
        list(column(panel, "indicator:index", product).values())[-1] for product in (mine, sibling, stranger)
    ]
    assert last == [3, 2, 1]
    tell(6, category=leaf, location=place)
    panel, _ = read()
    assert list(column(panel, "indicator:index", sibling).values())[-1] == 6
    assert list(column(panel, "indicator:index", mine).values())[-1] == 3


@pytest.mark.django_db
def test_an_indicator_told_late_of_an_earlier_day_changes_nothing() -> None:
    (product,) = make_sales(products=1, weeks=6)
    index = Indicator.objects.create(code="index", name="Index")
    for day, known_on, value in ((20, 20, 1.0), (13, 13, 2.0), (16, 5, 9.0)):
        IndicatorRecord.objects.create(
            indicator=index, day=AS_OF - day * DAY, known_on=AS_OF - known_on * DAY, value=value
        )
    panel, _ = read()
    assert list(column(panel, "indicator:index", product).values())[-3:] == [1, 2, 2]


@pytest.mark.django_db
def test_reviews_that_are_left_out_say_nothing() -> None:
    product, place = make_product(), make_location()
    (sold,) = make_sales(products=1, weeks=6, location=place)
    del product
    _review(sold, place, AS_OF - 20 * DAY, 2)
    ReviewReading.objects.update(left_out=ReviewReading.LeftOut.SPAM)
    panel, found = read()
    assert found == {}
    assert "review_volume" not in panel.columns
