"""Bulk reads beside writers on SQLite: nothing that was committed may be lost."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import connection
from django.utils import timezone

from catalog.models import Location
from catalog.selectors import demand_panel, read_frame
from tests.cast import make_location
from tests.forecasting.shop import AS_OF, make_sales


def elsewhere(sql: str) -> str:
    """What another process gets for a statement."""
    code = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
    command = [sys.executable, "-c", code, str(connection.settings_dict["NAME"]), sql]
    return subprocess.run(command, check=True, timeout=30, capture_output=True, text=True).stdout.strip()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's file locks")
def test_it_keeps_what_is_committed_after_a_bulk_read_beside_another_process() -> None:
    # A second copy of SQLite in this process would drop this connection's locks when it closes the file;
    # the next process to leave would then delete the log that this one goes on writing to.
    make_sales(products=1, weeks=2)
    assert demand_panel(as_of=AS_OF, known_at=timezone.now(), freq="W").height == 2
    assert read_frame("SELECT id FROM catalog_location").height == 1
    elsewhere("PRAGMA user_version = 7")
    late = make_location(code="LATE")
    assert Location.objects.filter(pk=late.pk).exists()
    assert elsewhere("SELECT count(*) FROM catalog_location WHERE code = 'LATE'") == "[(1,)]"
