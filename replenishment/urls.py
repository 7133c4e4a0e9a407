"""The app's pages."""

from django.urls import URLPattern

app_name = "replenishment"
urlpatterns: list[URLPattern] = []
