"""One sales row on its way to a purchase order, by the five calls that docs/trace.md names."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

import catalog.selectors
import catalog.services
import forecasting.selectors
import forecasting.services
import replenishment.services
from catalog.models import ImportBatch, Product, SalesRecord, StockLevel
from forecasting.core.spec import ForecastSpec
from replenishment.models import PurchaseOrderLine
from tests.cast import make_location, make_product, make_terms
from tests.conftest import ROOT

AS_OF = date(2024, 6, 30)
FIVE_CALLS = (
    "catalog.services.import_run",
    "catalog.selectors.demand_panel",
    "forecasting.services.run_execute",
    "forecasting.selectors.distribution_read",
    "replenishment.services.plan_execute",
)


def sales_file(folder: Path, products: list[Product], location: str) -> Path:
    """A year of daily sales. The row that is followed: 31 units of the first product on the last day."""
    path = folder / "sales.csv"
    units = np.random.default_rng(3).poisson(4, (len(products), 365))
    units[0, -1] = 31
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "sku", "location", "quantity", "revenue"])
        for product, row in zip(products, units, strict=True):
            for back, number in enumerate(row[::-1]):
                writer.writerow(
                    [AS_OF - timedelta(days=back), product.sku, location, number, 5 * int(number)]
                )
    return path


@pytest.mark.django_db
def test_it_follows_one_sales_row_to_a_purchase_order(
    tmp_path: Path, settings: Settings, buyer: User, approver: User
) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"
    place = make_location()
    products = [make_product() for _ in range(3)]
    for product in products:
        make_terms(product=product, order_multiple=12, lead_time_days=10)
        StockLevel.objects.create(product=product, location=place, day=AS_OF, on_hand=8)
    followed = products[0]

    # 1. The row comes in.
    batch = catalog.services.import_create(
        kind="sales", file=sales_file(tmp_path, products, place.code), acting_user=buyer
    )
    batch = catalog.services.import_run(batch_id=batch.pk)
    assert (batch.state, batch.errors) == (ImportBatch.State.DONE, [])
    record = SalesRecord.objects.get(product=followed, location=place, day=AS_OF)
    assert (record.quantity, record.batch_id) == (Decimal(31), batch.pk)

    # 2. It is a part of the last week of the demand panel.
    panel = catalog.selectors.demand_panel(as_of=AS_OF, freq="W")
    week = panel.filter((panel["unique_id"] == f"{followed.pk}@{place.pk}") & (panel["ds"] == AS_OF))
    sold = SalesRecord.objects.filter(product=followed, day__gt=AS_OF - timedelta(days=7))
    assert week["y"].to_list() == [float(sum(row.quantity for row in sold))]

    # 3. The forecast stands on that panel.
    run = forecasting.services.run_create(acting_user=buyer, spec=ForecastSpec(horizon=6, folds=1))
    run = forecasting.services.run_execute(run_id=run.pk)
    assert (run.state, run.error) == ("done", "")
    assert (run.as_of, run.series) == (AS_OF, 3)

    # 4. What comes out is a distribution of demand.
    demand = forecasting.selectors.distribution_read(run_id=run.pk, product_ids=[followed.pk])
    assert demand.unique_id == [f"{followed.pk}@{place.pk}"]

    # 5. The plan turns it into a quantity, with its arithmetic.
    plan = replenishment.services.plan_create(acting_user=buyer, forecast_run=run)
    plan = replenishment.services.plan_execute(plan_id=plan.pk)
    assert (plan.state, plan.error) == ("done", "")
    row = plan.suggestions.get(product=followed)
    # Lead time 10 + review 7 days, in weeks; the planner may round to its own grain.
    expected, _quantiles, _short = demand.interval(17 / 7)
    assert row.expected_demand == pytest.approx(expected[0], abs=1e-6)
    assert row.order_quantity > 0
    assert row.order_quantity % 12 == 0

    # And the order: drafted, approved by another person, sent; every parent is still there.
    ids = list(plan.suggestions.values_list("pk", flat=True))
    [order] = [
        order
        for order in replenishment.services.drafts_create(suggestion_ids=ids, acting_user=buyer)
        if order.lines.filter(product=followed).exists()
    ]
    replenishment.services.order_submit(order_id=order.pk, acting_user=buyer)
    replenishment.services.order_approve(order_id=order.pk, acting_user=approver)
    order = replenishment.services.order_send(order_id=order.pk, acting_user=buyer)
    assert order.state == "sent"
    line = PurchaseOrderLine.objects.get(order=order, product=followed)
    assert line.quantity == Decimal(str(row.order_quantity))
    parents = line.suggestion
    assert parents is not None
    assert (parents.plan_run, parents.plan_run.forecast_run) == (plan, run)
    assert run.fingerprint
    assert run.versions


def test_its_page_names_the_five_calls() -> None:
    text = (ROOT / "docs" / "trace.md").read_text()
    assert re.findall(r"^\d\. `([\w.]+)`", text, re.MULTILINE) == list(FIVE_CALLS)
    for name in FIVE_CALLS:
        module, function = name.rsplit(".", 1)
        found: Any = {"catalog": catalog, "forecasting": forecasting, "replenishment": replenishment}
        assert callable(getattr(getattr(found[module.split(".")[0]], module.split(".")[1]), function))
