"""Forms of the forecast pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from forecasting.words import FREQUENCIES, MODELS

if TYPE_CHECKING:
    from forecasting.core.pipeline import ForecastSpec

# Periods ahead that a run may be asked for: two years of weeks, one of days.
MOST_PERIODS = {"D": 366, "W": 104, "M": 24}


class RunForm(forms.Form):
    """What a forecast run is asked to do."""

    as_of = forms.DateField(
        label=_("As of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("The last day whose sales are used; empty: the last complete day."),
    )
    freq = forms.ChoiceField(label=_("Periods"), choices=list(FREQUENCIES.items()), initial="W")
    horizon = forms.IntegerField(label=_("Horizon"), min_value=1, initial=13, help_text=_("In periods."))
    models = forms.MultipleChoiceField(
        label=_("Models"),
        choices=list(MODELS.items()),
        initial=list(MODELS),
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, object]:
        """The horizon has to suit the length of the periods."""
        values = super().clean() or {}
        most = MOST_PERIODS.get(str(values.get("freq")))
        horizon = values.get("horizon")
        if most is not None and isinstance(horizon, int) and horizon > most:
            self.add_error("horizon", _("At most %d of these periods.") % most)
        return values

    def spec(self) -> ForecastSpec:
        """The specification that a valid form asks for."""
        from forecasting.core.pipeline import ForecastSpec

        values = self.cleaned_data
        return ForecastSpec(
            freq=values["freq"],
            horizon=values["horizon"],
            models=tuple(name for name in MODELS if name in values["models"]),
            threads=settings.FORESTOCK_THREADS,
        )
