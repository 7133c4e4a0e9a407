"""Forms of the buyer's pages."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models import Location
from replenishment.models import PurchaseOrder, PurchaseOrderLine, Suggestion


class QuantityField(forms.CharField):
    """Units, 0 or more: a number with a decimal point or comma, to a thousandth."""

    LARGEST = Decimal(10**9)

    def clean(self, value: Any) -> Decimal | None:
        """The number typed, or None. '12,5' is twelve and a half; '1,200' could mean two things: refused."""
        text = "".join(str(super().clean(value) or "").split())
        if not text:
            return None
        head, comma, tail = text.rpartition(",")
        if comma:
            if "," in head or "." in text or len(tail) == 3:
                raise forms.ValidationError(_("Write the number without thousands separators."))
            text = f"{head}.{tail}"
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise forms.ValidationError(_("The quantity must be a number, 0 or more.")) from None
        if not number.is_finite() or number < 0:
            raise forms.ValidationError(_("The quantity must be a number, 0 or more."))
        if number > self.LARGEST:
            raise forms.ValidationError(_("The quantity is too large."))
        return number.quantize(Decimal("0.001"))


class SuggestionEditForm(forms.Form):
    """A buyer's quantity, with the reason, and the plan that the buyer saw."""

    quantity = QuantityField(required=False, label=_("Quantity"))
    reason = forms.CharField(required=False, max_length=200, label=_("Reason"))
    plan = forms.IntegerField(required=True, widget=forms.HiddenInput)


class RejectForm(forms.Form):
    """Why a suggestion is set aside."""

    reason = forms.CharField(max_length=200, label=_("Reason"))


class LineForm(forms.Form):
    """A new quantity of an order line."""

    quantity = QuantityField(label=_("Quantity"))


class CommentForm(forms.Form):
    """A word to a step of an order."""

    comment = forms.CharField(
        required=False, max_length=2000, label=_("Comment"), widget=forms.Textarea(attrs={"rows": 3})
    )


class ReceiveForm(forms.Form):
    """What came in: a day, a key that makes a repeated post harmless, and a quantity for each line."""

    # (A browser's date field wants ISO 8601 in every language.)
    received_on = forms.DateField(
        label=_("Received on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, lines: list[PurchaseOrderLine], **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.lines = lines
        for line in lines:
            self.fields[f"line-{line.pk}"] = QuantityField(required=False, label=line.product.sku)

    def quantities(self) -> dict[int, Decimal]:
        """What came in by line id, without the lines left empty or at 0."""
        return {
            line.pk: number
            for line in self.lines
            if (number := self.cleaned_data.get(f"line-{line.pk}")) is not None and number > 0
        }


class WorkbenchFilter(forms.Form):
    """What the workbench shows, from the address: every field is optional, and a wrong value is as none."""

    TABS = (
        ("order", _("To order")),
        ("waiting", _("Not due")),
        ("drafted", _("In orders")),
        ("rejected", _("Rejected")),
        ("exception", _("Exceptions")),
        ("all", _("All")),
    )
    q = forms.CharField(required=False, max_length=100)
    supplier = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    location = forms.ModelChoiceField(Location.objects.none(), required=False)
    abc = forms.ChoiceField(required=False, choices=[("A", "A"), ("B", "B"), ("C", "C")])
    pattern = forms.ChoiceField(
        required=False,
        choices=[
            ("smooth", _("Smooth")),
            ("erratic", _("Erratic")),
            ("intermittent", _("Intermittent")),
            ("lumpy", _("Lumpy")),
        ],
    )
    state = forms.ChoiceField(required=False, choices=TABS)
    due = forms.BooleanField(required=False)
    sort = forms.CharField(required=False, max_length=32)

    def __init__(self, data: QueryDict, *, plan_id: int | None) -> None:
        super().__init__(data)
        here = Suggestion.objects.filter(plan_run_id=plan_id).values("location_id")
        choice = self.fields["location"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = Location.objects.filter(pk__in=here)


class OrderFilter(forms.Form):
    """What the list of orders shows, from the address."""

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(
        required=False,
        choices=[("open", pgettext_lazy("orders", "Open")), *PurchaseOrder.State.choices, ("all", _("All"))],
    )
