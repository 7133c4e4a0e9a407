"""The app's pages."""

from django.urls import URLPattern, path

from catalog import views

app_name = "catalog"
urlpatterns: list[URLPattern] = [
    path("imports/", views.import_list, name="import-list"),
    path("imports/new/", views.import_upload, name="import-upload"),
    path("imports/template/<slug:kind>.csv", views.import_template, name="import-template"),
    path("imports/<int:pk>/", views.import_detail, name="import-detail"),
    path("imports/<int:pk>/preview/", views.import_preview, name="import-preview"),
    path("imports/<int:pk>/discard/", views.import_discard, name="import-discard"),
    path("imports/<int:pk>/progress/", views.import_progress, name="import-progress"),
    path("imports/<int:pk>/rejected/", views.import_rejected, name="import-rejected"),
    path("imports/<int:pk>/take-back/", views.import_take_back, name="import-take-back"),
]
