from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from scipy import stats

from catalog.models import Location, Product
from forecasting import selectors
from forecasting.core.distribution import QUANTILES
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastAlarm, ForecastDistribution, ForecastOutcome, ForecastRun
from forecasting.selectors import alarms as reading
from forecasting.services.alarms import alarms_refresh
from forecasting.services.outcomes import window_read
from tests.cast import make_location, make_product

LAST = date(2026, 6, 28)
SPEC = ForecastSpec(models=("moving_average",), horizon=5).to_dict()
RATE = 30.0
Array = npt.NDArray[Any]


class Shop:
    """Weekly runs that all forecast Poisson demand of 30 a week, and what was sold: (weeks, series)."""

    def __init__(self, sold: Array, *, rate: float = RATE) -> None:
        self.sold = sold
        self.place: Location = make_location()
        self.products: list[Product] = [make_product() for _ in range(sold.shape[1])]
        self.rate = rate

    @property
    def days(self) -> list[date]:
        weeks = len(self.sold)
        return [LAST - timedelta(weeks=weeks - 1 - week) for week in range(weeks)]

    def panel(self, upto: date) -> pl.DataFrame:
        weeks = [week for week, day in enumerate(self.days) if day <= upto]
        return pl.DataFrame(
            [
                {
                    "unique_id": f"{product.pk}@{self.place.pk}",
                    "ds": self.days[week],
                    "y": None if np.isnan(self.sold[week, n]) else float(self.sold[week, n]),
                    "in_stock": None,
                }
                for n, product in enumerate(self.products)
                for week in weeks
            ],
            schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64, "in_stock": pl.Boolean},
        )

    def run(self, day: date, *, rate: float | None = None) -> ForecastRun:
        run = ForecastRun.objects.create(as_of=day, known_at=timezone.now(), state="done", spec=SPEC)
        rate = rate or self.rate
        steps = np.arange(1, 6)
        levels = np.array(QUANTILES)
        quantiles = np.tile(stats.poisson.ppf(levels, rate), (5, 1)).astype("<f4").tobytes()
        cumulative = stats.poisson.ppf(levels[None], rate * steps[:, None]).astype("<f4").tobytes()
        ForecastDistribution.objects.bulk_create(
            ForecastDistribution(
                run=run,
                product=product,
                location=self.place,
                model="moving_average",
                segment="overall",
                pattern="smooth",
                mean=np.full(5, rate, "<f4").tobytes(),
                quantiles=quantiles,
                cum_quantiles=cumulative,
            )
            for product in self.products
        )
        return run

    def runs(self, first: int = 0, last: int | None = None) -> ForecastRun:
        """A run in every week of some, and a look back in the last one."""
        for day in self.days[first:last]:
            run = self.run(day)
        alarms_refresh(run=run, panel=self.panel(run.as_of))
        return run

    def open(self) -> set[tuple[str, int, str | None]]:
        """kind, steps, SKU of what is open."""
        rows = ForecastAlarm.objects.filter(closed_at=None)
        return {(row.kind, row.steps, row.product.sku if row.product else None) for row in rows}


def poisson(weeks: int, series: int, rate: float = RATE, seed: int = 1) -> Array:
    return np.random.default_rng(seed).poisson(rate, (weeks, series)).astype(float)


@pytest.mark.django_db
def test_it_freezes_what_came_of_each_run() -> None:
    sold = poisson(7, 3)
    sold[5, 1] = np.nan
    shop = Shop(sold)
    shop.runs()
    # Seven runs: six have a next week, three have four weeks.
    assert ForecastOutcome.objects.filter(steps=1).count() == 6
    assert ForecastOutcome.objects.filter(steps=4).count() == 3
    window = window_read(freq="W", steps=1, until=LAST)
    assert window is not None
    np.testing.assert_array_equal(window.series.actual, sold[1:].astype(np.float32))
    assert (window.series.mean == RATE).all()
    assert window.product_id.tolist() == [product.pk for product in shop.products]
    known = np.nan_to_num(sold[1:])
    np.testing.assert_allclose(window.sums["overall"].actual, known.sum(axis=1))
    assert window.sums["overall"].count.tolist() == [3, 3, 3, 3, 2, 3]
    # Sums of four weeks don't overlap: one fits into the last six.
    four = window_read(freq="W", steps=4, until=LAST)
    assert four is not None
    assert four.series.actual.shape == (1, 3)
    np.testing.assert_array_equal(four.series.actual[0], sold[3:].sum(axis=0).astype(np.float32))


@pytest.mark.django_db
def test_it_leaves_periods_without_stock_out() -> None:
    shop = Shop(poisson(7, 2))
    run = [shop.run(day) for day in shop.days][-1]
    first = f"{shop.products[0].pk}@{shop.place.pk}"
    out = (pl.col("unique_id") == first) & (pl.col("ds") == shop.days[4])
    panel = shop.panel(LAST).with_columns(in_stock=pl.when(out).then(pl.lit(value=False)))
    alarms_refresh(run=run, panel=panel)
    window = window_read(freq="W", steps=1, until=LAST)
    assert window is not None
    assert np.isnan(window.series.actual[:, 0]).tolist() == [False, False, False, True, False, False]
    assert np.isfinite(window.series.actual[:, 1]).all()


@pytest.mark.django_db
def test_it_says_nothing_while_forecasts_are_right() -> None:
    shop = Shop(poisson(20, 30))
    shop.runs()
    assert shop.open() == set()


@pytest.mark.django_db
def test_it_opens_keeps_and_closes_the_alarm_of_a_series() -> None:
    sold = poisson(30, 12)
    sold[6:16, 4] *= 2
    shop = Shop(sold)
    run = shop.runs(0, 16)
    sku = shop.products[4].sku
    assert ("bias", 1, sku) in shop.open()
    assert {name for _, _, name in shop.open()} == {sku}
    alarm = ForecastAlarm.objects.get(kind="bias", steps=1)
    assert (alarm.opened_by, alarm.seen_by, alarm.frequency) == (run, run, "W")
    assert alarm.value > alarm.limit
    assert alarm.effect == pytest.approx(-0.4, abs=0.1)  # forecast less sales, as a share of sales
    # Once more: nothing new.
    before = list(ForecastAlarm.objects.values_list("pk", "closed_at"))
    alarms_refresh(run=run, panel=shop.panel(run.as_of))
    assert list(ForecastAlarm.objects.values_list("pk", "closed_at")) == before
    # A week later it is still on; when demand has long been as forecast, it is over.
    later = shop.runs(16, 17)
    alarm.refresh_from_db()
    assert (alarm.opened_by, alarm.seen_by, alarm.closed_at) == (run, later, None)
    shop.runs(17, 30)
    alarm.refresh_from_db()
    assert alarm.closed_at is not None
    # Sums of four weeks reach further back.
    assert {steps for _, steps, _ in shop.open()} <= {4}


@pytest.mark.django_db
def test_it_closes_what_is_over_and_keeps_it_in_the_history() -> None:
    shop = Shop(poisson(8, 2))
    first = shop.run(LAST - timedelta(weeks=1))
    alarm = ForecastAlarm.objects.create(
        kind="bias",
        product=shop.products[0],
        location=shop.place,
        value=9,
        limit=8,
        opened_by=first,
        seen_by=first,
    )
    daily = ForecastAlarm.objects.create(
        kind="bias", frequency="D", segment="overall", value=9, limit=8, opened_by=first, seen_by=first
    )
    alarms_refresh(run=shop.run(LAST), panel=shop.panel(LAST))
    alarm.refresh_from_db()
    daily.refresh_from_db()
    assert alarm.closed_at is not None
    assert daily.closed_at is None  # weekly runs say nothing about daily ones


@pytest.mark.django_db
def test_it_opens_an_alarm_of_all_series_when_all_are_off() -> None:
    shop = Shop(poisson(10, 20, rate=40))
    shop.runs()
    overall = {(kind, steps) for kind, steps, sku in shop.open() if sku is None}
    assert ("bias", 1) in overall
    alarm = ForecastAlarm.objects.get(kind="bias", steps=1, product=None)
    assert alarm.segment == "overall"
    assert alarm.effect == pytest.approx(-0.25, abs=0.02)
    assert alarm in reading.alarms_overall()
    assert reading.alarm_counts()["bias"] >= 1


@pytest.mark.django_db
def test_it_asks_for_training_when_errors_have_grown_over_all() -> None:
    from forecasting.services.life import _drifted

    sold = poisson(14, 20)
    sold[2:] = np.random.default_rng(3).negative_binomial(2, 2 / 32, (12, 20))
    shop = Shop(sold)
    run = shop.runs()
    assert ("drift", 1, None) in shop.open()
    assert _drifted(freq="W", since=run.pk - 1)
    assert not _drifted(freq="W", since=run.pk)  # a run trained since has seen it
    assert not _drifted(freq="D", since=0)


@pytest.mark.django_db
def test_it_changes_nothing_for_a_day_before_the_latest() -> None:
    shop = Shop(poisson(10, 20, rate=40))
    shop.runs()
    opened = shop.open()
    earlier = shop.days[3]
    alarms_refresh(run=shop.run(earlier), panel=shop.panel(earlier))
    assert shop.open() == opened


@pytest.mark.django_db
def test_it_keeps_outcomes_and_alarms_when_the_runs_are_pruned() -> None:
    from forecasting.services import runs_prune

    shop = Shop(poisson(10, 20, rate=40))
    run = shop.runs()
    opened, outcomes = shop.open(), ForecastOutcome.objects.count()
    runs_prune(keep=1)
    alarms_refresh(run=run, panel=shop.panel(LAST))
    assert (shop.open(), ForecastOutcome.objects.count()) == (opened, outcomes)


@pytest.mark.django_db
def test_it_takes_late_sales_into_the_newest_outcomes_alone() -> None:
    sold = poisson(8, 2)
    shop = Shop(sold.copy())
    run = shop.runs()
    shop.sold = sold + 1
    alarms_refresh(run=run, panel=shop.panel(LAST))
    window = window_read(freq="W", steps=1, until=LAST)
    assert window is not None
    late = np.array([0, 0, 0, 0, 0, 1, 1])[:, None]
    np.testing.assert_array_equal(window.series.actual, (sold[1:] + late).astype(np.float32))


@pytest.mark.django_db
def test_it_counts_the_newest_run_of_a_week_and_only_runs_on_the_same_grid() -> None:
    shop = Shop(poisson(4, 1))
    shop.run(shop.days[1], rate=10)
    shop.run(shop.days[1], rate=30)
    shop.run(shop.days[1] + timedelta(days=1), rate=50)
    alarms_refresh(run=shop.run(LAST), panel=shop.panel(LAST))
    outcome = ForecastOutcome.objects.get(steps=1)
    assert (outcome.until, outcome.sums["overall"]["mean"]) == (shop.days[2], 30.0)


@pytest.mark.django_db(transaction=True)
def test_it_opens_an_alarm_once_for_two_workers_at_once() -> None:
    shop = Shop(poisson(10, 6, rate=45))
    for day in shop.days:
        run = shop.run(day)
    panel = shop.panel(LAST)
    together = threading.Barrier(2)
    problems: list[BaseException] = []

    def work() -> None:
        together.wait()
        try:
            alarms_refresh(run=run, panel=panel)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    keys = list(ForecastAlarm.objects.values_list("kind", "steps", "product_id", "segment"))
    assert keys
    assert len(keys) == len(set(keys))


@pytest.mark.django_db
@pytest.mark.parametrize("whose", ["series", "segment"])
def test_it_lets_the_database_hold_one_open_alarm_of_a_kind(whose: str) -> None:
    shop = Shop(poisson(2, 1))
    run = shop.run(LAST)
    values: dict[str, Any] = {"kind": "bias", "value": 9, "limit": 8, "opened_by": run, "seen_by": run}
    if whose == "series":
        values |= {"product": shop.products[0], "location": shop.place}
    else:
        values |= {"segment": "overall"}
    ForecastAlarm.objects.create(**values, closed_at=timezone.now())
    ForecastAlarm.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        ForecastAlarm.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        ForecastAlarm.objects.create(**values | {"segment": "", "product": None})


@pytest.mark.django_db
def test_it_reads_in_a_few_queries_whatever_the_number(django_assert_max_num_queries: Any) -> None:
    shop = Shop(poisson(10, 30, rate=60))
    run = shop.runs()
    assert len(shop.open()) > 30
    with django_assert_max_num_queries(1):
        for alarm in reading.alarms_list(is_open=True):
            assert alarm.opened_by.as_of
            assert alarm.product is None or alarm.product.sku
    with django_assert_max_num_queries(60):
        alarms_refresh(run=run, panel=shop.panel(LAST))
    one = shop.products[0]
    assert {alarm.kind for alarm in reading.alarms_of(product_id=one.pk, location_id=shop.place.pk)} >= {
        "bias"
    }
    assert reading.alarms_list(search=one.sku).count() >= 1
    assert selectors.run_latest() == run
