"""Frozen scores: of models in segments, of each product-location, and who was champion when."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Location, Product
from forecasting.models.runs import ForecastRun


class AccuracySnapshot(models.Model):
    """A model's backtest scores in a segment, frozen: kept when the run's distributions are pruned."""

    run = models.ForeignKey(
        ForecastRun, verbose_name=_("run"), on_delete=models.SET_NULL, null=True, related_name="snapshots"
    )
    as_of = models.DateField(_("as of"), db_index=True)
    frequency = models.CharField(_("frequency"), max_length=1)
    horizon = models.PositiveSmallIntegerField(_("horizon"))
    model = models.CharField(_("model"), max_length=64)
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


class SeriesAccuracy(models.Model):
    """How a run's champion did on one product-location's held-out periods, as sums that can be added up.

    `sums` are little-endian float32 of shape (B, S): the bands of the horizon that
    `forecasting.core.accuracy` cuts, and its columns `SUMS`; a score of any group of rows follows from
    their total. Model, classes, category and price are those of the run: what changes later changes no score.
    """

    run = models.ForeignKey(
        ForecastRun,
        verbose_name=_("run"),
        on_delete=models.CASCADE,
        related_name="series_accuracy",
        db_index=False,
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="+", db_index=False
    )
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
    )
    model = models.CharField(_("model"), max_length=64)
    abc = models.CharField(_("ABC"), max_length=1, blank=True)
    xyz = models.CharField(_("XYZ"), max_length=1, blank=True)
    price = models.FloatField(_("price"), null=True, help_text=_("Mean price in the home currency."))
    left_out = models.PositiveIntegerField(_("stock-out periods left out"), default=0)
    sums = models.BinaryField()

    class Meta:
        verbose_name = _("accuracy of a product-location")
        verbose_name_plural = _("accuracy of product-locations")
        constraints = [
            models.UniqueConstraint(fields=["run", "product", "location"], name="series_accuracy_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.product_id} @ {self.location_id}"


class ChampionDecision(models.Model):
    """Who was champion of a segment, who challenged, and why the one or the other was taken."""

    run = models.ForeignKey(
        ForecastRun, verbose_name=_("run"), on_delete=models.CASCADE, related_name="decisions"
    )
    segment = models.CharField(_("segment"), max_length=32)
    champion = models.CharField(_("champion"), max_length=64)
    previous = models.CharField(_("champion before"), max_length=64, blank=True)
    challenger = models.CharField(_("best challenger"), max_length=64, blank=True)
    # Mean log score of the challenger less that of the champion before: below 0 the challenger is better.
    difference = models.FloatField(_("difference"), null=True)
    needed = models.FloatField(_("difference needed to switch"), null=True)
    switched = models.BooleanField(_("switched"), default=False)

    class Meta:
        verbose_name = _("choice of a champion")
        verbose_name_plural = _("choices of champions")
        ordering = ["-run", "segment"]
        constraints = [models.UniqueConstraint(fields=["run", "segment"], name="decision_is_unique")]

    def __str__(self) -> str:
        return f"{self.segment}: {self.champion}"
