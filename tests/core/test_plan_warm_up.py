"""Compiling ahead reaches whatever a plan compiles."""

from __future__ import annotations

import subprocess
import sys

from replenishment.core import exchange, long_run, renewal, shapes
from replenishment.core.policy import plan
from replenishment.core.warm_up import warm_up
from tests.conftest import ROOT
from tests.core.test_plan_service import cases


def signatures() -> dict[str, int]:
    """How often each compiled function has been compiled, or loaded, for arguments of their own kind."""
    found = {}
    for module in (exchange, long_run, renewal, shapes):
        for name, function in vars(module).items():
            if hasattr(function, "signatures"):
                found[f"{module.__name__}.{name}"] = len(function.signatures)
    return found


def test_it_leaves_nothing_to_compile_for_a_plan() -> None:
    warm_up()
    before = signatures()
    items, demand, _ = cases()
    plan(items, demand, budget=1000.0)
    assert signatures() == before
    assert all(
        number for name, number in before.items() if name.endswith((".evaluated", ".visited", ".shared"))
    )


def test_it_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "replenishment.core", "compile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.startswith("compiled: ")
