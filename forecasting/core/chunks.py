"""Work on many series, some at a time: what is made on the way stays in the cache, and threads share it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def in_chunks(work: Callable[[slice], None], count: int, size: int, threads: int = 1) -> None:
    """Call ``work`` on slices of ``size`` that make up ``count``.

    Each call writes to its own part of the results, so neither their order nor the threads change a number.
    """
    parts = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    if threads < 2 or len(parts) < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        # Drained, so that an error in a thread is raised here.
        for _ in pool.map(work, parts):
            pass
