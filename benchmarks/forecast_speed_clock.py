"""The engine's command line with a clock on LightGBM.

    python -m benchmarks.forecast_speed_clock OUT.json ARGUMENTS OF python -m forecasting.core

Counts the seconds inside LightGBM's own training, binning and prediction, each call once however they nest,
and changes nothing else.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Clock:
    """Seconds inside the functions it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.depth = 0

    def wrap(self, owner: Any, name: str) -> None:
        """Put a timed function in the place of an attribute."""
        work: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(work)
        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            self.depth += 1
            try:
                return work(*arguments, **options)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.perf_counter() - start

        setattr(owner, name, timed)


def main() -> int:
    """Run the command line; answers with its exit code."""
    out, *arguments = sys.argv[1:]
    from forecasting.core import backtest, pipeline
    from forecasting.core.__main__ import main as engine

    clock = Clock()

    @functools.cache
    def start() -> None:
        import lightgbm

        for owner, names in (
            (lightgbm.Dataset, ("construct",)),
            (lightgbm.Booster, ("__init__", "update", "predict", "refit")),
        ):
            for name in names:
                clock.wrap(owner, name)

    # LightGBM is loaded when and as the engine loads it: the clock starts with the first model made.
    make = vars(pipeline)["make"]

    def timed_make(*given: Any, **options: Any) -> Any:
        start()
        return make(*given, **options)

    for module in (backtest, pipeline):
        vars(module)["make"] = timed_make
    code = engine(arguments)
    Path(out).write_text(json.dumps({"seconds": clock.seconds}))
    return code


if __name__ == "__main__":
    sys.exit(main())
