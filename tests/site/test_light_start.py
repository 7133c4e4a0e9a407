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


WARM = """
import runpy
import sys
import threading
import django
django.setup()
runpy.run_path("gunicorn.conf.py")["post_worker_init"](None)
[thread] = [thread for thread in threading.enumerate() if thread.name == "warm-up"]
thread.join()
from django.template import engines
loader = engines["django"].engine.template_loaders[0]
print(sorted({"bokeh", "numba", "scipy", "adbc_driver_postgresql", "lightgbm", "sklearn"} & set(sys.modules)))
print("replenishment/workbench.html" in " ".join(map(str, loader.get_template_cache)))
"""


def test_a_web_worker_loads_what_its_pages_need_while_it_waits() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WARM],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    modules, has_templates = done.stdout.strip().splitlines()[-2:]
    assert modules == "['adbc_driver_postgresql', 'bokeh', 'numba', 'scipy']"
    assert has_templates == "True"
    assert "cut off" not in done.stderr
    assert "can't be read" not in done.stderr
