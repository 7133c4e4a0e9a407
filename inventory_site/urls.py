"""Addresses: each app's pages, the admin, accounts, and the API."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from inventory_site import accounts, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("replenishment.urls")),
    path("", include("forecasting.urls")),
    path("", include("catalog.urls")),
    path("accounts/preferences/", accounts.preferences, name="preferences"),
    path("accounts/password_reset/", accounts.password_reset, name="password_reset"),
    path("accounts/", include("django.contrib.auth.urls")),
    # Whoever is about to log in may choose a language too.
    path("i18n/setlang/", accounts.language_set, name="set_language"),
    path("api/v1/", include("inventory_site.api.urls")),
    path("jobs/", views.jobs, name="jobs"),
    path("jobs/ended/", views.ended, name="jobs-ended"),
    path("jobs/<slug:kind>/<int:pk>/", views.job, name="job"),
    path("jobs/<slug:kind>/<int:pk>/retry/", views.retry, name="job-retry"),
    path("jobs/<slug:kind>/<int:pk>/stop/", views.stop, name="job-stop"),
    path("favicon.ico", views.favicon),
    path("admin/", admin.site.urls),
]
