"""The engine's names in people's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# The policies that can be replayed (docs/replay.md).
POLICIES: dict[str, _StrPromise] = {
    "engine": _("Forestock's engine"),
    "minmax": _("Min/max, set once"),
    "minmax_refreshed": _("Min/max, every 13 weeks"),
    "moving_average": _("Moving average and safety stock"),
    "moving_average_lead_time": _("Moving average, lead times vary"),
    "ses": _("Exponential smoothing and safety stock"),
    "bootstrap": _("Bootstrapped lead-time demand"),
    "ses_allocated": _("Smoothing, service shared out by cost"),
    "quantile": _("Quantile of the forecast"),
}
# With the row of what was really done beside them.
REPLAY_ROWS = POLICIES | {"actual": _("What you really did")}
DELIVERIES: dict[str, _StrPromise] = {
    "drawn": _("Drawn from the supply terms"),
    "happened": _("As they happened"),
}
ACT_STEPS: dict[str, _StrPromise] = {
    "read": _("Reading the suggestions"),
    "reckon": _("Working out the quantities"),
    "draft": _("Making the orders"),
    "mark": _("Marking what is ordered"),
    "submit": _("Handing the orders to the approvers"),
    "write": _("Writing the suggestions"),
    "log": _("Writing the log"),
    "sums": _("Adding up"),
}
REPLAY_STEPS: dict[str, _StrPromise] = {
    "read": _("Reading demand, terms and stock"),
    "forecasts": _("Making the forecasts of the time"),
    "replay": _("Replaying the policies"),
    "store": _("Storing the results"),
}


def units_text(units: float) -> str:
    """Units inside of a sentence, to a thousandth: never as 1.2e+06."""
    return f"{units:.3f}".rstrip("0").rstrip(".")


def correction_reasons() -> dict[int, str]:
    """What is said of a period whose demand differs from its sales, by `forecasting.core.cleaning.Reason`."""
    # The core is too heavy for the start of the web server.
    from forecasting.core.cleaning import Reason

    return {
        Reason.STOCK_OUT: gettext("out of stock"),
        Reason.LIKELY_STOCK_OUT: gettext("likely out of stock"),
        Reason.BULK: gettext("one-off bulk order"),
        Reason.OUTLIER: gettext("far above the usual"),
        Reason.PROMOTION: gettext("promotion"),
        Reason.CANCELLATION: gettext("cancelled later"),
        Reason.RETURN: gettext("returned later"),
    }
