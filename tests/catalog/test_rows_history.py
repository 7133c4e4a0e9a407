from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from catalog.models import ImportBatch, SalesRecord
from catalog.selectors import facts_sql, read_frame
from catalog.services import CatalogError, batch_take_back
from catalog.tables import TABLES
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db


def known(at: datetime | None) -> dict[int, float]:
    """Sales by day number, as believed at a time."""
    sql, params = facts_sql("sales", ["day", "quantity"], known_at=at)
    schema = {name: TABLES["sales"].schema[name] for name in ("day", "quantity")}
    frame = read_frame(sql, params, schema=schema)
    found = {(day - DAY).days: quantity for day, quantity in frame.iter_rows()}
    assert len(found) == frame.height, "a day is known twice"
    return found


@pytest.mark.parametrize("seed", range(6))
def test_it_replays_any_history_of_imports_and_take_backs(seed: int) -> None:
    chance = random.Random(seed)
    a, w, admin = make.product(), make.location(), User.objects.create_user("admin")
    moment = datetime(2024, 4, 1, tzinfo=UTC)
    believed: dict[int, float] = {}
    writers: dict[int, int] = {}
    replay: list[tuple[datetime, dict[int, float]]] = []
    before: dict[int, tuple[dict[int, float], dict[int, int]]] = {}
    for _step in range(8):
        moment += timedelta(hours=1)
        batch = make.batch()
        before[batch.pk] = (dict(believed), dict(writers))
        rows = {n: float(chance.randint(0, 3)) for n in range(10) if chance.random() < 0.5}
        make.sell(
            [(a, w, DAY + timedelta(n), y, 1.0) for n, y in rows.items()], batch=batch, recorded_at=moment
        )
        writers |= {n: batch.pk for n, y in rows.items() if believed.get(n) != y}
        believed |= rows
        replay.append((moment, dict(believed)))
        assert known(None) == believed
        assert dict(SalesRecord.objects.values_list("day", "batch_id")) == {
            DAY + timedelta(n): pk for n, pk in writers.items()
        }
    # The last import can always go; what it left behind is exactly what was there before it.
    for batch in ImportBatch.objects.order_by("-pk")[:3]:
        batch_take_back(batch=batch, acting_user=admin)
        assert known(None) == before[batch.pk][0]
        assert dict(SalesRecord.objects.values_list("day", "batch_id")) == {
            DAY + timedelta(n): pk for n, pk in before[batch.pk][1].items()
        }
    for at, state in replay:
        assert known(at) == state


def test_it_tells_whose_rows_were_changed_later(admin_user: User) -> None:
    a, w = make.product(), make.location()
    batches = [make.batch() for _ in range(3)]
    for n, batch in enumerate(batches):
        make.sell([(a, w, DAY, float(n + 1), 1.0)], batch=batch)
    with pytest.raises(CatalogError, match=f"import {batches[1].pk} "):
        batch_take_back(batch=batches[0], acting_user=admin_user)
    with pytest.raises(CatalogError, match=f"import {batches[2].pk} "):
        batch_take_back(batch=batches[1], acting_user=admin_user)
