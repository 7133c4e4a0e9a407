"""Models whose library is an extra: their tests are skipped where it is absent, and say so."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from forecasting.core.models import model_names

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed (requirements-deep.txt)"
)
# Every model of the registry, for parametrize.
EVERY_MODEL = [pytest.param(name, marks=needs_torch) if name == "deep" else name for name in model_names()]
