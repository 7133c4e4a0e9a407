"""Photos of products: which there are, and where their files lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from catalog.models import ProductImage, SupplyTerms
from catalog.selectors.access import partner_scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

PICTURE_SIZES = (64, 160, 480)
"""The longest sides of the thumbnails, in pixels."""


def picture_file(name: str, side: int) -> str:
    """The thumbnail's file of a photo's file."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{side}{path.suffix}"))


def pictures_first(product_ids: Iterable[int]) -> dict[int, ProductImage]:
    """The photo that is shown first of each product that has one. One query."""
    first: dict[int, ProductImage] = {}
    images = ProductImage.objects.filter(product_id__in=set(product_ids)).order_by("position", "pk")
    for image in images.only("pk", "product_id", "credit", "is_assumed", "width", "height"):
        first.setdefault(image.product_id, image)
    return first


def pictures_visible(user: AbstractBaseUser | AnonymousUser) -> QuerySet[ProductImage]:
    """The photos that a user may see: a supplier those of the products that it has terms for, a channel none.

    People of the shop see all, if they have the permission, which is not looked at here.
    """
    images = ProductImage.objects.select_related("product")
    scope = partner_scope(user)
    if scope is None:
        return images
    own = SupplyTerms.objects.filter(supplier_id=scope.supplier_id or 0).order_by()
    return images.filter(product__in=own.values("product"))
