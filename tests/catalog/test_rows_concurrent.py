from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from catalog.models import SalesRecord, StockLevel, SupersededFact
from catalog.services import UpsertResult, stock_receive
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_lets_writers_of_the_same_rows_wait_for_one_another() -> None:
    a, w = make.product(), make.location()
    start = threading.Barrier(4)

    def write(units: float) -> UpsertResult:
        try:
            start.wait()
            rows = [(a, w, DAY + timedelta(n), units, 1.0) for n in range(200)]
            result = make.sell(rows)
            assert isinstance(result, UpsertResult)
            return result
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(write, [1.0, 2.0, 2.0, 3.0]))
    assert sum(result.new for result in results) == 200
    assert sum(result.changed + result.unchanged for result in results) == 600
    assert SalesRecord.objects.values("quantity").distinct().count() == 1
    assert SupersededFact.objects.count() == sum(result.changed for result in results)


def test_it_adds_up_receipts_that_come_at_once() -> None:
    a, w = make.product(), make.location()
    start = threading.Barrier(4)

    def receive(_turn: int) -> None:
        try:
            start.wait()
            stock_receive(product_id=a.pk, location_id=w.pk, day=DAY, quantity=Decimal("2.5"))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(receive, range(4)))
    assert StockLevel.objects.get().on_hand == Decimal(10)
