"""Alarms: where forecasts have drifted away from what is sold."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product
from forecasting.models.runs import ForecastRun


class ForecastAlarm(models.Model):
    """A product-location, or a whole segment, whose forecasts are off by more than chance.

    It is opened by the run that sees it first, kept up by later ones, and closed by the first that does not.
    """

    class Kind(models.TextChoices):
        """What is off."""

        BIAS = "bias", _("Bias: forecasts are too high or too low again and again")
        DRIFT = "drift", _("Drift: errors have grown")
        COVERAGE = "coverage", _("Coverage: demand leaves its band more often than it should")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    segment = models.CharField(_("segment"), max_length=32, blank=True)
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    value = models.FloatField(_("value"))
    limit = models.FloatField(_("limit"))
    opened_by = models.ForeignKey(
        ForecastRun, verbose_name=_("seen first by"), on_delete=models.CASCADE, related_name="alarms_opened"
    )
    seen_by = models.ForeignKey(
        ForecastRun, verbose_name=_("seen last by"), on_delete=models.CASCADE, related_name="alarms_seen"
    )
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("forecast alarm")
        verbose_name_plural = _("forecast alarms")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["closed_at", "kind"], name="alarm_open_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.segment or self.product_id}"
