"""Web processes and the parents of workers stay light: heavy libraries load where they are used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAVY = [
    "lightgbm",
    "sklearn",
    "scipy",
    "numba",
    "bokeh",
    "pandas",
    "pyarrow",
    "adbc_driver_postgresql",
    "openpyxl",
    "onnx",
    "onnxruntime",
    "PIL",
]

WEB = """
import django
django.setup()
import inventory_site.urls
from django.urls import get_resolver
get_resolver().url_patterns
import inventory_site.wsgi
"""
WORKER = """
from inventory_site.celery import app
app.loader.import_default_modules()
assert "forecasting.tasks.run_execute_task" in app.tasks
"""


@pytest.mark.parametrize("start", [WEB, WORKER], ids=["web", "worker"])
def test_it_starts_without_the_heavy_libraries(start: str) -> None:
    code = f"{start}\nimport sys\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
