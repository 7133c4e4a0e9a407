"""The form of the SKU page's live what-if."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from replenishment.selectors import DemandChange, SkuPlanned

if TYPE_CHECKING:
    from forecasting.core.response.series import Span
    from replenishment.core.what_if import ChangeError, Changes

MOST_DAYS = 730


def _number(label: Any, *, least: float, most: float, step: float, slider: tuple[float, float]) -> Any:
    """A number with a slider beside it that spans `slider`."""
    attributes = {"step": "any", "inputmode": "decimal", "autocomplete": "off"}
    field = forms.FloatField(
        label=label,
        required=False,
        min_value=least,
        max_value=most,
        widget=forms.NumberInput(attrs=attributes),
    )
    field.slider = {"min": slider[0], "max": slider[1], "step": step}  # type: ignore[attr-defined]
    return field


class SkuWhatIfForm(forms.Form):
    """Starts from the plan's own numbers: what is as planned, or left empty, changes nothing."""

    service = _number(gettext_lazy("Service level (%)"), least=1, most=99.99, step=0.5, slider=(50, 99.5))
    lead_time = _number(gettext_lazy("Lead time (days)"), least=0, most=MOST_DAYS, step=1, slider=(0, 90))
    review = _number(gettext_lazy("Review period (days)"), least=0, most=MOST_DAYS, step=1, slider=(1, 60))
    price = _number(gettext_lazy("Price"), least=0, most=1e9, step=0.01, slider=(0, 100))
    price_day = forms.DateField(
        label=gettext_lazy("New price from"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    demand = _number(gettext_lazy("Demand (± %)"), least=-100, most=1000, step=5, slider=(-50, 100))
    promoted = forms.BooleanField(label=gettext_lazy("Promotion"), required=False)
    discount = _number(gettext_lazy("Promotion: price cut (%)"), least=0, most=90, step=5, slider=(0, 60))
    uplift = _number(gettext_lazy("Promotion: % more demand"), least=-100, most=1000, step=5, slider=(0, 200))
    first_day = forms.DateField(
        label=gettext_lazy("Promotion from"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    days = forms.IntegerField(label=gettext_lazy("Days of it"), required=False, min_value=1, max_value=366)

    SETTINGS = ("service", "lead_time", "review", "price")
    DAYS = ("price_day", "first_day")

    def __init__(self, data: Mapping[str, Any] | None, planned: SkuPlanned) -> None:
        self.response = planned.response
        self.as_of, self.end = planned.demand.as_of, planned.demand.ds[-1].astype(object)
        items = planned.items
        initial: dict[str, Any] = {
            "service": round(float(items.target[0]) * 100, 2),
            "lead_time": round(float(items.lead_time_mean[0]), 2),
            "review": round(float(items.review_days[0]), 2),
            "price": round(float(items.price[0]), 4),
            "price_day": self.as_of + timedelta(days=1),
            "demand": 0,
            "discount": 0,
            "first_day": self.as_of + timedelta(days=1),
            "days": 7,
        }
        super().__init__(data or None, initial=initial)
        for name in ("lead_time", "review", "price"):
            slider = self.fields[name].slider  # type: ignore[attr-defined]
            slider["max"] = max(slider["max"] if name != "price" else 0, round(initial[name] * 2, 2), 1)
        if str(items.target_kind[0]) == "economic":
            self.fields["service"].disabled = True

    def clean(self) -> dict[str, Any]:
        """A promotion and a new price have to lie ahead, within the forecast."""
        values = super().clean() or {}
        for name in self.DAYS:
            day = values.get(name)
            if day is not None and not self.as_of < day <= self.end:
                self.add_error(name, _("From the day after the data date to the end of the forecast."))
        return values

    def price_change(self) -> tuple[float, Span] | None:
        """By what share the price changes, and by what demand; None where the price stays, or the forecast
        run stored no response to it.
        """
        before = float(self.initial["price"])
        if self.response is None or not self.response.has_price or not self._is_new("price") or before <= 0:
            return None
        ratio = self.cleaned_data["price"] / before
        return round(ratio - 1, 4), self.response.price(ratio).more

    def proposed(self) -> Span | None:
        """The share of demand that the stored response adds by the promotion that is asked for, if any."""
        discount = (self.cleaned_data.get("discount") or 0) / 100
        asked = self.cleaned_data.get("promoted") or discount
        response = self.response
        if response is None or not asked or not (response.has_promotion or (response.has_price and discount)):
            return None
        return response.promotion(discount).more

    def changes(self) -> Changes:
        """The settings that differ from the plan's."""
        from replenishment.core.what_if import Changes, Shift

        columns = {"lead_time": "lead_time_mean", "review": "review_days", "price": "price"}
        new = {name: self.cleaned_data[name] for name in self.SETTINGS if self._is_new(name)}
        return Changes(
            target=new["service"] / 100 if "service" in new else None,
            shifts={columns[name]: Shift("set", new[name]) for name in columns if name in new},
        )

    def demand_changes(self) -> list[DemandChange]:
        """The price's from its day on, then demand as a whole, then that of a promotion on top of it.

        The promotion's is what was typed, else what the stored response proposes.
        """
        values, tomorrow = self.cleaned_data, self.as_of + timedelta(days=1)
        found = []
        if (change := self.price_change()) is not None:
            found.append(DemandChange(100 * change[1].middle, values.get("price_day") or tomorrow, self.end))
        if percent := values.get("demand"):
            found.append(DemandChange(percent, tomorrow, self.end))
        uplift, first = values.get("uplift"), values.get("first_day")
        if uplift is None and (span := self.proposed()) is not None:
            uplift = 100 * span.middle
        if uplift and first:
            last = min(first + timedelta(days=(values.get("days") or 7) - 1), self.end)
            found.append(DemandChange(uplift, first, last))
        return found

    def _is_new(self, name: str) -> bool:
        value = self.cleaned_data.get(name)
        return value is not None and abs(value - float(self.initial[name])) > 1e-9

    def refuse(self, error: ChangeError) -> None:
        """Show what makes no sense at its field."""
        names = {
            "target": "service",
            "lead_time_mean": "lead_time",
            "review_days": "review",
            "price": "price",
        }
        self.add_error(names.get(error.column), ValidationError(_("This makes no sense here.")))
