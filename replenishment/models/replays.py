"""Replays: policies over the shop's own past demand, kept with what they were asked and what came out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Job, Location, Supplier


class ReplayRun(Job):
    """One replay: which days, which policies, which items; results are `policies` and `items_table`."""

    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    spec = models.JSONField(_("specification"), default=dict)
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    supplier = models.ForeignKey(
        Supplier,
        verbose_name=_("supplier"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    items_count = models.PositiveIntegerField(_("items replayed"), default=0)
    skipped_count = models.PositiveIntegerField(_("items left out"), default=0)
    report = models.JSONField(_("report"), default=dict, blank=True)
    # As Parquet, one row per policy and item, and per policy and period: replenishment.services.replay_store.
    items_table = models.BinaryField(default=bytes, editable=False)
    course_table = models.BinaryField(default=bytes, editable=False)

    class Meta:
        verbose_name = _("replay")
        verbose_name_plural = _("replays")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="replay_ends_after_begin")
        ]

    def __str__(self) -> str:
        return str(_("Replay %(id)s") % {"id": self.pk})

    @property
    def overall(self) -> list[ReplayPolicy]:
        """Its policies over all its items."""
        return [row for row in self.policies.all() if not row.compared]

    @property
    def against_actual(self) -> list[ReplayPolicy]:
        """The same and what was really done, over the items of which that is known."""
        return [row for row in self.policies.all() if row.compared]


class ReplayPolicy(models.Model):
    """What one policy would have come to over all items of a replay. Money is in the home currency.

    `compared` rows are over the items of which what was really done is known, and have a row of that,
    "actual".
    """

    replay = models.ForeignKey(
        ReplayRun, verbose_name=_("replay"), on_delete=models.CASCADE, related_name="policies"
    )
    place = models.PositiveSmallIntegerField(_("place"), help_text=_("In the order asked for."))
    policy = models.CharField(_("policy"), max_length=32)
    compared = models.BooleanField(_("compared with what was done"), default=False)
    demand = models.FloatField(_("units demanded"))
    served = models.FloatField(_("units served"))
    fill_rate = models.FloatField(_("fill rate"), null=True)
    cycle_service = models.FloatField(_("cycle service level"), null=True)
    average_stock_value = models.FloatField(_("average stock value"))
    turns = models.FloatField(_("turns"), null=True, help_text=_("Cost of goods served a year / stock."))
    orders = models.FloatField(_("orders"))
    ordered = models.FloatField(_("units ordered"))
    holding_cost = models.FloatField(_("holding cost"))
    order_cost = models.FloatField(_("ordering cost"))
    lost_margin = models.FloatField(_("lost margin"))
    total_cost = models.FloatField(_("total cost"))

    class Meta:
        verbose_name = _("replayed policy")
        verbose_name_plural = _("replayed policies")
        ordering = ["replay", "place"]
        constraints = [
            models.UniqueConstraint(fields=["replay", "policy", "compared"], name="replay_policy_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.replay_id}: {self.policy}"
