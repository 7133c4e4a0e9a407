"""What changes forecast runs, overrides and readings of signals."""

from forecasting.services.categories import suggestions_accept, suggestions_dismiss
from forecasting.services.execute import run_execute
from forecasting.services.look_alikes import (
    LookAlikeError,
    look_alike_choice_undo,
    look_alike_choose,
)
from forecasting.services.overrides import (
    OverrideError,
    override_create,
    override_draft,
    override_withdraw,
    overrides_score,
)
from forecasting.services.runs import ForecastError, run_create, runs_prune
from forecasting.services.signals import signal_run_create, signal_run_execute
from forecasting.services.trials import trial_create, trial_execute

__all__ = [
    "ForecastError",
    "LookAlikeError",
    "OverrideError",
    "look_alike_choice_undo",
    "look_alike_choose",
    "override_create",
    "override_draft",
    "override_withdraw",
    "overrides_score",
    "run_create",
    "run_execute",
    "runs_prune",
    "signal_run_create",
    "signal_run_execute",
    "suggestions_accept",
    "suggestions_dismiss",
    "trial_create",
    "trial_execute",
]
