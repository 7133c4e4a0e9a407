"""What a run stores of its accuracy, its champions and its explanation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pytest_django import Settings

from catalog.models import ExchangeRate, PriceRecord, SalesRecord, StockLevel
from catalog.selectors import demand_panel
from forecasting import services
from forecasting.core.accuracy import COLUMN, SUMS, scores_of
from forecasting.core.explain import GROUPS
from forecasting.core.pipeline import forecast
from forecasting.core.result import ForecastResult
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastDistribution, ForecastRun, SeriesAccuracy
from forecasting.selectors import accuracy as reads
from forecasting.selectors.lead_bands import lead_bands, lead_bands_read
from forecasting.selectors.series_accuracy import _table, accuracy_path, accuracy_table, table_read
from forecasting.services.runs import artifacts_delete
from forecasting.services.worth import series_worth
from tests.cast import make_category, make_location, make_product, make_terms
from tests.forecasting.shop import AS_OF, make_sales

QUICK = ForecastSpec(models=("seasonal_naive", "moving_average"), horizon=5)


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"
    settings.FORESTOCK_HOME_CURRENCY = "USD"


def run_done(**values: Any) -> ForecastRun:
    run = services.run_create(acting_user=None, spec=QUICK, **values)
    run = services.run_execute(run_id=run.pk)
    assert run.state == ForecastRun.State.DONE, run.error
    return run


def result_of(run: ForecastRun) -> ForecastResult:
    panel = demand_panel(as_of=run.as_of, known_at=run.known_at, freq="W")
    return forecast(panel, as_of=run.as_of, spec=replace(QUICK, explain=True))


def sums_of(row: SeriesAccuracy) -> npt.NDArray[Any]:
    return np.frombuffer(bytes(row.sums), dtype="<f4").reshape(-1, len(SUMS))


@pytest.mark.django_db
def test_it_stores_the_accuracy_that_the_engine_found() -> None:
    make_sales(products=5)
    run = run_done()
    expected = result_of(run)
    assert expected.accuracy is not None
    rows = {f"{row.product_id}@{row.location_id}": row for row in SeriesAccuracy.objects.filter(run=run)}
    assert set(rows) == set(expected.distribution.unique_id)
    for place, name in enumerate(expected.distribution.unique_id):
        row = rows[name]
        np.testing.assert_array_equal(sums_of(row), expected.accuracy.sums[place])
        assert row.model == expected.model[place]
        assert row.left_out == expected.accuracy.left_out[place]
    # The same as what the run page shows of its champions, but for the weight of the folds.
    overall = reads.accuracy_report(
        accuracy_table(run), reads.AccuracyFilter(), reads.category_tree("en")
    ).overall
    total = expected.accuracy.by_step.sum(axis=0)
    assert overall.scores == pytest.approx(scores_of(total), rel=1e-5)
    assert overall.scores["wape"] == pytest.approx(
        run.report["models"]["champion"]["overall"]["wape"], rel=0.05
    )
    assert [step["wape"] for step in run.report["by_step"]] == pytest.approx(
        [scores_of(step)["wape"] for step in expected.accuracy.by_step], abs=1e-6
    )


@pytest.mark.django_db
def test_it_keeps_the_accuracy_as_a_file_that_says_what_the_rows_say() -> None:
    for number, product in enumerate(make_sales(products=5)[:3]):
        make_terms(product=product, lead_time_days=7.0 * number)
    run = run_done()
    path = accuracy_path(run)
    assert path is not None
    assert path.is_file()
    from_rows, from_file = table_read(run.pk), accuracy_table(run)
    assert from_rows.leads is None
    for name, value in vars(from_rows).items():
        if name != "leads":
            np.testing.assert_array_equal(getattr(from_file, name), value, err_msg=name)
    bands = lead_bands(run)
    assert bands is not None
    np.testing.assert_array_equal(bands, lead_bands_read(run, from_rows))
    path.write_bytes(path.read_bytes()[:100])
    _table.cache_clear()
    np.testing.assert_array_equal(accuracy_table(run).sums, from_rows.sums)
    np.testing.assert_array_equal(lead_bands(run), bands)
    artifacts_delete(run_id=run.pk, keep=run.artifact)
    assert path.is_file()
    artifacts_delete(run_id=run.pk)
    assert not path.exists()


@pytest.mark.django_db
def test_a_run_is_done_though_its_accuracy_can_not_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    make_sales(products=2)
    run = run_done()
    path = accuracy_path(run)
    assert path is not None
    assert [file.name for file in path.parent.iterdir()] == [run.artifact]
    assert len(accuracy_table(run).product) == 2


@pytest.mark.django_db
def test_it_stores_contributions_corrections_and_decisions() -> None:
    make_sales(products=3)
    run = run_done()
    expected = result_of(run)
    assert expected.contributions is not None
    assert expected.corrections is not None
    stored = {f"{row.product_id}@{row.location_id}": row for row in ForecastDistribution.objects.all()}
    for place, name in enumerate(expected.distribution.unique_id):
        parts = np.frombuffer(bytes(stored[name].contributions), dtype="<f4").reshape(5, len(GROUPS))
        np.testing.assert_array_equal(parts, expected.contributions[place])
        mean = np.frombuffer(bytes(stored[name].mean), dtype="<f4")
        np.testing.assert_allclose(parts.sum(axis=1), mean, rtol=1e-4, atol=1e-4)
        assert bytes(stored[name].corrections) == expected.corrections[place]
    decisions = {row.segment: row for row in run.decisions.all()}
    assert {name: row.champion for name, row in decisions.items()} == {
        row["segment"]: row["champion"] for row in expected.report["decisions"]
    }
    assert "overall" in decisions
    assert "decisions" not in run.report


@pytest.mark.django_db
def test_it_tells_the_next_run_who_was_champion() -> None:
    make_sales(products=3)
    first = run_done()
    SalesRecord.objects.filter(day=AS_OF).update(quantity=7)
    second = run_done(kind=ForecastRun.Kind.FULL)
    before = {row.segment: row.champion for row in first.decisions.all()}
    assert {row.segment: row.previous for row in second.decisions.all()} == before


@pytest.mark.django_db
def test_it_prices_and_classes_in_the_home_currency() -> None:
    ExchangeRate.objects.create(
        base="EUR", quote="USD", day=AS_OF - timedelta(days=400), rate=Decimal("1.25")
    )
    tea = make_category()
    euro, yen = make_location(currency="EUR"), make_location(currency="JPY")
    big, small = make_sales(products=2, location=euro)
    big.category = tea
    big.save()
    SalesRecord.objects.filter(product=big).update(quantity=90, revenue=9_000)
    foreign = make_sales(products=1, location=yen)
    run = run_done()
    rows = {row.product_id: row for row in SeriesAccuracy.objects.filter(run=run)}
    assert rows[big.pk].price == pytest.approx(125.0)  # 100 EUR
    assert rows[small.pk].price == pytest.approx(3.75)
    assert rows[foreign[0].pk].price is None  # no rate is known
    assert [rows[product.pk].abc for product in (big, small, foreign[0])] == ["A", "C", "C"]
    assert (rows[big.pk].category, rows[small.pk].category) == (tea, None)
    assert rows[big.pk].xyz == "X"  # the same on every day


@pytest.mark.django_db
def test_it_takes_the_asked_price_where_nothing_was_paid() -> None:
    place = make_location()
    free, asked = make_product(), make_product()
    for product in (free, asked):
        SalesRecord.objects.create(product=product, location=place, day=AS_OF, quantity=2, revenue=0)
    PriceRecord.objects.create(product=asked, location=place, day=AS_OF, price=8)
    panel = demand_panel(as_of=AS_OF, freq="W")
    worth = series_worth(panel, [f"{asked.pk}@{place.pk}", f"{free.pk}@{place.pk}"], as_of=AS_OF)
    assert worth.prices[0] == pytest.approx(8.0)
    assert worth.prices[1] in {None, 0.0}
    assert worth.revenue.tolist() == [0.0, 0.0]


@pytest.mark.django_db
def test_it_leaves_out_and_counts_stock_outs() -> None:
    place = make_location()
    products = make_sales(products=2, location=place)
    for back in range(1, 8):
        StockLevel.objects.create(
            product=products[0], location=place, day=AS_OF - timedelta(days=6 + back), on_hand=0
        )
    run = run_done()
    rows = {row.product_id: row for row in SeriesAccuracy.objects.filter(run=run)}
    assert rows[products[0].pk].left_out >= 1
    assert rows[products[1].pk].left_out == 0
    cells = [sums_of(rows[product.pk])[:, COLUMN["count"]].sum() for product in products]
    assert cells[1] - cells[0] == rows[products[0].pk].left_out


@pytest.mark.django_db
def test_it_keeps_the_accuracy_of_the_full_run_when_an_update_follows() -> None:
    make_sales(products=3)
    full = run_done()
    SalesRecord.objects.filter(day=AS_OF).update(quantity=7)
    update = run_done(kind=ForecastRun.Kind.UPDATE)
    assert (update.kind, update.trained_by) == (ForecastRun.Kind.UPDATE, full)
    assert list(reads.accuracy_runs()) == [full]
    # Pruned, it stays what the page shows, until another full run has been tested.
    services.runs_prune(keep=1)
    assert list(reads.accuracy_runs()) == [full]
    SalesRecord.objects.filter(day=AS_OF).update(quantity=8)
    newer = run_done(kind=ForecastRun.Kind.FULL)
    services.runs_prune(keep=1)
    assert list(reads.accuracy_runs()) == [newer]
