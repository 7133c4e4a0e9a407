"""Seconds and peak memory of the stages of a run, and telling how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str, float], None]


@dataclass
class Stages:
    """Seconds and peak memory of each stage, and the progress told outside."""

    progress: Progress | None
    table: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def run(self, name: str, begin: float) -> Iterator[None]:
        """Time a stage; one that is run twice adds up."""
        self.tell(name, begin)
        start = time.perf_counter()
        yield
        give_back()
        before = self.table.get(name, {"seconds": 0.0})["seconds"]
        self.table[name] = {
            "seconds": round(before + time.perf_counter() - start, 3),
            "peak_mib": round(peak_mib(), 1),
        }

    def tell(self, name: str, share: float) -> None:
        """Say what is being done, and the share of the whole that is done."""
        if self.progress:
            self.progress(name, min(max(share, 0.0), 1.0))


def give_back() -> None:
    """Return freed memory to the system, where the C library would keep it for itself (glibc)."""
    import ctypes

    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def peak_mib() -> float:
    """Peak resident memory of this process so far, in MiB; 0 where the system doesn't tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
