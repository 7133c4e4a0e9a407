"""A person's own account: the language and the formats that they read, and a lost password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language

from catalog.selectors import language_of
from catalog.services import preference_set
from inventory_site.readers import preference_held, region_choices


class PreferencesForm(forms.Form):
    """Language and formats; the formats are those of the language that the page is in."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=[("", gettext_lazy("as the browser asks for")), *settings.LANGUAGES],
        required=False,
    )
    region = forms.ChoiceField(label=gettext_lazy("Dates, numbers and amounts"), required=False)

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["region"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        usual = _("as the language does")
        field.choices = [
            (choice.code, f"{choice.name or usual}: {choice.example}")
            for choice in region_choices(language, settings.FORESTOCK_HOME_CURRENCY)
        ]


@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and keep what the reader has chosen."""
    kept = preference_held(request.user)
    initial = {"language": kept.language, "region": kept.region} if kept else {}
    form = PreferencesForm(request.POST or None, initial=initial, language=get_language() or "en")
    if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
        language = form.cleaned_data["language"]
        preference_set(user=request.user, language=language, region=form.cleaned_data["region"])
        with translation.override(language or get_language()):
            messages.success(request, _("Your language and formats are kept."))
        return redirect("preferences")
    return render(
        request, "registration/preferences.html", {"form": form}, status=422 if form.errors else 200
    )


@login_not_required
def language_set(request: HttpRequest) -> HttpResponse:
    """Django's own view, by cookie; with an account, the language is kept with it."""
    answer = set_language(request)
    language = request.POST.get("language", "")
    if isinstance(request.user, User) and language in dict(settings.LANGUAGES):
        preference_set(user=request.user, language=language)
    return answer


class _ResetForm(PasswordResetForm):
    """Writes to each person in their own language."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """As Django does."""
        context = args[2]
        with language_of(context["user"], otherwise=get_language() or ""):
            super().send_mail(*args, **kwargs)


password_reset = PasswordResetView.as_view(form_class=_ResetForm)
