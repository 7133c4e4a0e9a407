from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Location, Product, SalesRecord, StockLevel
from forecasting import selectors, services
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastDistribution, ForecastOverride, ForecastRun, OverrideScore
from tests.cast import make_category, make_location, make_product
from tests.replenishment.world import AS_OF, later, make_forecast

pytestmark = pytest.mark.django_db


class Story:
    """Two products that sell 2 and 4 a day at one place; weekly forecasts, and what people made of them."""

    def __init__(self) -> None:
        self.category = make_category()
        self.products: list[Product] = [make_product(category=self.category) for _ in range(2)]
        self.place: Location = make_location()
        self.clock: datetime = timezone.now() - timedelta(days=100)

    def tick(self) -> datetime:
        self.clock += timedelta(hours=1)
        return self.clock

    def run(self, as_of: date, rates: tuple[float, float] = (10, 20)) -> ForecastRun:
        """A run that forecasts so many a week."""
        of = {(product, self.place): rate for product, rate in zip(self.products, rates, strict=True)}
        run = make_forecast(of, as_of=as_of)
        ForecastRun.objects.filter(pk=run.pk).update(created_at=self.tick())
        return run

    def sell(self, first: int, last: int) -> None:
        """2 and 4 a day from so many to so many days after `AS_OF`."""
        SalesRecord.objects.bulk_create(
            [
                SalesRecord(
                    product=product, location=self.place, day=later(day), quantity=units, revenue=units
                )
                for product, units in zip(self.products, (Decimal(2), Decimal(4)), strict=True)
                for day in range(first, last + 1)
            ]
        )

    def override(self, by: User, **values: Any) -> ForecastOverride:
        """50% more of the category in the first two weeks."""
        plain: Mapping[str, Any] = {
            "kind": "percent",
            "value": 50,
            "first_day": later(1),
            "last_day": later(14),
            "expires_on": later(14),
            "category": self.category,
            "reason": "a fair",
        }
        made = ForecastOverride.objects.create(created_by=by, **{**plain, **values})
        ForecastOverride.objects.filter(pk=made.pk).update(created_at=self.tick())
        return made


@pytest.fixture
def story(db: None) -> Story:
    story = Story()
    story.sell(-10, 0)
    return story


def sums(override: ForecastOverride) -> tuple[date, int, float, float, float] | None:
    score = OverrideScore.objects.filter(override=override).first()
    if score is None:
        return None
    return (
        score.as_of,
        score.periods,
        round(score.actual, 3),
        round(score.model_error, 3),
        round(score.override_error, 3),
    )


def test_it_scores_each_period_by_the_run_that_was_the_latest_when_it_began(
    story: Story, buyer: User
) -> None:
    story.run(AS_OF)
    override = story.override(buyer)
    assert services.overrides_score() == 0
    story.sell(1, 7)
    # The newer run says 20 and 40: it knew the first week, and is asked for the second alone.
    story.run(later(7), (20, 40))
    assert services.overrides_score() == 1
    # Sold 14 and 28; the model said 10 and 20, the override 15 and 30.
    assert sums(override) == (later(7), 2, 42, 4 + 8, 1 + 2)
    assert services.overrides_score() == 0
    story.sell(8, 14)
    story.run(later(14))
    assert services.overrides_score() == 1
    # The model said 20 and 40, the override 30 and 60.
    assert sums(override) == (later(14), 4, 84, 12 + 6 + 12, 3 + 16 + 32)
    assert services.overrides_score() == 0
    total = selectors.overrides_scored(ForecastOverride.objects.all())
    assert [total.overrides, total.value_added, total.share] == pytest.approx([1, -21, -0.7])


def test_it_comes_to_the_same_in_one_go(story: Story, buyer: User) -> None:
    story.run(AS_OF)
    override = story.override(buyer)
    story.sell(1, 14)
    story.run(later(7), (20, 40))
    story.run(later(14))
    services.overrides_score()
    assert sums(override) == (later(14), 4, 84, 30, 51)


def test_it_waits_for_the_end_of_a_period(story: Story, buyer: User) -> None:
    story.run(AS_OF)
    # Of the second week, two days are meant.
    override = story.override(buyer, first_day=later(3), last_day=later(9), kind="absolute", value=60)
    story.sell(1, 13)
    assert services.overrides_score(as_of=later(6)) == 0
    assert services.overrides_score(as_of=later(13)) == 1
    assert sums(override) is not None
    assert OverrideScore.objects.get().as_of == later(7)
    story.sell(14, 14)
    services.overrides_score()
    found = OverrideScore.objects.get()
    assert (found.as_of, found.periods) == (later(14), 4)
    # 60 units on 7 days that have 30: 5 days of the first week and 2 of the second are doubled.
    first, second = 30 * (1 + 5 / 7), 30 * (1 + 2 / 7)
    assert found.override_error == pytest.approx(abs(first - 42) + abs(second - 42))
    assert found.model_error == pytest.approx(24)


def test_it_leaves_out_stock_outs_and_series_that_it_did_not_change(story: Story, buyer: User) -> None:
    story.run(AS_OF, (0, 20))
    override = story.override(buyer, last_day=later(7))
    story.sell(1, 7)
    services.overrides_score()
    # 50% of nothing is nothing.
    assert sums(override) == (later(7), 1, 28, 8, 2)
    OverrideScore.objects.all().delete()
    StockLevel.objects.create(product=story.products[1], location=story.place, day=later(3), on_hand=0)
    services.overrides_score()
    assert sums(override) == (later(7), 0, 0, 0, 0)
    assert selectors.overrides_scored(ForecastOverride.objects.all()).overrides == 0


def test_it_leaves_out_periods_in_which_an_override_did_not_count(story: Story, buyer: User) -> None:
    story.run(AS_OF)
    expired = story.override(buyer, expires_on=later(7))
    withdrawn = story.override(buyer)
    ForecastOverride.objects.filter(pk=withdrawn.pk).update(withdrawn_at=story.tick(), withdrawn_by=buyer)
    story.sell(1, 14)
    story.run(later(7))
    late = story.override(buyer)
    story.run(later(14))
    after = story.override(buyer)
    services.overrides_score()
    # The first week alone; nothing; the second alone; nothing.
    assert [sums(row)[1] for row in (expired, withdrawn, late, after)] == [2, 0, 2, 0]  # type: ignore[index]


def test_it_goes_on_where_there_is_a_forecast_again(story: Story, buyer: User) -> None:
    story.sell(1, 14)
    override = story.override(buyer)
    story.run(later(7))
    story.run(later(14))
    services.overrides_score()
    assert sums(override) == (later(14), 2, 42, 12, 3)


def test_it_names_the_runs_that_scores_still_need(story: Story, buyer: User) -> None:
    first = story.run(AS_OF)
    story.override(buyer)
    # The days begin tomorrow: the newest run is the one they will be scored by.
    assert selectors.overrides_runs_needed() == {first.pk}
    story.sell(1, 7)
    second = story.run(later(7))
    assert selectors.overrides_runs_needed() == {first.pk}
    services.overrides_score()
    assert selectors.overrides_runs_needed() == {second.pk}


def test_it_keeps_them_when_old_runs_are_pruned(story: Story, buyer: User) -> None:
    first = story.run(AS_OF)
    story.override(buyer, last_day=later(7))
    story.sell(1, 7)
    story.run(later(7))
    services.runs_prune(keep=1)
    assert ForecastDistribution.objects.filter(run=first).exists()
    services.overrides_score()
    services.runs_prune(keep=1)
    assert not ForecastDistribution.objects.filter(run=first).exists()
    assert OverrideScore.objects.get().periods == 2


def test_it_is_done_by_the_run_that_brings_the_sales(
    story: Story, buyer: User, settings: Settings, tmp_path: Path
) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"
    story.run(AS_OF)
    override = story.override(buyer, last_day=later(7))
    story.sell(1, 7)
    spec = ForecastSpec(models=("moving_average",), horizon=2)
    run = services.run_create(acting_user=None, spec=spec, kind="full")
    run = services.run_execute(run_id=run.pk)
    assert (run.state, run.error, run.as_of) == ("done", "", later(7))
    assert sums(override) == (later(7), 2, 42, 12, 3)
