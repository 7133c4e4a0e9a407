"""The app's pages."""

from django.urls import URLPattern, path

from forecasting import views

app_name = "forecasting"
urlpatterns: list[URLPattern] = [
    path("forecasts/", views.run_list, name="run-list"),
    path("forecasts/start/", views.run_start, name="run-start"),
    path("forecasts/<int:pk>/", views.run_detail, name="run-detail"),
    path("forecasts/<int:pk>/progress/", views.run_progress, name="run-progress"),
]
