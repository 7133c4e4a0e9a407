"""The app's pages."""

from django.urls import URLPattern, path

from replenishment.views import home

app_name = "replenishment"
urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
]
