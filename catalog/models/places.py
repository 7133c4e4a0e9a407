"""Where it is sold and kept."""

from __future__ import annotations

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
