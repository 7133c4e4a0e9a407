"""The app's pages."""

from django.urls import URLPattern, path

from forecasting.views import (
    accuracy,
    alarms,
    behaviour,
    categories,
    explanations,
    new_products,
    overrides,
    runs,
    signals,
    trends,
    trials,
    voices,
)

app_name = "forecasting"
urlpatterns: list[URLPattern] = [
    path("trends/", trends.trend_board, name="trend-board"),
    path("trends/<slug:kind>/<int:pk>/", trends.trend_detail, name="trend-detail"),
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
    path("signals/categories/", categories.suggestion_list, name="category-suggestions"),
    path("signals/categories/decide/", categories.suggestion_decide, name="category-decide"),
    path("signals/reviews/", voices.voice_list, name="voice-list"),
    path("signals/reviews/of/<int:product_id>/", voices.voice_panel, name="voice-panel"),
    path("signals/", signals.signal_run_list, name="signal-run-list"),
    path("signals/behaviour/", behaviour.behaviour, name="behaviour"),
    path("signals/start/", signals.signal_run_start, name="signal-run-start"),
    path("signals/new-products/", new_products.new_products, name="new-products"),
    path("signals/look-alikes/<int:product_id>/", new_products.look_alikes, name="look-alikes"),
    path(
        "signals/look-alikes/<int:product_id>/search/",
        new_products.look_alike_search,
        name="look-alike-search",
    ),
    path(
        "signals/look-alikes/<int:product_id>/<int:neighbour_id>/remove/",
        new_products.look_alike_remove,
        name="look-alike-remove",
    ),
    path(
        "signals/look-alikes/<int:product_id>/<int:neighbour_id>/undo/",
        new_products.look_alike_undo,
        name="look-alike-undo",
    ),
    path("signals/trials/", trials.signal_trials, name="signal-trials"),
    path("signals/trials/start/", trials.signal_trial_start, name="signal-trial-start"),
    path("signals/trials/<int:pk>/", trials.signal_trial, name="signal-trial"),
    path("forecasts/<int:pk>/", runs.run_detail, name="run-detail"),
]
