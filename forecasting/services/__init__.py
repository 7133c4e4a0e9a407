"""What changes forecast runs: create, execute, prune."""

from forecasting.services.execute import run_execute
from forecasting.services.runs import ForecastError, run_create, runs_prune

__all__ = ["ForecastError", "run_create", "run_execute", "runs_prune"]
