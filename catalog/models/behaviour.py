"""What shoppers do before they buy: single events, and their counts by day."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.facts import ProductLocationDay
from catalog.models.places import Location
from catalog.models.products import Product
from catalog.models.recorded import Recorded


class BehaviourRecord(ProductLocationDay):
    """Shoppers' interest in a product on a day: how often it was looked at, wanted, missed."""

    pk = models.CompositePrimaryKey("product", "location", "day")
    views = models.PositiveIntegerField(_("views"), default=0)
    carts = models.PositiveIntegerField(_("put in a cart"), default=0)
    wishlists = models.PositiveIntegerField(_("put on a wish list"), default=0)
    searches = models.PositiveIntegerField(_("searches"), default=0)
    stock_requests = models.PositiveIntegerField(_("back-in-stock requests"), default=0)
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("shopper behaviour")
        verbose_name_plural = _("shopper behaviour")
        indexes = [models.Index(fields=["location", "day"], name="behaviour_location_day")]


class ShopperEvent(Recorded):
    """One thing that a shopper did, as the shop's own pages told it. Nothing says who it was."""

    class Kind(models.TextChoices):
        VIEW = "view", _("View")
        CART = "cart", _("Put in a cart")
        WISHLIST = "wishlist", _("Put on a wish list")
        SEARCH = "search", _("Search")
        STOCK_REQUEST = "stock-request", _("Back-in-stock request")

    pk = models.CompositePrimaryKey("source", "number")
    source = models.CharField(_("source"), max_length=32)
    number = models.CharField(_("event number"), max_length=64, help_text=_("The source's own."))
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    occurred_at = models.DateTimeField(_("occurred at"))
    day = models.DateField(_("day"), help_text=_("In the location's own time zone."))

    class Meta:
        verbose_name = _("shopper event")
        verbose_name_plural = _("shopper events")
        indexes = [
            models.Index(fields=["product", "location", "day"], name="shopper_event_product_day"),
            models.Index(fields=["day"], name="shopper_event_day"),
        ]
