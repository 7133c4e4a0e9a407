"""The accuracy of a run's product-locations as one file, so that no web process has to read all rows."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from forecasting.models import ForecastRun
from forecasting.selectors.lead_bands import lead_bands_read
from forecasting.selectors.series_accuracy import accuracy_path, table_read


def accuracy_keep(*, run_id: int) -> Path | None:
    """Write the table of a finished run beside its models, whole or not at all; None: there is none.

    About 400 bytes a product-location. Raises OSError where it can't be written.
    """
    import numpy as np

    run = ForecastRun.objects.get(pk=run_id)
    path, table = accuracy_path(run), table_read(run_id)
    if path is None or not len(table.product):
        return None
    leads = lead_bands_read(run, table)
    table = replace(table, leads=np.empty(0, dtype=np.int64) if leads is None else leads)
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in vars(table).items()}
    # A dot in front, as of all files there that are not whole yet.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
