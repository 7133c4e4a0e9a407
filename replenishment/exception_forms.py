"""Forms of the page of exceptions."""

from __future__ import annotations

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from replenishment import selectors
from replenishment.models import ExceptionCase

STEPS = ("assign", "take", "release", "snooze", "close", "reopen")


class ExceptionFilter(forms.Form):
    """Which cases are shown, from the address; every field is optional, a wrong one is as none."""

    q = forms.CharField(required=False, max_length=100)
    state = forms.ChoiceField(required=False, choices=ExceptionCase.State.choices)
    group = forms.ChoiceField(required=False, choices=ExceptionCase.Group.choices)
    kind = forms.ChoiceField(required=False, choices=ExceptionCase.Kind.choices)
    owner = forms.ChoiceField(required=False, choices=[("mine", _("Mine")), ("nobody", _("Nobody's"))])


class ExceptionActForm(forms.Form):
    """What is done to which cases: `step`, and what the step needs."""

    step = forms.ChoiceField(choices=[(step, step) for step in STEPS])
    owner = forms.ModelChoiceField(User.objects.none(), required=False, label=_("Owner"))
    until = forms.DateField(
        required=False,
        label=_("Until"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    comment = forms.CharField(required=False, max_length=200, label=_("Comment"))

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        owner = self.fields["owner"]
        if isinstance(owner, forms.ModelChoiceField):
            owner.queryset = selectors.exception_owners()


def case_ids(data: QueryDict) -> list[int]:
    """The cases that a form names; what is no id is left out."""
    return [int(text) for text in data.getlist("case") if text.isdecimal() and len(text) <= 18]
