"""Forms of policy rules, budgets and plans."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product
from replenishment.models import Budget, PolicyRule
from replenishment.services import PlanSpec

_DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
_LETTERS = {"abc": "ABC", "xyz": "XYZ"}
_ANY = forms.NumberInput(attrs={"step": "any"})


class _SettingForm(forms.ModelForm):  # type: ignore[type-arg]
    """What makes no sense is for the service to refuse, in one place and in its words."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("category", "supplier", "location"):
            choice = self.fields[name]
            if isinstance(choice, forms.ModelChoiceField):
                choice.empty_label = _("All")
        place = self.fields["location"]
        if isinstance(place, forms.ModelChoiceField):
            place.queryset = Location.objects.filter(receiving_location=None)

    # What the constraints of the database are about: their own words would mean nothing to a buyer.
    CONSTRAINED = frozenset({"target", "order_up_to", "season_ends_on", "last_day", "amount"})

    def validate_unique(self) -> None:
        """By the service."""

    def _get_validation_exclusions(self) -> set[str]:
        names: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return names | self.CONSTRAINED


class RuleForm(_SettingForm):
    """A policy rule: what it is for, and what it says."""

    sku = forms.CharField(
        label=_("SKU"), required=False, max_length=64, help_text=_("One product; empty: all that match.")
    )

    class Meta:
        model = PolicyRule
        fields = (
            "name",
            "category",
            "supplier",
            "location",
            "abc",
            "xyz",
            "policy",
            "target_kind",
            "target",
            "reorder_point",
            "order_up_to",
            "max_stock",
            "review_days",
            "holding_rate",
            "order_cost",
            "stockout_cost",
            "season_ends_on",
            "salvage_share",
            "is_active",
            "note",
        )
        widgets = {
            "season_ends_on": _DAY,
            **dict.fromkeys(
                (
                    "target",
                    "reorder_point",
                    "order_up_to",
                    "max_stock",
                    "review_days",
                    "holding_rate",
                    "order_cost",
                    "stockout_cost",
                    "salvage_share",
                ),
                _ANY,
            ),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.product_id is not None:
            self.fields["sku"].initial = self.instance.product.sku
        choices: dict[str, list[tuple[Any, Any]]] = {
            name: [("", _("All")), *((letter, letter) for letter in letters)]
            for name, letters in _LETTERS.items()
        }
        choices["target_kind"] = [("", _("As the plan")), *PolicyRule.TargetKind.choices]
        for name, offered in choices.items():
            choice = self.fields[name]
            if isinstance(choice, forms.ChoiceField):
                choice.choices = offered

    def clean_sku(self) -> str:
        """The SKU's product becomes that of the rule."""
        sku = str(self.cleaned_data["sku"]).strip()
        product = Product.objects.filter(sku=sku).first() if sku else None
        if sku and product is None:
            raise forms.ValidationError(_("There is no product with this SKU."))
        self.instance.product = product
        return sku

    def scope_fields(self) -> list[forms.BoundField]:
        """What the rule is for."""
        return [self[name] for name in ("sku", "category", "supplier", "location", "abc", "xyz")]

    def service_fields(self) -> list[forms.BoundField]:
        """How much to hold."""
        return [self[name] for name in ("policy", "target_kind", "target", "max_stock", "review_days")]

    def special_fields(self) -> list[forms.BoundField]:
        """What only some policies, or economic targets, take."""
        names = ("reorder_point", "order_up_to", "season_ends_on", "salvage_share")
        return [self[name] for name in (*names, "holding_rate", "order_cost", "stockout_cost")]


class BudgetForm(_SettingForm):
    """A budget: money, its period, and what it is for."""

    class Meta:
        model = Budget
        fields = (
            "name",
            "amount",
            "first_day",
            "last_day",
            "category",
            "supplier",
            "location",
            "is_active",
        )
        widgets = {"first_day": _DAY, "last_day": _DAY}


class PlanForm(forms.Form):
    """How a plan is made where no policy rule says more."""

    target_kind = forms.ChoiceField(
        label=_("Target"),
        initial=PlanSpec.target_kind,
        choices=[
            ("fill", _("Fill rate of each item")),
            ("cycle", _("Cycle service level of each item")),
            ("overall", _("Fill rate of all together")),
            ("economic", _("What pays best")),
        ],
    )
    target = forms.FloatField(
        label=_("Share to serve"), min_value=0.5, max_value=0.999, initial=PlanSpec.target, widget=_ANY
    )
    holding_rate = forms.FloatField(
        label=_("Holding cost a year, of unit cost"),
        min_value=0,
        max_value=100,
        initial=PlanSpec.holding_rate,
        widget=_ANY,
    )
    order_cost = forms.FloatField(
        label=_("Cost of an order line"),
        min_value=0,
        max_value=1e9,
        initial=PlanSpec.order_cost,
        widget=_ANY,
        help_text=_("In the home currency."),
    )
    budget = forms.FloatField(
        label=_("Budget of this plan"),
        min_value=0,
        max_value=1e12,
        required=False,
        widget=_ANY,
        help_text=_("In the home currency; budgets by period hold besides."),
    )
    calm = forms.FloatField(
        label=_("Keep quantities that change by no more than"),
        min_value=0,
        max_value=0.9,
        initial=PlanSpec.calm,
        widget=_ANY,
        help_text=_("A share: 0.1 is 10%; 0 keeps none."),
    )
    abc_by = forms.ChoiceField(
        label=_("ABC by"),
        initial=PlanSpec.abc_by,
        choices=[("revenue", _("Revenue")), ("margin", _("Margin")), ("units", _("Units"))],
    )
    abc_days = forms.IntegerField(
        label=_("ABC over days"), min_value=7, max_value=3660, initial=PlanSpec.abc_days
    )
    unmet = forms.ChoiceField(
        label=_("Demand that finds no stock"),
        initial=PlanSpec.unmet,
        choices=[("lost", _("is lost")), ("backorder", _("waits"))],
    )

    def spec(self) -> PlanSpec:
        """The specification that a valid form asks for."""
        return PlanSpec(**self.cleaned_data)
