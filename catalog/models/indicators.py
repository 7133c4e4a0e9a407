"""What the market does: dated series from outside the shop."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from catalog.models.places import Location
from catalog.models.products import Category, Product
from catalog.models.recorded import Recorded


class Indicator(Recorded):
    """A dated series: search interest, a competitor's price, the weather, an index."""

    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200)
    unit = models.CharField(_("unit"), max_length=32, blank=True)
    publication_lag_days = models.PositiveIntegerField(
        _("publication lag (days)"),
        default=0,
        help_text=_("A value is known so many days after its day, unless it says otherwise."),
    )
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("market indicator")
        verbose_name_plural = _("market indicators")
        ordering = ["code"]
        constraints = [models.CheckConstraint(condition=~Q(code=""), name="indicator_has_a_code")]

    def __str__(self) -> str:
        return self.name


class IndicatorRecord(Recorded):
    """A value of an indicator: of a product or a category, in a market; everywhere where none is named."""

    indicator = models.ForeignKey(
        Indicator,
        verbose_name=_("market indicator"),
        on_delete=models.PROTECT,
        related_name="records",
        db_index=False,
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    day = models.DateField(_("day"))
    value = models.FloatField(_("value"))
    known_on = models.DateField(
        _("known on"), help_text=_("The day from which it was known; before its own day for a prediction.")
    )

    class Meta:
        verbose_name = _("value of a market indicator")
        verbose_name_plural = _("values of market indicators")
        ordering = ["indicator", "-day"]
        indexes = [models.Index(fields=["indicator", "day"], name="indicator_record_day")]
        constraints = [
            # No product (or category, or location) counts as a value of its own.
            models.UniqueConstraint(
                "indicator",
                Coalesce("product", 0),
                Coalesce("category", 0),
                Coalesce("location", 0),
                "day",
                name="indicator_record_is_unique",
            ),
            models.CheckConstraint(
                condition=Q(product=None) | Q(category=None), name="indicator_record_product_or_category"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator_id}: {self.day}"
