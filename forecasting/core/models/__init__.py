"""The models behind one registry: `make(name, ...)` gives an estimator with ``fit`` and ``predict``."""

from forecasting.core.models.base import (
    Forecaster,
    KnowsSeries,
    ModelSettings,
    PredictsQuantiles,
    TrainingData,
    make,
    model_names,
)

__all__ = [
    "Forecaster",
    "KnowsSeries",
    "ModelSettings",
    "PredictsQuantiles",
    "TrainingData",
    "make",
    "model_names",
]
