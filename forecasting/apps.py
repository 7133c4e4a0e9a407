"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ForecastingConfig(AppConfig):
    """Demand as distributions: models, backtests, runs."""

    name = "forecasting"
    verbose_name = _("Forecasting")
