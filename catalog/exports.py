"""Files that leave the shop: a photo in one of its sizes."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from catalog.models import ProductImage
from catalog.selectors import PICTURE_SIZES, picture_file

FULL = "full"
SIZES = (*map(str, PICTURE_SIZES), FULL)
"""The sizes of a photo by name: the longest side in pixels, or all that is kept."""
_YEAR = 365 * 24 * 3600


def picture_response(request: HttpRequest, image: ProductImage, size: str) -> HttpResponseBase:
    """A photo in one of `SIZES`, or 304 where the caller has it. Raises `Http404` for any other size.

    What is at an address never changes: the caller keeps it, no cache between does, nobody guesses its type.
    """
    if size not in SIZES:
        raise Http404
    name = image.file.name or ""
    # The file's own name is a random one, given once.
    etag = f'"{PurePosixPath(name).stem}-{size}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            file = default_storage.open(name if size == FULL else picture_file(name, int(size)))
        except FileNotFoundError as error:
            raise Http404 from error
        response = FileResponse(file, content_type=image.media_type)
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = f'inline; filename="{image.pk}-{size}.webp"'
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response
