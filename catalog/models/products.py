"""What is sold: categories, products, and what kits are made of."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.models.recorded import Recorded


class Category(Recorded):
    """A node of the category tree."""

    code = models.CharField(_("code"), max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=200)
    names = models.JSONField(_("names"), default=dict, blank=True, help_text=_("Language code to name."))
    parent = models.ForeignKey(
        "self",
        verbose_name=_("parent"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
    )

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="category_is_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def display_name(self) -> str:
        """The name in the reader's language, or the plain one."""
        return str(self.names.get(get_language() or "", "") or self.name)


class Product(Recorded):
    """A stock-keeping unit (SKU)."""

    class Status(models.TextChoices):
        NEW = "new", _("New")
        ACTIVE = "active", _("Active")
        PHASE_OUT = "phase-out", _("Phase-out")
        DISCONTINUED = "discontinued", _("Discontinued")

    sku = models.CharField(_("SKU"), max_length=64, unique=True)
    gtin = models.CharField(_("GTIN"), max_length=14, blank=True)
    name = models.CharField(_("name"), max_length=250)
    names = models.JSONField(_("names"), default=dict, blank=True, help_text=_("Language code to name."))
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="products",
    )
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    status = models.CharField(
        _("status"), max_length=12, choices=Status, default=Status.ACTIVE, db_index=True
    )
    successor = models.ForeignKey(
        "self",
        verbose_name=_("successor"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="predecessors",
    )
    unit_weight = models.DecimalField(
        _("unit weight (kg)"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    unit_volume = models.DecimalField(
        _("unit volume (m³)"), max_digits=12, decimal_places=6, null=True, blank=True
    )
    shelf_life_days = models.PositiveIntegerField(
        _("shelf life (days)"), null=True, blank=True, help_text=_("From receipt; empty: it keeps.")
    )
    # SKU, GTIN and names without accents or case, so that search finds 'Ä' by 'ä' on every database.
    search_text = models.TextField(editable=False, default="")

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["sku"]
        constraints = [
            models.CheckConstraint(condition=~Q(sku=""), name="product_has_a_sku"),
            models.CheckConstraint(condition=~Q(successor=F("id")), name="product_is_not_its_own_successor"),
            models.UniqueConstraint(fields=["gtin"], condition=~Q(gtin=""), name="product_gtin_is_unique"),
            models.CheckConstraint(
                condition=(Q(unit_weight=None) | Q(unit_weight__gt=0))
                & (Q(unit_volume=None) | Q(unit_volume__gt=0)),
                name="product_weight_and_volume_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.sku

    @property
    def display_name(self) -> str:
        """The name in the reader's language, or the plain one."""
        return str(self.names.get(get_language() or "", "") or self.name)


class KitComponent(Recorded):
    """One line of a kit's bill of materials: so many of the component in one kit."""

    kit = models.ForeignKey(
        Product, verbose_name=_("kit"), on_delete=models.CASCADE, related_name="components"
    )
    component = models.ForeignKey(
        Product, verbose_name=_("component"), on_delete=models.PROTECT, related_name="used_in"
    )
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, default=Decimal(1))

    class Meta:
        verbose_name = _("kit component")
        verbose_name_plural = _("kit components")
        constraints = [
            models.UniqueConstraint(fields=["kit", "component"], name="kit_component_is_unique"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="kit_component_quantity_is_positive"),
            models.CheckConstraint(condition=~Q(kit=F("component")), name="kit_is_not_its_own_component"),
        ]

    def __str__(self) -> str:
        return f"{self.kit_id} / {self.component_id}"
