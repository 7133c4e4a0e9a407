"""What people decide about stock: policy rules and budgets, with a history of who changed what."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Location, Product, Supplier


class Scope(models.Model):
    """Which product-locations a setting is for: all that match every field that is filled in."""

    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("With all below it."),
    )
    supplier = models.ForeignKey(
        Supplier,
        verbose_name=_("supplier"),
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

    class Meta:
        abstract = True


class PolicyRule(Scope):
    """How much to hold of what matches. Of several rules that match, the most specific one wins whole.

    What a rule leaves empty is that of the plan, or of the supply terms. Money is in the home currency.
    """

    class Policy(models.TextChoices):
        PERIODIC = "periodic", _("Periodic review")
        CONTINUOUS = "continuous", _("Continuous review")
        FIXED_LOT = "fixed-lot", _("Continuous review, fixed lot")
        MIN_MAX = "min-max", _("Min/max, typed")
        LOT_FOR_LOT = "lot-for-lot", _("Lot for lot")
        KNOWN_NEEDS = "known-needs", _("Known needs (Wagner-Whitin)")
        ONCE = "once", _("Make once (newsvendor)")
        NOT_BOUGHT = "not-bought", _("Not bought")

    class TargetKind(models.TextChoices):
        FILL = "fill", _("Fill rate")
        CYCLE = "cycle", _("Cycle service level")
        OVERALL = "overall", _("Fill rate of the group")
        ECONOMIC = "economic", _("Economic")

    name = models.CharField(_("name"), max_length=100, unique=True)
    product = models.ForeignKey(
        Product,
        verbose_name=_("product"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    abc = models.CharField(_("ABC"), max_length=1, blank=True, choices=[(letter, letter) for letter in "ABC"])
    xyz = models.CharField(_("XYZ"), max_length=1, blank=True, choices=[(letter, letter) for letter in "XYZ"])
    policy = models.CharField(_("policy"), max_length=12, choices=Policy, default=Policy.PERIODIC)
    target_kind = models.CharField(_("kind of target"), max_length=8, choices=TargetKind, blank=True)
    target = models.FloatField(_("target"), null=True, blank=True, help_text=_("A share: 0.95 is 95%."))
    reorder_point = models.FloatField(_("reorder point (min)"), null=True, blank=True)
    order_up_to = models.FloatField(_("order-up-to level (max)"), null=True, blank=True)
    max_stock = models.FloatField(_("maximum stock"), null=True, blank=True)
    review_days = models.FloatField(_("review period (days)"), null=True, blank=True)
    holding_rate = models.FloatField(
        _("holding rate"), null=True, blank=True, help_text=_("Share of the unit cost a year.")
    )
    order_cost = models.FloatField(_("cost per order line"), null=True, blank=True)
    stockout_cost = models.FloatField(
        _("cost of a unit short"), null=True, blank=True, help_text=_("Empty: price less unit cost.")
    )
    season_ends_on = models.DateField(
        _("end of the season"), null=True, blank=True, help_text=_("Last day of sale, of what is made once.")
    )
    salvage_share = models.FloatField(
        _("salvage value"), null=True, blank=True, help_text=_("Share of the unit cost that leftovers fetch.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("policy rule")
        verbose_name_plural = _("policy rules")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(target=None) | (Q(target__gt=0) & Q(target__lt=1)),
                name="policy_rule_target_is_a_share",
            ),
            models.CheckConstraint(
                condition=~Q(policy="min-max")
                | (Q(reorder_point__gte=0) & Q(order_up_to__gte=F("reorder_point"))),
                name="policy_rule_min_max_has_both",
            ),
            models.CheckConstraint(
                condition=~Q(policy="once") | Q(season_ends_on__isnull=False),
                name="policy_rule_once_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Budget(Scope):
    """Money for orders of a period, of what matches: in the home currency, both days included."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=2, default=Decimal(0))
    is_active = models.BooleanField(_("active"), default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ["-first_day", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="budget_ends_after_begin"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_is_not_negative"),
        ]
        indexes = [models.Index(fields=["first_day", "last_day"], name="budget_days")]

    def __str__(self) -> str:
        return self.name


class SettingEvent(models.Model):
    """Who changed which rule or budget, when, and from what to what. Rows are only ever added."""

    kind = models.CharField(_("kind"), max_length=12)
    object_id = models.BigIntegerField(_("number"))
    name = models.CharField(_("name"), max_length=100)
    action = models.CharField(_("action"), max_length=8)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)

    class Meta:
        verbose_name = _("change of a setting")
        verbose_name_plural = _("changes of settings")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["kind", "object_id"], name="setting_event_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.action}"
