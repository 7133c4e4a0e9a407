"""What planners change in a forecast, and what came of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Location, Product


class ForecastOverride(models.Model):
    """A planner's change of the mean demand of some product-locations on some dates, with its reason.

    The scope is what all of `product`, `category` and `location` that are set have in common: one series, a
    product everywhere, a branch of the category tree, a location, or the whole shop. The model's own numbers
    stay as they are; readers of a distribution get both.
    """

    class Kind(models.TextChoices):
        """What `value` means."""

        ABSOLUTE = "absolute", _("Absolute: units in all, from the first to the last day")
        PERCENT = "percent", _("Percent: more or less than the model says")
        UPLIFT = "uplift", _("Uplift: units added in all, from the first to the last day")

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
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
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=3)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=300)
    expires_on = models.DateField(_("expires"), help_text=_("Forecasts as of this day or later ignore it."))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("withdrawn by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("forecast override")
        verbose_name_plural = _("forecast overrides")
        ordering = ["-pk"]
        permissions = [("withdraw_forecastoverride", "Can withdraw a forecast override")]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="override_days_in_order"),
            models.CheckConstraint(
                condition=Q(kind="percent", value__gte=-100)
                | Q(kind="uplift")
                | Q(kind="absolute", value__gte=0),
                name="override_value_is_possible",
            ),
        ]
        indexes = [models.Index(fields=["withdrawn_at", "expires_on"], name="override_in_force")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class OverrideScore(models.Model):
    """What an override did to the error, once its days have passed: forecast value added.

    Sums over the product-locations and periods that it changed and that are known, from frozen forecasts.
    They grow period by period: `as_of` is the last day that was looked at.
    """

    override = models.OneToOneField(
        ForecastOverride, verbose_name=_("override"), on_delete=models.CASCADE, related_name="score"
    )
    as_of = models.DateField(_("as of"))
    periods = models.PositiveIntegerField(_("periods"))
    actual = models.FloatField(_("units sold"))
    model_error = models.FloatField(_("absolute error of the model, units"))
    override_error = models.FloatField(_("absolute error with the override, units"))

    class Meta:
        verbose_name = _("score of an override")
        verbose_name_plural = _("scores of overrides")

    def __str__(self) -> str:
        return f"{self.override_id}: {self.value_added:+.1f}"

    @property
    def value_added(self) -> float:
        """Units of absolute error that the override took away; below 0: that it added."""
        return self.model_error - self.override_error
