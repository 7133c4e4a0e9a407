"""A progress bar fed from a job's row, as the pages are."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection
from django.utils.functional import Promise
from tqdm import tqdm

from catalog.models import Job
from forecasting.words import name_of


@contextmanager
def job_bar(job: Job, steps: Mapping[str, str | Promise], *, hidden: bool) -> Iterator[None]:
    """Show how far a job is while the block does it; `steps` names its steps."""
    ended = threading.Event()

    def follow() -> None:
        with tqdm(total=100, unit="%", disable=hidden or None, bar_format="{l_bar}{bar}| {elapsed}") as bar:
            while not ended.wait(0.5):
                row = type(job)._base_manager.only("step", "progress").get(pk=job.pk)
                bar.set_description(name_of(steps, row.step))
                bar.update(int(100 * row.progress) - bar.n)
        connection.close()

    # Inside a transaction another connection would not see the job.
    thread = None if connection.in_atomic_block else threading.Thread(target=follow, daemon=True)
    if thread:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread:
            thread.join()
