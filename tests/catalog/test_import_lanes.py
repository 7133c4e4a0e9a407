"""Lanes and kits come in by file; what leads round in a circle does not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from catalog import services
from catalog.models import ImportBatch, KitComponent, TransferLane
from tests.cast import make_lane, make_location, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    for code in "ABCD":
        make_location(code=code)
        make_product(sku=code)


def run(kind: str, *rows: str, **values: Any) -> ImportBatch:
    text = "\n".join(rows)
    batch = services.import_create(
        kind=kind,
        file=ContentFile(text.encode(), name="f.csv"),
        file_name="f.csv",
        acting_user=None,
        **values,
    )
    return services.import_run(batch_id=batch.pk)


def reasons(batch: ImportBatch) -> list[tuple[int, str, str]]:
    return [(error["row"], error["value"], error["reason"]) for error in batch.errors]


LANES = "source,destination,is_supply,lead_time_days,unit_cost"


def test_it_loads_lanes_and_changes_them() -> None:
    batch = run("transfer_lane", LANES, "A,B,true,2,0.15", "B,A,false,3,0.2")
    assert (batch.state, batch.rows_new) == ("done", 2)
    lane = TransferLane.objects.get(source__code="A")
    assert (lane.destination.code, lane.is_supply, lane.lead_time_days) == ("B", True, 2.0)
    assert (lane.unit_cost, lane.order_multiple) == (Decimal("0.15"), Decimal(1))
    assert run("transfer_lane", "source,destination,moq", "A,B,12").rows_changed == 1
    lane.refresh_from_db()
    assert (lane.moq, lane.is_supply) == (Decimal(12), True)


def test_it_refuses_lanes_that_supply_round_in_a_circle() -> None:
    make_lane_of("C", "A", is_supply=True)
    batch = run("transfer_lane", LANES, "A,B,true,2,0", "B,C,true,2,0", "A,D,true,2,0", "D,A,false,2,0")
    assert batch.state == "failed"
    circle = "leads round in a circle"
    assert reasons(batch) == [(2, "B", circle), (3, "C", circle)]
    assert TransferLane.objects.count() == 1
    assert run("transfer_lane", LANES, "A,B,true,2,0", "B,C,false,2,0").state == "done"


def test_it_refuses_a_second_supplier_of_a_location() -> None:
    make_lane_of("A", "B", is_supply=True)
    batch = run("transfer_lane", LANES, "C,B,true,2,0", "C,D,true,2,0")
    assert reasons(batch) == [(2, "B", "is supplied from another location already")]
    # The file may give the place over to another.
    assert run("transfer_lane", LANES, "A,B,false,2,0", "D,C,true,1,0").state == "done"


def test_it_refuses_a_lane_to_where_it_starts() -> None:
    assert reasons(run("transfer_lane", LANES, "A,A,true,2,0"))[0][2] == "is where the lane starts"


def test_it_refuses_kits_that_hold_themselves() -> None:
    first = run("kit_component", "kit,component,quantity", "A,B,2", "B,C,3")
    assert (first.state, KitComponent.objects.count()) == ("done", 2)
    second = run("kit_component", "kit,component,quantity", "C,A,1", "C,D,1")
    assert reasons(second) == [(2, "A", "leads round in a circle")]
    good = run("kit_component", "kit,component,quantity", "C,A,1", "C,D,1", mode="good-rows")
    assert (good.rows_new, good.rows_rejected) == (1, 1)


def make_lane_of(source: str, destination: str, **values: Any) -> TransferLane:
    from catalog.models import Location

    return make_lane(Location.objects.get(code=source), Location.objects.get(code=destination), **values)
