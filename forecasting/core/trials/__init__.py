"""Whether signals earn their place: the same forecast with and without each, over rolling origins."""

from forecasting.core.trials.ablation import SPEC, TrialError, TrialResult, Verdict, trial, trial_sample
from forecasting.core.trials.paired import Difference, holm, paired_difference

__all__ = [
    "SPEC",
    "Difference",
    "TrialError",
    "TrialResult",
    "Verdict",
    "holm",
    "paired_difference",
    "trial",
    "trial_sample",
]
