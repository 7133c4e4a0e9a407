"""What shoppers' behaviour says of each product-location: interest, conversion, demand lost without stock."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product


class BehaviourReading(models.Model):
    """The last weeks of a product at the location that holds its stock. Intervals are of 90%.

    Counts, days and lost units are of the last eight weeks; changes compare the last four weeks with the four
    before. `conversion` is units sold per view while there was stock (per cart where there are no views).
    """

    class Change(models.TextChoices):
        """Which way something went, if it surely did."""

        UP = "up", _("Up")
        DOWN = "down", _("Down")
        STEADY = "steady", _("Steady")
        UNKNOWN = "", _("Unknown")

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="+", db_index=False
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.CASCADE, related_name="+"
    )
    as_of = models.DateField(_("as of"))
    views = models.PositiveIntegerField(_("views"), default=0)
    views_before = models.PositiveIntegerField(_("views before"), default=0)
    carts = models.PositiveIntegerField(_("put in a cart"), default=0)
    wishlists = models.PositiveIntegerField(_("put on a wish list"), default=0)
    searches = models.PositiveIntegerField(_("searches"), default=0)
    stock_requests = models.PositiveIntegerField(_("back-in-stock requests"), default=0)
    conversion = models.FloatField(_("conversion"), null=True)
    conversion_low = models.FloatField(_("conversion at least"), null=True)
    conversion_high = models.FloatField(_("conversion at most"), null=True)
    interest_change = models.FloatField(_("change of interest"), null=True, help_text=_("1: none."))
    interest_went = models.CharField(_("interest went"), max_length=6, choices=Change, blank=True)
    conversion_change = models.FloatField(_("change of conversion"), null=True, help_text=_("1: none."))
    conversion_went = models.CharField(_("conversion went"), max_length=6, choices=Change, blank=True)
    out_days = models.PositiveSmallIntegerField(_("days without stock"), default=0)
    lost_units = models.FloatField(_("units lost"), null=True)
    lost_low = models.FloatField(_("units lost at least"), null=True)
    lost_high = models.FloatField(_("units lost at most"), null=True)
    lost_value = models.DecimalField(
        _("sales lost"), max_digits=16, decimal_places=2, null=True, help_text=_("In the home currency.")
    )
    sparkline = models.JSONField(_("last weeks"), default=list)
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("reading of behaviour")
        verbose_name_plural = _("readings of behaviour")
        indexes = [
            models.Index(fields=["-lost_value"], name="behaviour_by_lost_value"),
            models.Index(fields=["interest_went", "conversion_went"], name="behaviour_by_change"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["product", "location"], name="behaviour_reading_is_unique"),
            models.CheckConstraint(
                condition=Q(lost_units=None) | Q(lost_units__gte=0), name="behaviour_lost_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}@{self.location_id}"

    @property
    def per_hundred(self) -> float | None:
        """Units sold per 100 views."""
        return _hundredfold(self.conversion)

    @property
    def per_hundred_low(self) -> float | None:
        """The lower end of that."""
        return _hundredfold(self.conversion_low)

    @property
    def per_hundred_high(self) -> float | None:
        """The upper end of that."""
        return _hundredfold(self.conversion_high)


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share
