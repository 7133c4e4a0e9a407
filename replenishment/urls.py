"""The app's pages."""

from django.urls import URLPattern, path

from replenishment.views import home, orders, plans, replays, settings, sku, workbench

app_name = "replenishment"
urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("plans/", plans.plan_list, name="plan-list"),
    path("plans/new/", home.plan_start, name="plan-start"),
    path("plans/<int:pk>/", plans.plan_detail, name="plan-detail"),
    path("plans/<int:pk>/progress/", home.plan_progress, name="plan-progress"),
    path("workbench/", workbench.workbench, name="workbench"),
    path("workbench/drafts/", workbench.drafts, name="workbench-drafts"),
    path("suggestions/<int:pk>/", workbench.explain, name="suggestion-explain"),
    path("suggestions/<int:pk>/edit/", workbench.edit, name="suggestion-edit"),
    path("suggestions/<int:pk>/reject/", workbench.reject, name="suggestion-reject"),
    path("suggestions/<int:pk>/reopen/", workbench.reopen, name="suggestion-reopen"),
    path("sku/<int:product_id>/<int:location_id>/", sku.sku, name="sku"),
    path("sku/<int:product_id>/<int:location_id>/<slug:name>.json", sku.sku_chart, name="sku-chart"),
    path("orders/", orders.order_list, name="order-list"),
    path("orders/<int:pk>/", orders.order_detail, name="order-detail"),
    path("orders/<int:pk>/receive/", orders.order_receive, name="order-receive"),
    path("orders/<int:pk>/<slug:action>/", orders.order_act, name="order-act"),
    path("orders/lines/<int:pk>/set/", orders.line_set, name="order-line-set"),
    path("orders/lines/<int:pk>/remove/", orders.line_remove, name="order-line-remove"),
    path("policies/", settings.rule_list, name="rule-list"),
    path("policies/new/", settings.rule_add, name="rule-add"),
    path("policies/<int:pk>/", settings.rule_change, name="rule-change"),
    path("policies/<int:pk>/delete/", settings.rule_delete, name="rule-delete"),
    path("budgets/", settings.budget_list, name="budget-list"),
    path("budgets/new/", settings.budget_add, name="budget-add"),
    path("budgets/<int:pk>/", settings.budget_change, name="budget-change"),
    path("budgets/<int:pk>/delete/", settings.budget_delete, name="budget-delete"),
    path("replays/", replays.replay_list, name="replay-list"),
    path("replays/start/", replays.replay_start, name="replay-start"),
    path("replays/<int:pk>/", replays.replay_detail, name="replay-detail"),
    path("replays/<int:pk>/progress/", replays.replay_progress, name="replay-progress"),
    path("replays/<int:pk>/costs.json", replays.replay_chart, name="replay-chart"),
]
