"""Forms of the forecast pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models import Category, Location, Product
from forecasting.models import ForecastOverride
from forecasting.words import FREQUENCIES, MODELS

if TYPE_CHECKING:
    from forecasting.core.spec import ForecastSpec

# Periods ahead that a run may be asked for: two years of weeks, one of days.
MOST_PERIODS = {"D": 366, "W": 104, "M": 24}


class DayInput(forms.DateInput):
    """A browser's own date field: it takes and shows days in the reader's way, but wants them in ISO 8601."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _default_models() -> list[str]:
    """What a run compares unless somebody asks for more."""
    from forecasting.core.spec import ForecastSpec

    return list(ForecastSpec().models)


class RunForm(forms.Form):
    """What a forecast run is asked to do."""

    as_of = forms.DateField(
        label=_("As of"),
        required=False,
        widget=DayInput(),
        help_text=_("The last day whose sales are used; empty: the last complete day."),
    )
    freq = forms.ChoiceField(label=_("Periods"), choices=list(FREQUENCIES.items()), initial="W")
    horizon = forms.IntegerField(label=_("Horizon"), min_value=1, initial=13, help_text=_("In periods."))
    models = forms.MultipleChoiceField(
        label=_("Models"),
        choices=list(MODELS.items()),
        initial=_default_models,
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
        from forecasting.core.spec import ForecastSpec

        values = self.cleaned_data
        return ForecastSpec(
            freq=values["freq"],
            horizon=values["horizon"],
            models=tuple(name for name in MODELS if name in values["models"]),
            threads=settings.FORESTOCK_THREADS,
        )


class OverrideForm(forms.Form):
    """A planner's override of one product-location, whose place in the address names it."""

    kind = forms.ChoiceField(label=_("Change"), choices=ForecastOverride.Kind.choices, initial="percent")
    value = forms.DecimalField(
        label=pgettext_lazy("override", "Value"),
        max_digits=14,
        decimal_places=3,
        localize=False,
        help_text=_("In percent, or in units."),
    )
    first_day = forms.DateField(label=_("First day"), widget=DayInput())
    last_day = forms.DateField(label=_("Last day"), widget=DayInput())
    reason = forms.CharField(label=_("Reason"), max_length=300)
    expires_on = forms.DateField(
        label=_("Expires"),
        required=False,
        widget=DayInput(),
        help_text=_("Forecasts as of this day or later ignore it; empty: the last day."),
    )

    def values(self) -> dict[str, Any]:
        """What a valid form asks for, as the service takes it."""
        return dict(self.cleaned_data)

    def take(self, errors: dict[str, str]) -> None:
        """Show what a service refused, each at its field."""
        for name, text in errors.items():
            self.add_error(name if name in self.fields else None, text)


class WideOverrideForm(OverrideForm):
    """An override on any level: what of product, category and location is given narrows it down."""

    product = forms.CharField(label=_("SKU"), max_length=64, required=False)
    category = forms.ModelChoiceField(Category.objects.all(), label=_("Category"), required=False)
    location = forms.ModelChoiceField(
        Location.objects.filter(receiving_location=None), label=_("Location"), required=False
    )
    field_order = ("product", "category", "location")

    def clean_product(self) -> Product | None:
        """The product of a SKU."""
        sku = self.cleaned_data["product"].strip()
        if not sku:
            return None
        product = Product.objects.filter(sku=sku).first()
        if product is None:
            raise forms.ValidationError(_("There is no product with this SKU."))
        return product


class OverrideFilter(forms.Form):
    """What the list of overrides shows, from the address; a wrong value is as none."""

    STATES = (
        ("force", _("In force")),
        ("past", _("Expired or over")),
        ("withdrawn", _("Withdrawn")),
        ("all", _("All")),
    )
    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(required=False, choices=STATES)
    author = forms.ModelChoiceField(User.objects.none(), required=False)
    category = forms.ModelChoiceField(Category.objects.all(), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        authors = self.fields["author"]
        if isinstance(authors, forms.ModelChoiceField):
            made = ForecastOverride.objects.order_by().values("created_by_id")
            authors.queryset = User.objects.filter(pk__in=made).order_by("username")
