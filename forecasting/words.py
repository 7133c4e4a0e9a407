"""The engine's names in people's words."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MODELS: dict[str, str | Promise] = {
    "seasonal_naive": _("Seasonal naive"),
    "moving_average": _("Moving average"),
    "ridge": _("Ridge regression"),
    "lightgbm": _("LightGBM"),
}
CHAMPIONS = _("Champions together")
SEGMENTS: dict[str, str | Promise] = {
    "overall": _("All product-locations"),
    "smooth": _("Smooth demand"),
    "erratic": _("Erratic demand"),
    "intermittent": _("Intermittent demand"),
    "lumpy": _("Lumpy demand"),
}
STEPS: dict[str, str | Promise] = {
    "read": _("Reading the demand"),
    "panel": _("Laying out the panel"),
    "features": _("Making features"),
    "backtest": _("Backtesting the models"),
    "calibrate": _("Calibrating the quantiles"),
    "score": _("Scoring, choosing champions"),
    "fit": _("Fitting the champions"),
    "distribution": _("Making the distributions"),
    "done": _("Finishing"),
    "store": _("Storing the distributions"),
}
_FEW_FOLDS = re.compile(r"history is too short for (?P<asked>\d+) folds: (?P<used>\d+) used")
FREQUENCIES: dict[str, str | Promise] = {"D": _("Days"), "W": _("Weeks"), "M": _("Months")}


def name_of(words: dict[str, str | Promise], key: str) -> str:
    """The words for a name of the engine; the name itself where there are none yet."""
    return str(words.get(key, key))


def warning_text(text: str) -> str:
    """A warning of the engine in the reader's language; as it is where there are no words for it yet."""
    folds = _FEW_FOLDS.fullmatch(text)
    if folds is None:
        return text
    return str(
        _("The history is too short for %(asked)s backtest folds: %(used)s were used.") % folds.groupdict()
    )
