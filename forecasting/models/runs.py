"""Forecast runs and the distributions that they stored."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Job, Location, Product


class ForecastRun(Job):
    """One forecast of all product-locations: what was known, what was asked, and what came out."""

    class Kind(models.TextChoices):
        """How much a run learns anew."""

        FULL = "full", _("Full: backtest, choice of models, training")
        UPDATE = "update", _("Update: new sales through the trained models")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.FULL)
    trained_by = models.ForeignKey(
        "self",
        verbose_name=_("trained by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="updates",
        help_text=_("The full run whose models an update uses."),
    )
    same_as = models.ForeignKey(
        "self",
        verbose_name=_("same as"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="repeats",
        help_text=_("The earlier run whose results stand: nothing had changed since."),
    )
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
    `contributions` (H, G) splits the mean into the groups of `forecasting.core.explain.GROUPS`;
    `response` is how demand answers to price and promotion, as `forecasting.core.response.series` packs it;
    `corrections` holds where demand differs from sales, as `forecasting.core.cleaning.Corrections` packs it.
    All three are empty where a run did not make them. `own_share` is how much own sales count beside
    look-alikes, 0 to 1; null where look-alikes have no part.
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
    model = models.CharField(_("model"), max_length=64)
    segment = models.CharField(_("segment"), max_length=32)
    pattern = models.CharField(_("demand pattern"), max_length=16)
    mean = models.BinaryField()
    quantiles = models.BinaryField()
    cum_quantiles = models.BinaryField()
    contributions = models.BinaryField(default=b"", blank=True)
    corrections = models.BinaryField(default=b"", blank=True)
    response = models.BinaryField(default=b"", blank=True)
    own_share = models.FloatField(_("share of own sales"), null=True, blank=True)

    class Meta:
        verbose_name = _("demand distribution")
        verbose_name_plural = _("demand distributions")
        constraints = [
            models.UniqueConstraint(fields=["run", "product", "location"], name="distribution_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.product_id} @ {self.location_id}"
