"""Forecast runs, the distributions they stored, their accuracy, alarms, planners' overrides, and signals."""

from forecasting.models.accuracy import AccuracySnapshot, ChampionDecision, SeriesAccuracy
from forecasting.models.alarms import ForecastAlarm, ForecastOutcome
from forecasting.models.behaviour import BehaviourReading
from forecasting.models.overrides import ForecastOverride, OverrideScore
from forecasting.models.runs import ForecastDistribution, ForecastRun
from forecasting.models.signals import (
    CategorySuggestion,
    LookAlike,
    LookAlikeChoice,
    ProductVector,
    ProductVoice,
    ReviewReading,
    SignalRun,
    TrendReading,
)
from forecasting.models.trials import SignalTrial, SignalVerdict

__all__ = [
    "AccuracySnapshot",
    "BehaviourReading",
    "CategorySuggestion",
    "ChampionDecision",
    "ForecastAlarm",
    "ForecastDistribution",
    "ForecastOutcome",
    "ForecastOverride",
    "ForecastRun",
    "LookAlike",
    "LookAlikeChoice",
    "OverrideScore",
    "ProductVector",
    "ProductVoice",
    "ReviewReading",
    "SeriesAccuracy",
    "SignalRun",
    "SignalTrial",
    "SignalVerdict",
    "TrendReading",
]
