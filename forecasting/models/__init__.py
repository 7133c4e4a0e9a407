"""Forecast runs, the distributions they stored, their accuracy, alarms, and planners' overrides."""

from forecasting.models.accuracy import AccuracySnapshot, ChampionDecision, SeriesAccuracy
from forecasting.models.alarms import ForecastAlarm, ForecastOutcome
from forecasting.models.overrides import ForecastOverride, OverrideScore
from forecasting.models.runs import ForecastDistribution, ForecastRun

__all__ = [
    "AccuracySnapshot",
    "ChampionDecision",
    "ForecastAlarm",
    "ForecastDistribution",
    "ForecastOutcome",
    "ForecastOverride",
    "ForecastRun",
    "OverrideScore",
    "SeriesAccuracy",
]
