"""Photos: served in their sizes, shown with a product, added one by one or as a ZIP file, deleted."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import selectors, services
from catalog.forms import PictureForm, PicturesForm
from catalog.models import Product, ProductImage
from catalog.views.access import inside_only, person

MOST_IN_A_ZIP = 200
# Well within the time that a web server gives a request.
_ZIP_SECONDS = 15.0
_YEAR = 365 * 24 * 3600


@require_GET
def picture(request: HttpRequest, pk: int, size: str) -> FileResponse:
    """A photo in one size. What is at an address never changes: a browser keeps it, and nobody else."""
    is_partner = selectors.partner_scope(request.user) is not None
    if not is_partner and not request.user.has_perm("catalog.view_productimage"):
        raise PermissionDenied
    image = get_object_or_404(selectors.pictures_visible(request.user), pk=pk)
    name = image.file.name or ""
    if size != "full":
        if not size.isdecimal() or len(size) > 4 or int(size) not in selectors.PICTURE_SIZES:
            raise Http404
        name = selectors.picture_file(name, int(size))
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(
        file,
        content_type=image.media_type,
        headers={
            "Cache-Control": f"private, max-age={_YEAR}, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f'inline; filename="{image.pk}-{size}.webp"',
        },
    )


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
@inside_only("catalog.add_productimage")
def picture_import(request: HttpRequest) -> HttpResponse:
    """A ZIP file of photos: taken in at once, with what was refused and why."""
    person(request)
    form = PicturesForm(request.POST or None, request.FILES or None)
    result = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            result = services.pictures_import(file=upload.file, most=MOST_IN_A_ZIP, seconds=_ZIP_SECONDS)
        except services.CatalogError as error:
            form.add_error("file", str(error))
        else:
            messages.success(
                request,
                _("%(added)d photos added, %(known)d were there already.")
                % {"added": result.added, "known": result.known},
            )
            if result.left:
                messages.warning(
                    request,
                    _("There was no time for %(left)d more: send the same file again, and it goes on there.")
                    % {"left": result.left},
                )
    return render(
        request,
        "catalog/picture_import.html",
        {
            "form": form,
            "result": result,
            "limit": settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20,
            "most": MOST_IN_A_ZIP,
        },
        status=422 if form.errors else 200,
    )
