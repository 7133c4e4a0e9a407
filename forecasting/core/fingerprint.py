"""What tells whether a forecast would come out the same: content of the data, spec, code and libraries."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version

import numpy as np
import polars as pl

from forecasting.core.panel_columns import coded
from forecasting.core.spec import ForecastSpec

# Raised whenever the same data and spec would give other numbers, or an artifact another shape.
CODE_VERSION = 8


def fingerprint(panel: pl.DataFrame, spec: ForecastSpec, more: str = "") -> str:
    """sha256 (hex) over the panel's content, the spec, ``more``, and versions of code and libraries.

    Neither the order of rows and columns nor the string type counts. Two equal fingerprints at one as-of date
    mean equal forecasts; ``threads`` and ``progress`` don't enter.
    """
    digest = hashlib.sha256()
    settings = {name: value for name, value in spec.to_dict().items() if name != "threads"}
    if not spec.signals:
        # Without any, the numbers are those of before there were signals.
        del settings["signals"]
    head = {"code": CODE_VERSION, "spec": settings, "libraries": library_versions()}
    digest.update(json.dumps(head, sort_keys=True).encode())
    digest.update(more.encode())
    frame = panel.with_columns(pl.col("unique_id").cast(pl.String)).sort("unique_id", "ds")
    for name in sorted(frame.columns):
        column = frame[name]
        is_text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
        digest.update(f"\0{name}\0{pl.String() if is_text else column.dtype}\0".encode())
        if is_text:
            # Encoded columns are compared as they are: only the distinct words are ever made text.
            column, words = coded(column)
            digest.update("\0".join(words).encode())
        digest.update(column.is_null().to_numpy().tobytes())
        digest.update(np.ascontiguousarray(column.fill_null(strategy="zero").to_numpy()).tobytes())
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that the numbers depend on."""
    return {
        name: version(name)
        for name in ("lightgbm", "numpy", "polars", "scikit-learn", "scipy", "statsforecast")
    }
