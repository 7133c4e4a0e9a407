"""The app's pages."""

from django.urls import URLPattern, path

from forecasting.views import accuracy, alarms, explanations, overrides, runs, signals, trials

app_name = "forecasting"
urlpatterns: list[URLPattern] = [
    path("forecasts/", runs.run_list, name="run-list"),
    path("forecasts/start/", runs.run_start, name="run-start"),
    path("forecasts/accuracy/", accuracy.accuracy, name="accuracy"),
    path("forecasts/why/<int:product_id>/<int:location_id>/", explanations.explanation, name="explanation"),
    path("forecasts/overrides/", overrides.override_list, name="override-list"),
    path("forecasts/overrides/new/", overrides.override_create, name="override-create"),
    path("forecasts/overrides/preview/", overrides.override_preview, name="override-preview"),
    path(
        "forecasts/overrides/of/<int:product_id>/<int:location_id>/",
        overrides.override_panel,
        name="override-panel",
    ),
    path("forecasts/overrides/<int:pk>/withdraw/", overrides.override_withdraw, name="override-withdraw"),
    path("forecasts/alarms/", alarms.alarm_list, name="alarm-list"),
    path("signals/", signals.signal_run_list, name="signal-run-list"),
    path("signals/start/", signals.signal_run_start, name="signal-run-start"),
    path("signals/trials/", trials.signal_trials, name="signal-trials"),
    path("signals/trials/start/", trials.signal_trial_start, name="signal-trial-start"),
    path("signals/trials/<int:pk>/", trials.signal_trial, name="signal-trial"),
    path("signals/trials/<int:pk>/progress/", trials.signal_trial_progress, name="signal-trial-progress"),
    path("forecasts/<int:pk>/", runs.run_detail, name="run-detail"),
    path("forecasts/<int:pk>/progress/", runs.run_progress, name="run-progress"),
]
