"""What came of forecasts, and the alarms where they have drifted away from what is sold."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product
from forecasting.models.runs import ForecastRun


class ForecastOutcome(models.Model):
    """What a run had said of the periods 1 to `steps` after its as-of date, beside what came: frozen.

    `sums` maps segments (`overall` is all) to the sums that `forecasting.core.monitor.Sums` names.
    `series` is an Arrow file of `product_id, location_id, segment, actual, mean, expected_error,
    error_variance, score` (the columns of `forecasting.services.outcomes.COLUMNS`), a row for each
    product-location.
    """

    run = models.ForeignKey(
        ForecastRun, verbose_name=_("run"), on_delete=models.CASCADE, related_name="outcomes", db_index=False
    )
    frequency = models.CharField(_("frequency"), max_length=1)
    steps = models.PositiveSmallIntegerField(_("periods"))
    until = models.DateField(_("until"))
    sums = models.JSONField(_("sums"), default=dict)
    series = models.BinaryField()

    class Meta:
        verbose_name = _("outcome of a forecast")
        verbose_name_plural = _("outcomes of forecasts")
        ordering = ["-until", "steps"]
        constraints = [models.UniqueConstraint(fields=["run", "steps"], name="outcome_is_unique")]
        indexes = [models.Index(fields=["frequency", "steps", "until"], name="outcome_by_day")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.steps} until {self.until}"


class ForecastAlarm(models.Model):
    """A product-location, or a whole segment, whose forecasts are off by more than chance.

    It is opened by the run that sees it first, kept up by later ones, and closed by the first that does not.
    `value` passed `limit`, both in the unit of its kind (`forecasting.core.monitor`); `effect` says how much
    it matters: forecast less sales as a share of sales (bias), errors against those expected (drift), the
    share of periods outside their band (coverage).
    """

    class Kind(models.TextChoices):
        """What is off."""

        BIAS = "bias", _("Bias: forecasts are too high or too low again and again")
        DRIFT = "drift", _("Drift: errors have grown")
        COVERAGE = "coverage", _("Coverage: demand leaves its band more often than it should")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    frequency = models.CharField(_("frequency"), max_length=1, default="W")
    steps = models.PositiveSmallIntegerField(
        _("periods"), default=1, help_text=_("1: the next period; more: demand summed over so many.")
    )
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
    effect = models.FloatField(_("effect"), default=0.0)
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
        constraints = [
            models.CheckConstraint(
                condition=Q(product=None, location=None) & ~Q(segment="")
                | Q(product__isnull=False, location__isnull=False),
                name="alarm_of_segment_or_series",
            ),
            models.UniqueConstraint(
                fields=["frequency", "steps", "kind", "product", "location"],
                condition=Q(closed_at=None, product__isnull=False),
                name="alarm_open_once_for_series",
            ),
            models.UniqueConstraint(
                fields=["frequency", "steps", "kind", "segment"],
                condition=Q(closed_at=None, product=None),
                name="alarm_open_once_for_segment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.segment if self.product_id is None else self.product_id}"
