"""Forms of the buyer's pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models import Category, Location, Supplier
from forecasting.words import FREQUENCIES
from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion
from replenishment.services import ReplaySpec, SuggestionError
from replenishment.services.quantity_text import quantity_read
from replenishment.words import DELIVERIES, POLICIES


class QuantityField(forms.CharField):
    """Units, 0 or more: a number with a decimal point or comma, to a thousandth."""

    def clean(self, value: Any) -> Decimal | None:
        """The number typed, or None."""
        try:
            return quantity_read(str(super().clean(value) or ""))
        except SuggestionError as error:
            raise forms.ValidationError(str(error)) from None


class SuggestionEditForm(forms.Form):
    """A buyer's quantity, with the reason, and the plan that the buyer saw."""

    quantity = QuantityField(required=False, label=_("Quantity"))
    reason = forms.CharField(required=False, max_length=200, label=_("Reason"))
    plan = forms.IntegerField(required=True, widget=forms.HiddenInput)
    was = forms.FloatField(required=False, widget=forms.HiddenInput)


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


class DecisionForm(CommentForm):
    """A word to an approver's decision, and the last event of the order that the approver saw."""

    seen = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput)


class ShortCommentForm(forms.Form):
    """A word to a decision; whether one is needed is for the service to say."""

    comment = forms.CharField(required=False, max_length=200, label=_("Comment"))


class ActionFilter(forms.Form):
    """Which proposed actions are shown, from the address; every field is optional, a wrong one is as none."""

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(required=False, choices=PlanAction.State.choices)
    kind = forms.ChoiceField(required=False, choices=PlanAction.Kind.choices)
    supplier = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    location = forms.ModelChoiceField(Location.objects.none(), required=False)

    def __init__(self, data: QueryDict, *, plan: PlanRun | None) -> None:
        super().__init__(data)
        here = PlanAction.objects.filter(plan_run=plan).values("location_id")
        choice = self.fields["location"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = Location.objects.filter(pk__in=here)


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
        ("order", _("Order today")),
        ("week", _("This week")),
        ("exception", _("Blocked")),
        ("transfers", _("Transfers")),
        ("excess", _("Excess")),
        ("new", pgettext_lazy("products", "New")),
        ("snoozed", _("Snoozed")),
        ("waiting", _("Not due")),
        ("drafted", _("In orders")),
        ("rejected", _("Rejected")),
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
    rule = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    xyz = forms.ChoiceField(required=False, choices=[("X", "X"), ("Y", "Y"), ("Z", "Z")])
    cover = forms.FloatField(required=False, min_value=0, max_value=1e6)
    value = forms.FloatField(required=False, min_value=0, max_value=1e12)
    late = forms.BooleanField(required=False)
    out = forms.BooleanField(required=False)
    edited = forms.BooleanField(required=False)
    sort = forms.CharField(required=False, max_length=32)
    # Columns to show, by their keys with commas between.
    cols = forms.CharField(required=False, max_length=200)
    # All suppliers at the side, not only the first.
    rail = forms.BooleanField(required=False)
    # Of WorkbenchFilter, what narrows the rows beside tab, supplier and location.
    NARROWS = ("q", "abc", "xyz", "rule", "pattern", "cover", "value", "late", "out", "edited")
    MORE = ("cover", "value", "late", "out", "edited")

    def __init__(self, data: QueryDict, *, plan_id: int | None) -> None:
        super().__init__(data)
        here = Suggestion.objects.filter(plan_run_id=plan_id).values("location_id")
        choice = self.fields["location"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = Location.objects.filter(pk__in=here)


class SavedViewForm(forms.Form):
    """A name for what the workbench shows."""

    name = forms.CharField(max_length=60, label=_("Name"))
    is_shared = forms.BooleanField(required=False)


class OrderFilter(forms.Form):
    """What the list of orders shows, from the address."""

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(
        required=False,
        choices=[("open", pgettext_lazy("orders", "Open")), *PurchaseOrder.State.choices, ("all", _("All"))],
    )


class ScoreboardFilter(forms.Form):
    """Whose edits the scoreboard shows, from the address. A field that is there and empty asks for those
    without a reason or a category; a wrong one is as none.
    """

    person = forms.CharField(required=False, max_length=150, strip=False)
    reason = forms.CharField(required=False, max_length=200, strip=False)
    category = forms.CharField(required=False, max_length=120, strip=False)

    def asked(self) -> dict[str, str]:
        """What is asked for, by field."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if name in self.data}


class ReplayForm(forms.Form):
    """What a replay is asked to do."""

    first_day = forms.DateField(
        label=_("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: half a year before the last day, by month a year."),
    )
    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: the last complete day with sales."),
    )
    freq = forms.ChoiceField(
        label=_("Periods"),
        required=False,
        choices=[("", _("As the shop forecasts")), *FREQUENCIES.items()],
    )
    deliveries = forms.ChoiceField(
        label=_("Lead times"),
        required=False,
        choices=list(DELIVERIES.items()),
        help_text=_(
            "As they happened: of the orders sent and received around each day, where there are any."
        ),
    )
    first_share = forms.FloatField(
        label=_("Share of an order that comes on time"),
        required=False,
        min_value=0,
        max_value=1,
        initial=1,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    rest_days = forms.FloatField(
        label=_("Days until the rest comes"),
        required=False,
        min_value=0,
        max_value=365,
        initial=0,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
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
    target_kind = forms.ChoiceField(
        label=_("Target"),
        initial="fill",
        choices=[
            ("fill", _("Fill rate of each item")),
            ("cycle", _("Cycle service level of each item")),
            ("overall", _("Fill rate of all together")),
            ("economic", _("What pays best")),
        ],
    )
    target = forms.FloatField(
        label=_("Share to serve"),
        min_value=0.5,
        max_value=0.999,
        initial=0.95,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    holding_rate = forms.FloatField(
        label=_("Holding cost a year, of unit cost"),
        min_value=0,
        max_value=100,
        initial=0.25,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    order_cost = forms.FloatField(
        label=_("Cost of an order line"),
        min_value=0,
        max_value=1e9,
        initial=0.0,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("In the home currency."),
    )
    forecast_weeks = forms.IntegerField(
        label=_("Longest time without a forecast"),
        min_value=1,
        max_value=13,
        initial=4,
        help_text=_("In weeks. Where there was none, one is made as of then."),
    )
    policies = forms.MultipleChoiceField(
        label=_("Policies"),
        choices=list(POLICIES.items()),
        initial=list(ReplaySpec.policies),
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first."""
        values = super().clean() or {}
        first, last = values.get("first_day"), values.get("last_day")
        if first is not None and last is not None and last < first:
            self.add_error("last_day", _("The last day must not be before the first."))
        return values

    def spec(self) -> ReplaySpec:
        """The specification that a valid form asks for."""
        names = ("target_kind", "target", "holding_rate", "order_cost", "forecast_weeks")
        optional = ("freq", "deliveries", "first_share", "rest_days")
        values = self.cleaned_data
        return ReplaySpec(
            policies=tuple(name for name in POLICIES if name in values["policies"]),
            **{name: values[name] for name in names},
            **{name: values[name] for name in optional if values[name] not in ("", None)},
        )
