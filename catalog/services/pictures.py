"""Photos of products: taken in, kept as pixels in several sizes, taken away."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.core.pictures import Fault, PictureError, picture_decode, picture_encode
from catalog.models import ImportBatch, Product, ProductImage
from catalog.selectors.pictures import PICTURE_SIZES, picture_file
from catalog.services.errors import CatalogError
from catalog.services.heartbeat import hold

FAULTS: dict[Fault, Any] = {
    Fault.EMPTY: gettext_lazy("The file is empty."),
    Fault.TOO_MANY_BYTES: gettext_lazy("The file is larger than 20 MB."),
    Fault.NOT_A_PICTURE: gettext_lazy("The file is not a JPEG, PNG, WebP or GIF picture."),
    Fault.TOO_MANY_PIXELS: gettext_lazy(
        "The picture has more than 25 million pixels, or a side of more than 30,000."
    ),
    Fault.DAMAGED: gettext_lazy("The picture is damaged."),
}
_LONGEST_SIDE = 1600
_HIGHEST_POSITION = 32_767
_MOST_OF_A_PRODUCT = 50


def picture_add(
    *,
    product: Product,
    data: bytes,
    position: int | None = None,
    credit: str = "",
    is_assumed: bool = False,
    batch: ImportBatch | None = None,
) -> tuple[ProductImage, bool]:
    """Keep a photo of a product, last of all unless `position` says where; and whether it is new.

    The same file again changes nothing but the position and the credit that are given. Decoded, turned
    upright and encoded anew (WebP, at most 1,600 pixels) with its thumbnails. `batch`: the import that brings
    it, under way. Raises `CatalogError`; `JobLostError` where the import is no longer this worker's.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if (known := ProductImage.objects.filter(product=product, sha256=sha256).first()) is not None:
        picture_touch(image=known, position=position, credit=credit)
        return known, False
    if ProductImage.objects.filter(product=product).count() >= _MOST_OF_A_PRODUCT:
        raise CatalogError(_("A product has at most %d photos.") % _MOST_OF_A_PRODUCT)
    try:
        picture = picture_decode(data)
    except PictureError as error:
        raise CatalogError(str(FAULTS[error.fault])) from error
    main = picture_encode(picture.pixels, side=_LONGEST_SIDE)
    height, width = picture.pixels.shape[:2]
    shrink = min(1.0, _LONGEST_SIDE / max(height, width))
    # The name on disk is ours: a person's may hold anything.
    name = f"products/{sha256[:2]}/{uuid.uuid4().hex}.webp"
    # Before the transaction: encoding takes a while, and others wait for its locks.
    thumbnails = {side: picture_encode(picture.pixels, side=side, quality=80) for side in PICTURE_SIZES}
    kept: list[str] = []
    try:
        with transaction.atomic():
            if batch is not None:
                hold(batch)
            if position is None:
                last = ProductImage.objects.filter(product=product).aggregate(last=Max("position"))["last"]
                position = 0 if last is None else min(last + 1, _HIGHEST_POSITION)
            image = ProductImage(
                product=product,
                position=position,
                sha256=sha256,
                media_type="image/webp",
                width=max(1, round(width * shrink)),
                height=max(1, round(height * shrink)),
                credit=credit[:200],
                is_assumed=is_assumed,
                batch=batch,
            )
            for side, thumbnail in thumbnails.items():
                kept.append(default_storage.save(picture_file(name, side), ContentFile(thumbnail)))
            kept.append(default_storage.save(name, ContentFile(main)))
            image.file.name = name
            image.save()
    except BaseException as error:
        for file in kept:
            default_storage.delete(file)
        if isinstance(error, IntegrityError):
            # Somebody sent the same photo at the same moment.
            return ProductImage.objects.get(product=product, sha256=sha256), False
        raise
    return image, True


def picture_delete(*, image: ProductImage) -> None:
    """Take a photo away, with its files."""
    names = [image.file.name or "", *(picture_file(image.file.name or "", side) for side in PICTURE_SIZES)]
    image.delete()
    transaction.on_commit(lambda: _files_delete(names), robust=True)


def picture_touch(*, image: ProductImage, position: int | None, credit: str) -> bool:
    """Give a photo another position or credit, where one is told; whether that changed anything."""
    changed = []
    if position is not None and position != image.position:
        image.position = position
        changed.append("position")
    if credit and credit[:200] != image.credit:
        image.credit = credit[:200]
        changed.append("credit")
    if changed:
        image.save(update_fields=changed)
    return bool(changed)


def _files_delete(names: list[str]) -> None:
    for name in names:
        if name:
            default_storage.delete(name)
