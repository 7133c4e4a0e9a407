"""Addresses: each app's pages, the admin, accounts, and the API."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language


@login_not_required
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Where browsers look for the icon on pages that name none, such as a bare JSON answer."""
    return HttpResponseRedirect(static("favicon.svg"))


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("replenishment.urls")),
    path("", include("forecasting.urls")),
    path("", include("catalog.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    # Whoever is about to log in may choose a language too.
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("api/v1/", include("inventory_site.api.urls")),
    path("favicon.ico", favicon),
    path("admin/", admin.site.urls),
]
