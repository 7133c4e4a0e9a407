"""Photos: served in their sizes, shown with a product, added one by one or as a ZIP file, deleted."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import selectors, services, tasks
from catalog.exports import picture_response
from catalog.forms import PictureForm, PicturesForm
from catalog.models import ImportBatch, Product, ProductImage
from catalog.views.access import inside_only, person


@require_GET
def picture(request: HttpRequest, pk: int, size: str) -> HttpResponseBase:
    """A photo in one size."""
    is_partner = selectors.partner_scope(request.user) is not None
    if not is_partner and not request.user.has_perm("catalog.view_productimage"):
        raise PermissionDenied
    image = get_object_or_404(selectors.pictures_visible(request.user), pk=pk)
    return picture_response(request, image, size)


@require_http_methods(["GET", "POST"])
@inside_only("catalog.view_productimage")
def picture_panel(request: HttpRequest, product_id: int) -> HttpResponse:
    """The photos of one product, and the form for another; a POST adds it."""
    product = get_object_or_404(Product, pk=product_id)
    form = PictureForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        if not request.user.has_perm("catalog.add_productimage"):
            raise PermissionDenied
        if form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                services.picture_add(product=product, data=upload.read(), credit=form.cleaned_data["credit"])
            except services.CatalogError as error:
                form.add_error("file", str(error))
            else:
                form = PictureForm()
        status = 422 if form.errors else 200
    images = ProductImage.objects.filter(product=product).order_by("position", "pk")
    response = render(
        request,
        "catalog/partials/pictures.html",
        {"product": product, "images": images, "form": form},
        status=status,
    )
    if form.errors:
        # htmx leaves the page as it is; the first problem is said in words.
        response["X-Message"] = quote(str(next(iter(form.errors.values()))[0]))
    return response


@require_POST
@inside_only("catalog.view_productimage", "catalog.delete_productimage")
def picture_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one away; the panel is shown again."""
    image = get_object_or_404(ProductImage, pk=pk)
    product_id = image.product_id
    services.picture_delete(image=image)
    return redirect("catalog:picture-panel", product_id=product_id)


@require_http_methods(["GET", "POST"])
@inside_only("catalog.add_importbatch", "catalog.add_productimage")
def picture_import(request: HttpRequest) -> HttpResponse:
    """A ZIP file of photos, which a worker takes in; its page is that of any import."""
    form = PicturesForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            batch = services.import_create(
                kind=ImportBatch.PHOTOS, file=upload, file_name=upload.name, acting_user=person(request)
            )
        except services.CatalogError as error:
            form.add_error("file", str(error))
        else:
            # A broker that is away loses nothing: a queued import is dispatched again by `jobs_take_up`.
            transaction.on_commit(lambda: tasks.import_run_task.delay(batch.pk), robust=True)
            return redirect("catalog:import-detail", pk=batch.pk)
    return render(
        request,
        "catalog/picture_import.html",
        {
            "form": form,
            "limit": settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20,
            "most": services.MOST_PHOTOS,
        },
        status=422 if form.errors else 200,
    )
