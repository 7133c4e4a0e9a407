"""Dated facts. Each has a natural key, the import that wrote it, and when it was recorded.

A fact that is replaced (or taken back) moves to `SupersededFact` with the time until which it was
believed, so that "what was known then" is the current rows recorded by then, plus the superseded rows
whose interval [recorded_at, superseded_at) holds that time. The keys of facts are their primary keys:
one index less on the largest tables.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.imports import ImportBatch
from catalog.models.places import Location
from catalog.models.products import Product
from catalog.models.recorded import Recorded


class ProductLocationDay(Recorded):
    """A fact of a product at a location on the location's own day."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(_("day"))

    class Meta:
        abstract = True


class OrderLine(Recorded):
    """One line of a customer's order, as the source has it. The buyer is only ever a keyed hash."""

    class Kind(models.TextChoices):
        SALE = "sale", _("Sale")
        CANCELLATION = "cancellation", _("Cancellation")
        RETURN = "return", _("Return")

    pk = models.CompositePrimaryKey("source", "order_number", "line_number")
    source = models.CharField(_("source"), max_length=32)
    order_number = models.CharField(_("order number"), max_length=32)
    line_number = models.PositiveIntegerField(_("line number"))
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    ordered_at = models.DateTimeField(_("ordered at"))
    day = models.DateField(_("day"), help_text=_("In the location's own time zone."))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.SALE)
    quantity = models.DecimalField(
        _("quantity"),
        max_digits=14,
        decimal_places=3,
        help_text=_("Units; negative for cancellations, returns."),
    )
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=4)
    buyer_hash = models.CharField(_("buyer"), max_length=32, blank=True)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        indexes = [models.Index(fields=["product", "location", "day"], name="order_line_product_day")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="sale", quantity__gt=0)
                | Q(kind__in=["cancellation", "return"], quantity__lt=0),
                name="order_line_sign_fits_its_kind",
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="order_line_price_is_not_negative"),
        ]


class SalesRecord(ProductLocationDay):
    """Sales of a day. `quantity` is units sold before returns, less cancellations: demand as observed."""

    pk = models.CompositePrimaryKey("product", "location", "day")
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    revenue = models.DecimalField(_("revenue"), max_digits=16, decimal_places=4, default=Decimal(0))
    returns = models.DecimalField(_("returns"), max_digits=14, decimal_places=3, default=Decimal(0))
    orders = models.PositiveIntegerField(_("orders"), null=True)
    buyers = models.PositiveIntegerField(_("distinct buyers"), null=True)

    class Meta:
        verbose_name = _("sales record")
        verbose_name_plural = _("sales records")
        indexes = [models.Index(fields=["location", "day"], name="sales_location_day")]
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gte=0, returns__gte=0), name="sales_are_not_negative"
            )
        ]


class StockLevel(ProductLocationDay):
    """Stock at the close of a day."""

    pk = models.CompositePrimaryKey("product", "location", "day")
    on_hand = models.DecimalField(_("on hand"), max_digits=14, decimal_places=3)
    allocated = models.DecimalField(_("allocated"), max_digits=14, decimal_places=3, default=Decimal(0))
    is_assumed = models.BooleanField(_("assumed"), default=False)

    class Meta:
        verbose_name = _("stock level")
        verbose_name_plural = _("stock levels")
        indexes = [models.Index(fields=["location", "day"], name="stock_location_day")]
        constraints = [
            models.CheckConstraint(condition=Q(allocated__gte=0), name="stock_allocated_is_not_negative")
        ]


class PriceRecord(ProductLocationDay):
    """The price asked on a day, in the location's currency; `base_price` is the one without promotion."""

    pk = models.CompositePrimaryKey("product", "location", "day")
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=4)
    base_price = models.DecimalField(_("base price"), max_digits=14, decimal_places=4, null=True)

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        indexes = [models.Index(fields=["location", "day"], name="price_location_day")]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="price_is_not_negative"),
        ]


class PromotionRecord(ProductLocationDay):
    """A promotion that runs on a day: display, mailer, coupon, price cut ..."""

    pk = models.CompositePrimaryKey("product", "location", "day", "kind")
    kind = models.CharField(_("kind"), max_length=32)
    discount = models.DecimalField(
        _("discount"), max_digits=5, decimal_places=4, default=Decimal(0), help_text=_("Share of the price.")
    )

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        indexes = [models.Index(fields=["location", "day"], name="promotion_location_day")]
        constraints = [
            models.CheckConstraint(
                condition=Q(discount__gte=0, discount__lte=1), name="promotion_discount_is_a_share"
            )
        ]


class CalendarEvent(Recorded):
    """A dated event that moves demand: a holiday, a fair, a campaign; in a country, or everywhere."""

    country = models.CharField(_("country"), max_length=2, blank=True)
    day = models.DateField(_("day"), db_index=True)
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("calendar event")
        verbose_name_plural = _("calendar events")
        ordering = ["day", "name"]
        constraints = [
            models.UniqueConstraint(fields=["country", "day", "name"], name="calendar_event_is_unique")
        ]

    def __str__(self) -> str:
        return self.name


class ExchangeRate(Recorded):
    """So many units of `quote` for one of `base` on a day."""

    base = models.CharField(_("base currency"), max_length=3)
    quote = models.CharField(_("quote currency"), max_length=3)
    day = models.DateField(_("day"))
    rate = models.DecimalField(_("rate"), max_digits=18, decimal_places=8)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["-day", "base", "quote"]
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "day"], name="exchange_rate_is_unique"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"


class SupersededFact(models.Model):
    """A fact as it was believed during [recorded_at, superseded_at). `row` holds all of its columns."""

    kind = models.CharField(_("kind"), max_length=32)
    row = models.JSONField(_("row"))
    recorded_at = models.DateTimeField(_("recorded"))
    superseded_at = models.DateTimeField(_("superseded"))
    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, null=True, related_name="+")
    superseded_by = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("superseded fact")
        verbose_name_plural = _("superseded facts")
        indexes = [models.Index(fields=["kind", "superseded_at"], name="superseded_kind_time")]
        constraints = [
            models.CheckConstraint(
                condition=Q(superseded_at__gte=models.F("recorded_at")), name="superseded_after_recorded"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
