"""Where it is sold and kept, and how goods move between."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models.recorded import Recorded


class Location(Recorded):
    """A warehouse, a store, or a market that another location serves."""

    class Kind(models.TextChoices):
        WAREHOUSE = "warehouse", _("Warehouse")
        STORE = "store", _("Store")
        MARKET = "market", _("Market")

    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind, default=Kind.WAREHOUSE)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2."))
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217."))
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    receiving_location = models.ForeignKey(
        "self",
        verbose_name=_("receiving location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="serves",
        help_text=_("The location that holds and receives stock for this one, if another."),
    )

    class Meta:
        verbose_name = _("location")
        verbose_name_plural = _("locations")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="location_has_a_code"),
            models.CheckConstraint(
                condition=~Q(receiving_location=F("id")), name="location_does_not_receive_from_itself"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class TransferLane(Recorded):
    """How goods go from one location to another. Quantities are in stock units.

    `is_supply`: the destination is regularly supplied this way, instead of buying.
    """

    source = models.ForeignKey(
        Location, verbose_name=_("from"), on_delete=models.PROTECT, related_name="lanes_out"
    )
    destination = models.ForeignKey(
        Location, verbose_name=_("to"), on_delete=models.PROTECT, related_name="lanes_in"
    )
    is_supply = models.BooleanField(
        _("supplies"), default=False, help_text=_("The destination is regularly supplied from here.")
    )
    lead_time_days = models.FloatField(_("lead time (days)"), default=1.0)
    lead_time_sd_days = models.FloatField(_("lead time spread (days)"), default=0.0)
    review_days = models.FloatField(_("review period (days)"), default=7.0)
    unit_cost = models.DecimalField(
        _("cost per unit"),
        max_digits=14,
        decimal_places=4,
        default=Decimal(0),
        help_text=_("In the currency of the location that it comes from."),
    )
    moq = models.DecimalField(_("MOQ"), max_digits=14, decimal_places=3, default=Decimal(0))
    order_multiple = models.DecimalField(
        _("order multiple"), max_digits=14, decimal_places=3, default=Decimal(1)
    )

    class Meta:
        verbose_name = _("transfer lane")
        verbose_name_plural = _("transfer lanes")
        ordering = ["source", "destination"]
        constraints = [
            models.UniqueConstraint(fields=["source", "destination"], name="transfer_lane_is_unique"),
            models.UniqueConstraint(
                fields=["destination"], condition=Q(is_supply=True), name="location_has_one_supplying_lane"
            ),
            models.CheckConstraint(
                condition=~Q(source=F("destination")), name="transfer_lane_joins_two_locations"
            ),
            models.CheckConstraint(
                condition=Q(
                    lead_time_days__gte=0,
                    lead_time_sd_days__gte=0,
                    review_days__gt=0,
                    unit_cost__gte=0,
                    moq__gte=0,
                    order_multiple__gt=0,
                ),
                name="transfer_lane_numbers_are_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} - {self.destination_id}"
