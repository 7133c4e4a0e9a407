"""From whom: suppliers, their shutdowns, and the terms on which they deliver a product."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models.places import Location
from catalog.models.products import Product
from catalog.models.recorded import Recorded


class Supplier(Recorded):
    """Who delivers."""

    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2."))
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217."))
    email = models.EmailField(_("email"), blank=True)
    minimum_order_value = models.DecimalField(
        _("minimum order value"), max_digits=14, decimal_places=2, default=Decimal(0)
    )
    minimum_order_weight = models.DecimalField(
        _("minimum order weight (kg)"), max_digits=14, decimal_places=3, default=Decimal(0)
    )
    minimum_order_volume = models.DecimalField(
        _("minimum order volume (m³)"), max_digits=14, decimal_places=3, default=Decimal(0)
    )
    container_weight = models.DecimalField(
        _("container weight (kg)"),
        max_digits=14,
        decimal_places=3,
        default=Decimal(0),
        help_text=_("0: none."),
    )
    container_volume = models.DecimalField(
        _("container volume (m³)"),
        max_digits=14,
        decimal_places=3,
        default=Decimal(0),
        help_text=_("0: none."),
    )
    order_cost = models.DecimalField(_("cost per order"), max_digits=14, decimal_places=2, default=Decimal(0))
    order_days = models.CharField(
        _("order days"),
        max_length=7,
        blank=True,
        validators=[
            RegexValidator(r"^(?!.*(.).*\1)[1-7]*$", _("Digits 1 (Monday) to 7 (Sunday), each once."))
        ],
        help_text=_(
            "Weekdays on which orders are taken, 1 is Monday: 24 is Tuesday and Thursday. Empty: any."
        ),
    )
    administrative_days = models.FloatField(
        _("administrative days"), default=0.0, help_text=_("From a suggestion to the order's sending.")
    )
    joint_review = models.BooleanField(
        _("joint review"), default=False, help_text=_("Review periods follow from the costs of ordering.")
    )
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("supplier")
        verbose_name_plural = _("suppliers")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="supplier_has_a_code"),
            models.CheckConstraint(
                condition=Q(
                    minimum_order_value__gte=0,
                    minimum_order_weight__gte=0,
                    minimum_order_volume__gte=0,
                ),
                name="supplier_minimum_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    container_weight__gte=0,
                    container_volume__gte=0,
                    order_cost__gte=0,
                    administrative_days__gte=0,
                ),
                name="supplier_order_terms_are_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SupplierClosure(Recorded):
    """Days on which a supplier takes no orders and ships nothing, both ends included."""

    supplier = models.ForeignKey(
        Supplier, verbose_name=_("supplier"), on_delete=models.CASCADE, related_name="closures"
    )
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("supplier shutdown")
        verbose_name_plural = _("supplier shutdowns")
        ordering = ["supplier", "first_day"]
        constraints = [
            models.UniqueConstraint(fields=["supplier", "first_day"], name="supplier_closure_is_unique"),
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="supplier_closure_ends_after_begin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.supplier_id}: {self.first_day} - {self.last_day}"


class SupplyTerms(Recorded):
    """The terms of one supplier for one product, everywhere or at one location (which then wins).

    Quantities are in stock units; one purchase unit holds `unit_size` of them and `unit_cost` is per
    stock unit. Among several suppliers the lowest `rank` is bought from, and of equal ranks the one with the
    lowest landed cost.
    """

    class PriceBreakKind(models.TextChoices):
        ALL_UNITS = "all-units", _("All units")
        INCREMENTAL = "incremental", _("Incremental")

    supplier = models.ForeignKey(
        Supplier, verbose_name=_("supplier"), on_delete=models.PROTECT, related_name="terms"
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="terms"
    )
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="terms",
    )
    rank = models.PositiveSmallIntegerField(_("rank"), default=1)
    article_number = models.CharField(_("supplier's article number"), max_length=64, blank=True)
    unit_cost = models.DecimalField(_("unit cost"), max_digits=14, decimal_places=4)
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217."))
    purchase_unit = models.CharField(_("purchase unit"), max_length=32, default="each")
    unit_size = models.DecimalField(
        _("size of the purchase unit"), max_digits=12, decimal_places=3, default=Decimal(1)
    )
    moq = models.DecimalField(_("MOQ"), max_digits=14, decimal_places=3, default=Decimal(0))
    order_multiple = models.DecimalField(
        _("order multiple"), max_digits=14, decimal_places=3, default=Decimal(1)
    )
    price_breaks = models.JSONField(
        _("price breaks"), default=list, blank=True, help_text=_("List of [from quantity, unit cost].")
    )
    price_break_kind = models.CharField(
        _("kind of price breaks"), max_length=11, choices=PriceBreakKind, default=PriceBreakKind.ALL_UNITS
    )
    freight_cost = models.DecimalField(
        _("freight per unit"), max_digits=14, decimal_places=4, default=Decimal(0)
    )
    duty_rate = models.FloatField(_("duty"), default=0.0, help_text=_("Share of the unit cost: 0.05 is 5%."))
    return_share = models.FloatField(
        _("refund on returns"), default=0.0, help_text=_("Share of the unit cost; 0: no returns.")
    )
    lead_time_days = models.FloatField(_("lead time (days)"), default=7.0)
    lead_time_sd_days = models.FloatField(_("lead time spread (days)"), default=0.0)
    review_days = models.FloatField(_("review period (days)"), default=7.0)
    minimum_order_value = models.DecimalField(
        _("minimum order value"), max_digits=14, decimal_places=2, default=Decimal(0)
    )
    is_assumed = models.BooleanField(
        _("assumed"), default=False, help_text=_("Made up for lack of data: shown as such.")
    )

    class Meta:
        verbose_name = _("supply terms")
        verbose_name_plural = _("supply terms")
        ordering = ["product", "rank"]
        constraints = [
            models.UniqueConstraint(
                fields=["supplier", "product"],
                condition=Q(location=None),
                name="supply_terms_are_unique_everywhere",
            ),
            models.UniqueConstraint(
                fields=["supplier", "product", "location"],
                condition=~Q(location=None),
                name="supply_terms_are_unique_at_a_location",
            ),
            models.CheckConstraint(condition=Q(unit_cost__gte=0), name="supply_terms_cost_is_not_negative"),
            models.CheckConstraint(
                condition=Q(unit_size__gt=0, order_multiple__gt=0, moq__gte=0),
                name="supply_terms_pack_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(lead_time_days__gte=0, lead_time_sd_days__gte=0, review_days__gt=0),
                name="supply_terms_times_are_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(freight_cost__gte=0, duty_rate__gte=0, return_share__gte=0, return_share__lte=1),
                name="supply_terms_shares_are_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.supplier_id}: {self.product_id}"
