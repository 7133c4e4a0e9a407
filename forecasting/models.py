"""Forecast runs, the distributions that they stored, and their scores."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Job, Location, Product


class ForecastRun(Job):
    """One forecast of all product-locations: what was known, what was asked, and what came out."""

    as_of = models.DateField(_("as of"), help_text=_("The last day whose sales were used."))
    known_at = models.DateTimeField(_("known at"), help_text=_("Facts recorded later were not used."))
    spec = models.JSONField(_("specification"), default=dict)
    fingerprint = models.CharField(_("data fingerprint"), max_length=64, blank=True)
    versions = models.JSONField(_("versions"), default=dict, blank=True)
    series = models.PositiveIntegerField(_("product-locations"), default=0)
    report = models.JSONField(_("report"), default=dict, blank=True)
    artifact = models.CharField(_("artifact"), max_length=255, blank=True)
    pruned_at = models.DateTimeField(_("distributions pruned"), null=True, blank=True)

    class Meta:
        verbose_name = _("forecast run")
        verbose_name_plural = _("forecast runs")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(_("Forecast %(number)s") % {"number": self.pk})


class ForecastDistribution(models.Model):
    """The demand distribution of one product-location: little-endian float32 arrays.

    `mean` has shape (H,), `quantiles` and `cum_quantiles` (H, Q), for the run's H periods and the
    levels of `forecasting.core.distribution.QUANTILES`; units per period, and since the as-of date.
    """

    run = models.ForeignKey(
        ForecastRun,
        verbose_name=_("run"),
        on_delete=models.CASCADE,
        related_name="distributions",
        db_index=False,
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="+", db_index=False
    )
    model = models.CharField(_("model"), max_length=32)
    segment = models.CharField(_("segment"), max_length=32)
    pattern = models.CharField(_("demand pattern"), max_length=16)
    mean = models.BinaryField()
    quantiles = models.BinaryField()
    cum_quantiles = models.BinaryField()

    class Meta:
        verbose_name = _("demand distribution")
        verbose_name_plural = _("demand distributions")
        constraints = [
            models.UniqueConstraint(fields=["run", "product", "location"], name="distribution_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.product_id} @ {self.location_id}"


class AccuracySnapshot(models.Model):
    """A model's backtest scores in a segment, frozen: kept when the run's distributions are pruned."""

    run = models.ForeignKey(
        ForecastRun, verbose_name=_("run"), on_delete=models.SET_NULL, null=True, related_name="snapshots"
    )
    as_of = models.DateField(_("as of"), db_index=True)
    frequency = models.CharField(_("frequency"), max_length=1)
    horizon = models.PositiveSmallIntegerField(_("horizon"))
    model = models.CharField(_("model"), max_length=32)
    segment = models.CharField(_("segment"), max_length=32)
    is_champion = models.BooleanField(_("champion"), default=False)
    series = models.PositiveIntegerField(_("product-locations"))
    # wape, bias, mse, rmsse, pinball, cum_pinball, coverage ...: as forecasting.core.scores defines them.
    scores = models.JSONField(_("scores"), default=dict)

    class Meta:
        verbose_name = _("accuracy snapshot")
        verbose_name_plural = _("accuracy snapshots")
        ordering = ["-as_of", "segment", "model"]
        constraints = [
            models.UniqueConstraint(fields=["run", "model", "segment"], name="accuracy_snapshot_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.segment} {self.as_of}"
