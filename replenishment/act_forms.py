"""Forms of what buyers do with suggestions: one or many, pasted, snoozed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from replenishment.forms import QuantityField
from replenishment.models import BulkAct, SuggestionChange
from replenishment.services import Act
from replenishment.services.bulk_acts import KINDS

_Kind = SuggestionChange.Kind


class SnoozeForm(forms.Form):
    """Until when, or until what stock, and why."""

    until = forms.DateField(required=False, label=_("Until"))
    stock_level = QuantityField(required=False, label=_("Or until the stock is at"))
    reason = forms.CharField(required=False, max_length=200, label=_("Reason"))

    def act(self) -> Act:
        """What it asks for."""
        level = self.cleaned_data["stock_level"]
        return Act(
            _Kind.SNOOZE,
            until=self.cleaned_data["until"],
            stock_level=None if level is None else float(level),
            reason=self.cleaned_data["reason"],
        )


class ActForm(SnoozeForm):
    """One act on many suggestions: those ticked, or all that the filter matches of the plan seen."""

    ACTS = tuple((kind.value, BulkAct.Kind(kind).label) for kind in KINDS)
    kind = forms.ChoiceField(choices=ACTS)
    percent = forms.FloatField(required=False)
    days = forms.FloatField(required=False)
    plan = forms.IntegerField()
    query = forms.CharField(required=False)
    all = forms.BooleanField(required=False)
    go = forms.BooleanField(required=False)

    def act(self) -> Act:
        """What it asks for: of the values those of its kind."""
        values: dict[str, Any] = self.cleaned_data
        kind = values["kind"]
        if kind == _Kind.SNOOZE:
            return super().act()
        return Act(
            kind,
            percent=values["percent"] if kind == _Kind.SCALE else None,
            days=values["days"] if kind == _Kind.COVER else None,
            reason=values["reason"],
        )


class PasteForm(forms.Form):
    """Lines of a spreadsheet, and the plan that the buyer saw."""

    text = forms.CharField(strip=False, max_length=4_000_000)
    plan = forms.IntegerField()
    go = forms.BooleanField(required=False)
