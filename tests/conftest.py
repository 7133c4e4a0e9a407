"""What all tests share: the cast, and the skips that say why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import translation
from hypothesis import settings

from tests.cast import *  # noqa: F403

ROOT = Path(__file__).resolve().parent.parent


# A gate gives the same answer twice; HYPOTHESIS_PROFILE=default goes looking for new cases.
settings.register_profile("gate", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: python -m tests.servers pytest ...")
    if item.get_closest_marker("redis") and not os.environ.get("CELERY_BROKER_URL", "").startswith("redis"):
        pytest.skip("needs Redis: python -m tests.servers pytest ...")
    if item.get_closest_marker("data") and not data_folder().is_dir():
        pytest.skip(f"needs the public data: {data_folder()} is absent (set FORESTOCK_DATA)")


def data_folder() -> Path:
    return Path(os.environ.get("FORESTOCK_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def public_data() -> Path:
    return data_folder()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Keys come again in the next test's database: no test reads what another has cached."""
    cache.clear()


@pytest.fixture(autouse=True)
def _english() -> None:
    """A request in Chinese leaves its language with the thread: no test inherits it."""
    translation.activate("en")
