"""What products look like: photos."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from catalog.models.recorded import Recorded


class ProductImage(Recorded):
    """A photo of a product, decoded and encoded anew when it came in: it holds pixels and nothing else."""

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="images", db_index=False
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("0 is shown first."))
    file = models.FileField(_("file"), upload_to="products/", max_length=255)
    sha256 = models.CharField(_("SHA-256"), max_length=64, help_text=_("Of the file as it was given."))
    media_type = models.CharField(_("media type"), max_length=32)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    credit = models.CharField(
        _("credit"), max_length=200, blank=True, help_text=_("Who made it, and its licence.")
    )
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("product image")
        verbose_name_plural = _("product images")
        ordering = ["product", "position", "pk"]
        indexes = [models.Index(fields=["product", "position"], name="product_image_position")]
        constraints = [
            models.UniqueConstraint(fields=["product", "sha256"], name="product_image_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.position}"
