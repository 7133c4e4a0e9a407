"""The app's pages."""

from django.urls import URLPattern, path

from forecasting.views import runs

app_name = "forecasting"
urlpatterns: list[URLPattern] = [
    path("forecasts/", runs.run_list, name="run-list"),
    path("forecasts/start/", runs.run_start, name="run-start"),
    path("forecasts/<int:pk>/", runs.run_detail, name="run-detail"),
    path("forecasts/<int:pk>/progress/", runs.run_progress, name="run-progress"),
]
