"""The step that looks at photos: a vector for the first photo of each product."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from numpy.typing import NDArray

from catalog.core.pictures import PictureError, picture_decode
from catalog.models import ProductImage
from catalog.services.heartbeat import hold
from forecasting.core.pictures.models import Encoder, ImageModel, lite0_model
from forecasting.models import ProductVector, SignalRun
from forecasting.selectors.vectors import DTYPE

if TYPE_CHECKING:
    from forecasting.services.signals import Say

logger = logging.getLogger(__name__)

_BLOCK = 64
_KIND = ProductVector.Kind.IMAGE


def image_model() -> ImageModel:
    """The model that the installation names, or the one that comes along."""
    own = settings.FORESTOCK_IMAGE_MODEL
    if own is None:
        return lite0_model(Path(settings.ARTIFACT_ROOT) / "image-models")
    path = Path(own["path"])
    return ImageModel(**own | {"name": path.stem[:60], "path": path})


def pictures_read(run: SignalRun, say: Say) -> dict[str, Any]:
    """Make the vectors of photos that are new, were replaced, or were read by another model.

    A photo that can't be read is skipped and counted. Vectors of products without a photo are removed.
    """
    first = _first_images(run)
    pictured = ProductImage.objects.order_by().values("product")
    stale = ProductVector.objects.filter(kind=_KIND).exclude(product_id__in=pictured)
    removed, _by_model = stale.delete()
    if not first:
        return {"products": 0, "encoded": 0, "removed": removed}
    model = image_model()
    by_this_model = ProductVector.objects.filter(kind=_KIND, model_id=model.id)
    known = dict(by_this_model.values_list("product_id", "content_sha"))
    wanted = [image for pk, image in first.items() if known.get(pk) != image.sha256]
    encoded = unreadable = 0
    if wanted:
        encoder = Encoder(model, threads=settings.FORESTOCK_THREADS)
        for block in _blocks(wanted):
            readable = list(_decoded(block))
            unreadable += len(block) - len(readable)
            vectors = encoder.encode(pixels for _image, pixels in readable)
            _write(run, [image for image, _pixels in readable], vectors, model.id)
            encoded += len(readable)
            say((encoded + unreadable) / len(wanted))
    return {
        "model": model.id,
        "products": len(first),
        "encoded": encoded,
        "unreadable": unreadable,
        "removed": removed,
    }


def _first_images(run: SignalRun) -> dict[int, ProductImage]:
    """The photo that is shown first of each product, as far as it was there when the run was asked for."""
    images = ProductImage.objects.filter(recorded_at__lte=run.known_at).order_by("position", "pk")
    first: dict[int, ProductImage] = {}
    for image in images.only("pk", "product_id", "sha256", "file").iterator(chunk_size=5000):
        first.setdefault(image.product_id, image)
    return first


def _blocks(images: Iterable[ProductImage]) -> Iterator[list[ProductImage]]:
    rest = iter(images)
    while block := list(islice(rest, _BLOCK)):
        yield block


def _decoded(images: Iterable[ProductImage]) -> Iterator[tuple[ProductImage, NDArray[np.uint8]]]:
    for image in images:
        try:
            with default_storage.open(image.file.name or "") as file:
                yield image, picture_decode(file.read()).pixels
        except (OSError, PictureError) as error:
            logger.warning("Photo %d can't be read: %s", image.pk, error)


def _write(run: SignalRun, images: list[ProductImage], vectors: NDArray[np.float32], model_id: str) -> None:
    rows = [
        ProductVector(
            product_id=image.product_id,
            kind=_KIND,
            model_id=model_id,
            content_sha=image.sha256,
            vector=vector.astype(DTYPE).tobytes(),
        )
        for image, vector in zip(images, vectors, strict=True)
    ]
    with transaction.atomic():
        hold(run)
        ProductVector.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["product", "kind"],
            update_fields=["model_id", "content_sha", "vector"],
        )
