"""What a forecast run gives: distributions with their report, and what it learned, for later runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy.typing as npt

from forecasting.core.accuracy import AccuracySums
from forecasting.core.calibrate import Calibrator, Outcome
from forecasting.core.distribution import DemandDistribution
from forecasting.core.mix import QuantileMix
from forecasting.core.models import Forecaster
from forecasting.core.response.estimate import Responses
from forecasting.core.spec import ForecastSpec

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ForecastArtifact:
    """What a run learned: the fitted champions, the calibrator, who is champion where.

    ``factor`` corrects each model's means for their bias on held-out folds, ``mix`` is the share that a model
    with quantiles of its own has in the distribution. ``outcome`` are the held-out
    means and actuals that calibrated. So that a later panel is laid out alike: ``labels`` are the words
    behind the codes of text columns, ``unique_id`` names the series that the models know, by position, and
    ``yearly`` says whether the features look back a year.
    """

    spec: ForecastSpec
    as_of: date
    models: dict[str, Forecaster]
    calibrator: Calibrator | None
    champion: dict[str, str]
    factor: dict[str, float] = field(default_factory=dict)
    mix: QuantileMix = field(default_factory=QuantileMix)
    outcome: Outcome | None = None
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unique_id: list[str] = field(default_factory=list)
    yearly: bool | None = None


@dataclass(frozen=True, eq=False)
class ForecastResult:
    """Distributions of all series, in order of their names; ``model``, ``segment``, ``pattern`` are (N,)
    names.

    ``report`` is JSON: ``stages``, ``models`` (scores per model and segment), ``champion`` per segment and
    its ``decisions``, ``coverage``, ``warnings``. ``artifact`` can be saved by `forecasting.core.artifacts`.
    ``corrections`` (N,) are packed by `forecasting.core.cleaning`; ``accuracy`` holds each series' held-out
    errors (zeros where it was not tested), None without a backtest; ``contributions`` (N, H, G) split the
    mean as `forecasting.core.explain` does, None unless asked for; with it comes the ``response`` to price
    and promotion, None where the panel tells nothing of it. Series without sales of their own have none.
    """

    distribution: DemandDistribution
    model: list[str]
    segment: list[str]
    pattern: list[str]
    report: dict[str, Any]
    artifact: ForecastArtifact
    corrections: list[bytes] | None = None
    accuracy: AccuracySums | None = None
    contributions: Array | None = None
    response: Responses | None = None
