"""What there is to read about forecasts."""

from forecasting.selectors.distributions import distribution_labels, distribution_read, history_read
from forecasting.selectors.runs import (
    CHAMPIONS,
    OVERALL,
    ScoreRow,
    ScoreTable,
    as_of_default,
    run_get,
    run_is_visible,
    run_latest,
    run_scores,
    runs_list,
)

__all__ = [
    "CHAMPIONS",
    "OVERALL",
    "ScoreRow",
    "ScoreTable",
    "as_of_default",
    "distribution_labels",
    "distribution_read",
    "history_read",
    "run_get",
    "run_is_visible",
    "run_latest",
    "run_scores",
    "runs_list",
]
