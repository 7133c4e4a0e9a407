"""The app's pages."""

from django.urls import URLPattern, path

from catalog.views import imports, pictures

app_name = "catalog"
urlpatterns: list[URLPattern] = [
    path("imports/", imports.import_list, name="import-list"),
    path("imports/new/", imports.import_upload, name="import-upload"),
    path("imports/files/", imports.import_files, name="files-upload"),
    path("imports/template/<slug:kind>.csv", imports.import_template, name="import-template"),
    path("imports/<int:pk>/", imports.import_detail, name="import-detail"),
    path("imports/<int:pk>/preview/", imports.import_preview, name="import-preview"),
    path("imports/<int:pk>/kind/", imports.import_kind, name="import-kind"),
    path("imports/<int:pk>/discard/", imports.import_discard, name="import-discard"),
    path("imports/<int:pk>/rejected/", imports.import_rejected, name="import-rejected"),
    path("imports/<int:pk>/take-back/", imports.import_take_back, name="import-take-back"),
    path("pictures/import/", pictures.picture_import, name="picture-import"),
    path("pictures/of/<int:product_id>/", pictures.picture_panel, name="picture-panel"),
    path("pictures/<int:pk>/delete/", pictures.picture_delete, name="picture-delete"),
    path("pictures/<int:pk>/<slug:size>.webp", pictures.picture, name="picture"),
]
