"""What shoppers say: reviews."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from catalog.models.recorded import Recorded


class Review(Recorded):
    """A shopper's words about a product, as its source has them. The author is only ever a keyed hash."""

    source = models.CharField(_("source"), max_length=32)
    number = models.CharField(_("review number"), max_length=64, help_text=_("The source's own."))
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="reviews", db_index=False
    )
    day = models.DateField(_("written on"))
    rating = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True, help_text=_("1 to 5."))
    title = models.CharField(_("title"), max_length=250, blank=True)
    text = models.TextField(_("text"), blank=True)
    language = models.CharField(
        _("language"), max_length=8, blank=True, help_text=_("Empty: to be recognised from the text.")
    )
    author_hash = models.CharField(_("author"), max_length=32, blank=True)
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-day", "-pk"]
        indexes = [models.Index(fields=["product", "day"], name="review_product_day")]
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="review_is_unique"),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gte=1, rating__lte=5), name="review_rating_is_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.number}"
