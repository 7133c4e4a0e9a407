from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pytest_django import Settings

from catalog.models import Category, Product
from forecasting import selectors, services
from forecasting.core.explain import group_of
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastRun
from forecasting.selectors.static import static_columns
from forecasting.services import life
from tests.cast import make_category
from tests.forecasting.shop import AS_OF, make_sales

SPEC = ForecastSpec(models=("moving_average", "linear", "lightgbm"), horizon=3, folds=1, min_segment=3)


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"


def panel(*series: tuple[str | None, str | None, str, str]) -> pl.DataFrame:
    """Two periods of each series with its department, category, product and location."""
    names = ["department", "category", "product", "location"]
    frame = pl.DataFrame(list(series), schema=dict.fromkeys(names, pl.String), orient="row")
    ids = pl.format("{}@{}", "product", "location")
    return (
        frame.with_columns(unique_id=ids, ds=pl.lit([date(2026, 1, 4), date(2026, 1, 11)]))
        .explode("ds")
        .with_columns(pl.col(names).cast(pl.Categorical))
    )


def chosen(*series: tuple[str | None, str | None, str, str], smallest: int = 2) -> tuple[str, ...]:
    return static_columns(panel(*series), smallest=smallest)


def test_it_takes_what_makes_groups() -> None:
    rows = [(f"D{p // 4}", f"C{p // 2}", f"P{p}", place) for p in range(8) for place in ("N", "S")]
    assert chosen(*rows) == ("department", "category", "product", "location")
    assert chosen(*rows, smallest=4) == ("department", "category", "location")
    assert chosen(*rows, smallest=9) == ()


def test_it_leaves_out_one_value_and_a_value_each() -> None:
    assert chosen(*((None, None, f"P{p}", "N") for p in range(9))) == ()
    assert chosen(*(("D", f"C{p % 3}", f"P{p}", "N") for p in range(9))) == ("category",)


def test_it_leaves_out_the_same_groups_again() -> None:
    flat = [(f"C{p % 3}", f"C{p % 3}", f"P{p}", "N") for p in range(9)]
    assert chosen(*flat) == ("department",)
    one_each = [(f"C{p}", f"C{p}", f"P{p}", f"L{n}") for p in range(3) for n in range(3)]
    assert chosen(*one_each) == ("department", "location")


def test_unknown_is_a_group_of_its_own() -> None:
    assert chosen(*((None if p % 2 else "D",) * 2 + (f"P{p}", "N") for p in range(8))) == ("department",)


def test_an_update_takes_what_its_models_were_given() -> None:
    rows = [(f"C{p % 3}", f"C{p % 3}", f"P{p}", "N") for p in range(9)]
    trained = ForecastRun(report={"columns": ["ds", "location", "unique_id", "y"]})
    assert static_columns(panel(*rows), smallest=2, trained=trained) == ("location",)


@pytest.mark.parametrize("name", ["department", "category", "product"])
def test_what_an_item_is_belongs_to_its_level(name: str) -> None:
    assert group_of(f"static_{name}") == "level"
    assert group_of("static_location") == "location"


def in_categories(products: list[Product], *categories: Category) -> None:
    for n, product in enumerate(products):
        Product.objects.filter(pk=product.pk).update(category=categories[n % len(categories)])


def run_done(back: int = 0) -> ForecastRun:
    run = services.run_create(acting_user=None, spec=SPEC, as_of=AS_OF - timedelta(days=back))
    run = services.run_execute(run_id=run.pk)
    assert (run.state, run.error) == ("done", "")
    return run


@pytest.mark.django_db
def test_a_run_learns_from_categories_and_keeps_to_them_in_updates(tmp_path: Path) -> None:
    from forecasting.core.artifacts import artifact_load

    products = make_sales(products=9, weeks=60)
    one, two = make_category(), make_category()
    in_categories(products, one, two)
    full = run_done(3)
    assert "department" in full.report["columns"]
    assert not {"category", "product", "location"} & set(full.report["columns"])
    artifact = artifact_load(tmp_path / full.artifact, key=life.artifact_key())
    assert artifact.spec.static == ("department",)
    assert artifact.labels["department"] == tuple(sorted((str(one.pk), str(two.pk))))
    assert run_done(3).same_as == full

    # Products move, to a category that is new, too: the trained models take them as they are.
    in_categories(products, two, make_category(), one)
    update = run_done()
    assert (update.kind, update.trained_by, update.same_as) == (ForecastRun.Kind.UPDATE, full, None)
    assert not [text for text in update.report["warnings"] if "can't be used" in text]
    assert selectors.distribution_read(run_id=update.pk).mean.shape == (9, 3)


@pytest.mark.django_db
def test_a_change_of_category_is_a_change() -> None:
    products = make_sales(products=9, weeks=30)
    one, two = make_category(), make_category()
    in_categories(products, one, two)
    run = run_done()
    in_categories(products, two, one, one)
    assert run_done().same_as is None
    assert run.series == 9


@pytest.mark.django_db
def test_backcasts_learn_from_categories_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from forecasting.core import pipeline

    in_categories(make_sales(products=9, weeks=60), make_category(), make_category())
    made: list[tuple[str, tuple[str, ...], set[str]]] = []
    forecast, update = pipeline.forecast, pipeline.update

    def forecasting(panel: pl.DataFrame, **options: Any) -> Any:
        made.append(("forecast", options["spec"].static, set(panel.columns)))
        return forecast(panel, **options)

    def updating(panel: pl.DataFrame, **options: Any) -> Any:
        made.append(("update", options["artifact"].spec.static, set(panel.columns)))
        return update(panel, **options)

    monkeypatch.setattr(pipeline, "forecast", forecasting)
    monkeypatch.setattr(pipeline, "update", updating)
    days = [AS_OF - timedelta(weeks=weeks) for weeks in (8, 4)]
    assert [found.as_of for found in selectors.backcasts(days, spec=SPEC)] == days
    assert [(step, static) for step, static, _ in made] == [
        ("forecast", ("department",)),
        ("update", ("department",)),
    ]
    for _step, _static, columns in made:
        assert "department" in columns
        assert not {"category", "product", "location"} & columns
