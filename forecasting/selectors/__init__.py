"""What there is to read about forecasts."""

from forecasting.selectors.backcast import NoDemandError, backcasts
from forecasting.selectors.behaviour import (
    BEHAVIOUR_GROUPS,
    behaviour_counts,
    behaviour_of,
    behaviour_readings,
    behaviour_totals,
)
from forecasting.selectors.categories import suggestions_list
from forecasting.selectors.corrections import corrections_read
from forecasting.selectors.distributions import distribution_labels, distribution_read, history_read
from forecasting.selectors.overridden import (
    Overridden,
    Reach,
    SeriesOverridden,
    distribution_overridden,
    override_reaches,
    series_overridden,
)
from forecasting.selectors.overrides import (
    ScoreSum,
    overrides_in_force,
    overrides_list,
    overrides_scored,
)
from forecasting.selectors.overrides_due import overrides_runs_needed
from forecasting.selectors.responses import elasticities_read, response_of, response_read
from forecasting.selectors.runs import (
    CHAMPIONS,
    OVERALL,
    ScoreRow,
    ScoreTable,
    as_of_default,
    frequency_usual,
    run_get,
    run_holding,
    run_is_visible,
    run_latest,
    run_scores,
    runs_list,
)
from forecasting.selectors.signals import signal_run_latest, signal_runs_list
from forecasting.selectors.trends import trends_of
from forecasting.selectors.trials import signals_used, trial_get, trial_latest, trials_list, verdicts_of

__all__ = [
    "BEHAVIOUR_GROUPS",
    "CHAMPIONS",
    "OVERALL",
    "NoDemandError",
    "Overridden",
    "Reach",
    "ScoreRow",
    "ScoreSum",
    "ScoreTable",
    "SeriesOverridden",
    "as_of_default",
    "backcasts",
    "behaviour_counts",
    "behaviour_of",
    "behaviour_readings",
    "behaviour_totals",
    "corrections_read",
    "distribution_labels",
    "distribution_overridden",
    "distribution_read",
    "elasticities_read",
    "frequency_usual",
    "history_read",
    "override_reaches",
    "overrides_in_force",
    "overrides_list",
    "overrides_runs_needed",
    "overrides_scored",
    "response_of",
    "response_read",
    "run_get",
    "run_holding",
    "run_is_visible",
    "run_latest",
    "run_scores",
    "runs_list",
    "series_overridden",
    "signal_run_latest",
    "signal_runs_list",
    "signals_used",
    "suggestions_list",
    "trends_of",
    "trial_get",
    "trial_latest",
    "trials_list",
    "verdicts_of",
]
