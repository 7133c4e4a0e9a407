"""The models behind one registry: `make(name, ...)` gives an estimator with ``fit`` and ``predict``."""

from forecasting.core.models.base import (
    Forecaster,
    KnowsSeries,
    ModelSettings,
    NotInstalledError,
    PredictsQuantiles,
    TrainingData,
    make,
    model_names,
    require_installed,
)

__all__ = [
    "Forecaster",
    "KnowsSeries",
    "ModelSettings",
    "NotInstalledError",
    "PredictsQuantiles",
    "TrainingData",
    "make",
    "model_names",
    "require_installed",
]
