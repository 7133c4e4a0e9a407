"""Sums of a plan's suggestions, kept so that no page adds up a hundred thousand rows."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Supplier
from replenishment.models.plans import PlanRun


class PlanSum(models.Model):
    """The suggestions of one supplier for one location in one currency: how many, and their worth.

    Written with the plan, and anew for a supplier in the transaction of each change of its suggestions
    (`services.plan_sums`). `value`, `risk`, `order_by` and `runs_out` are of the lane "to order"; money is
    in the home currency.
    """

    plan_run = models.ForeignKey(
        PlanRun, verbose_name=_("plan run"), on_delete=models.CASCADE, related_name="sums", db_index=False
    )
    supplier = models.ForeignKey(
        Supplier, verbose_name=_("supplier"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="+"
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    # By lane.
    order = models.PositiveIntegerField(_("to order"), default=0)
    waiting = models.PositiveIntegerField(_("not due"), default=0)
    exception = models.PositiveIntegerField(_("blocked"), default=0)
    drafted = models.PositiveIntegerField(_("in orders"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    snoozed = models.PositiveIntegerField(_("snoozed"), default=0)
    # Across lanes.
    week = models.PositiveIntegerField(_("due this week"), default=0)
    excess = models.PositiveIntegerField(_("excess"), default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    out = models.PositiveIntegerField(_("out of stock"), default=0)
    value = models.FloatField(_("value"), default=0.0)
    risk = models.FloatField(_("margin at risk"), default=0.0)
    order_by = models.DateField(_("order by"), null=True)
    runs_out = models.PositiveIntegerField(_("out before an order is in"), default=0)

    class Meta:
        verbose_name = _("sum of suggestions")
        verbose_name_plural = _("sums of suggestions")
        constraints = [
            models.UniqueConstraint(
                fields=["plan_run", "supplier", "location", "currency"],
                name="plan_sum_is_unique",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan_run_id}: {self.supplier_id} @ {self.location_id}"
