"""The app's pages."""

from django.urls import URLPattern

app_name = "forecasting"
urlpatterns: list[URLPattern] = []
