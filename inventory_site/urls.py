"""Addresses: each app's pages, the admin, accounts, and the API."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("replenishment.urls")),
    path("", include("forecasting.urls")),
    path("", include("catalog.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("inventory_site.api.urls")),
    path("admin/", admin.site.urls),
]
