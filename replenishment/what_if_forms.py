"""The form of the what-if page: of what, and what would be different."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.models import Category, Location, Supplier
from replenishment.models import Suggestion
from replenishment.selectors.what_if import SORTS, Selection

LETTERS = {"abc": "ABC", "xyz": "XYZ"}


class ShiftField(forms.CharField):
    """A change of a number: 14 sets it, +3 and -3 add, +10% and -10% scale."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=20, **options)
        self.widget.attrs |= {"inputmode": "text", "autocomplete": "off"}

    def clean(self, value: Any) -> Any:
        """A `core.what_if.Shift`, or None where nothing was typed. '12,5' is twelve and a half."""
        from replenishment.core.what_if import Shift

        text = str(super().clean(value) or "").replace(",", ".")
        if not text:
            return None
        try:
            return Shift.of(text)
        except ValueError:
            raise forms.ValidationError(
                _("Write 14 to set it, +3 or -3 to add, or a percentage with its sign.")
            ) from None


class WhatIfForm(forms.Form):
    """From the address: everything may be left out. Names of changed numbers are those of ITEMS."""

    q = forms.CharField(required=False, max_length=100, label=_("Search"))
    location = forms.ModelChoiceField(
        Location.objects.filter(receiving_location=None),
        required=False,
        label=_("Location"),
        empty_label=_("All"),
    )
    supplier = forms.ModelChoiceField(
        Supplier.objects.all(), required=False, label=_("Supplier"), empty_label=_("All")
    )
    category = forms.ModelChoiceField(
        Category.objects.all(), required=False, label=_("Category"), empty_label=_("All")
    )
    abc = forms.ChoiceField(
        required=False, label="ABC", choices=[("", _("All")), *zip("ABC", "ABC", strict=True)]
    )
    xyz = forms.ChoiceField(
        required=False, label="XYZ", choices=[("", _("All")), *zip("XYZ", "XYZ", strict=True)]
    )
    product = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    target_kind = forms.ChoiceField(
        required=False,
        label=_("Kind of target"),
        choices=[
            ("", _("As planned")),
            ("fill", _("Fill rate of each item")),
            ("cycle", _("Cycle service level of each item")),
            ("overall", _("Fill rate of all together")),
            ("economic", _("What pays best")),
        ],
    )
    target = forms.FloatField(
        required=False,
        label=_("Share to serve"),
        min_value=0.001,
        max_value=0.9999,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": _("as planned")}),
    )
    lead_time_mean = ShiftField(label=_("Lead time (days)"))
    lead_time_sd = ShiftField(label=_("Lead time spread (days)"))
    review_days = ShiftField(label=_("Review period (days)"))
    other_supplier = forms.ModelChoiceField(
        Supplier.objects.all(), required=False, label=_("Buy from"), empty_label=_("As planned")
    )
    unit_cost = ShiftField(label=_("Unit cost"))
    price = ShiftField(label=_("Price"))
    moq = ShiftField(label=_("MOQ"))
    holding_rate = ShiftField(label=_("Holding cost a year, of unit cost"))
    order_cost = ShiftField(label=_("Cost of an order line"))
    budget = forms.FloatField(
        required=False,
        label=_("Budget for today's orders"),
        min_value=0,
        max_value=1e12,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": _("no limit")}),
    )
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    SELECTION = ("q", "location", "supplier", "category", "abc", "xyz")
    CHANGES = (
        "target_kind",
        "target",
        "lead_time_mean",
        "lead_time_sd",
        "review_days",
        "other_supplier",
        "unit_cost",
        "price",
        "moq",
        "holding_rate",
        "order_cost",
        "budget",
    )

    def __init__(self, data: QueryDict, *, plan_id: int | None, budget: float | None = None) -> None:
        data = data.copy()
        selected = any(data.get(name) for name in (*self.SELECTION, "product"))
        if budget is not None and "budget" not in data and not selected:
            # The plan's own money, which is for all of it. A field that was emptied asks for no limit.
            data["budget"] = f"{budget:.2f}"
        super().__init__(data)
        here = Suggestion.objects.filter(plan_run_id=plan_id).values("location_id")
        choice = self.fields["location"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = Location.objects.filter(pk__in=here)

    def selection(self) -> Selection:
        """What a valid form speaks of."""
        values = self.cleaned_data
        ids = {f"{name}_id": row.pk for name in ("location", "supplier", "category") if (row := values[name])}
        return Selection(
            search=values["q"],
            product_id=values["product"],
            abc=values["abc"],
            xyz=values["xyz"],
            **ids,
        )

    def changes(self) -> Any:
        """The `core.what_if.Changes` of a valid form."""
        from replenishment.core.what_if import SHIFTED, Changes

        values = self.cleaned_data
        return Changes(
            target_kind=values["target_kind"] or None,
            target=values["target"],
            shifts={name: values[name] for name in SHIFTED if values[name] is not None},
        )

    def refuse(self, error: Any) -> None:
        """Take a `core.what_if.ChangeError` up as an error of its field."""
        words = ngettext(
            "This makes no sense for %(n)d product-location: it would be below 0, or nothing.",
            "This makes no sense for %(n)d product-locations: it would be below 0, or nothing.",
            error.count,
        )
        self.add_error(error.column, words % {"n": error.count})

    @property
    def selection_fields(self) -> list[forms.BoundField]:
        """The filters, as they are shown."""
        return [self[name] for name in self.SELECTION]

    @property
    def change_fields(self) -> list[forms.BoundField]:
        """What may be different, as it is shown."""
        return [self[name] for name in self.CHANGES]
