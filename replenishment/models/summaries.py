"""What the shop's stock came to on a day."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from replenishment.models.plans import PlanRun


class ShopSummary(models.Model):
    """Stock, cover and service on the day of a plan: one row a day, written with the day's latest plan.

    Money is in the home currency, at cost. `report` has the matrix and the months of
    `core.summary`; the columns are what is drawn over time.
    """

    day = models.DateField(_("day"), unique=True)
    plan_run = models.ForeignKey(
        PlanRun, verbose_name=_("plan run"), on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    stock_value = models.FloatField(_("stock value"), null=True)
    cover_days = models.FloatField(_("days of cover"), null=True)
    in_stock = models.FloatField(
        _("in stock"), null=True, help_text=_("Share of the demand at cost that finds stock.")
    )
    fill_rate = models.FloatField(_("expected fill rate"), null=True)
    margin_at_risk = models.FloatField(_("margin at risk"), null=True)
    report = models.JSONField(_("report"), default=dict)

    class Meta:
        verbose_name = _("summary of the shop")
        verbose_name_plural = _("summaries of the shop")
        ordering = ["-day"]

    def __str__(self) -> str:
        return str(self.day)
