"""Trials of signals: whether a forecast that knows one is better than one that does not."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Job


class SignalTrial(Job):
    """One backtest with and without each signal, over rolling origins."""

    as_of = models.DateField(_("as of"), help_text=_("The last day whose facts were used."))
    known_at = models.DateTimeField(_("known at"), help_text=_("Facts recorded later were not used."))
    spec = models.JSONField(_("specification"), default=dict)
    report = models.JSONField(_("report"), default=dict, blank=True)

    class Meta:
        verbose_name = _("trial of signals")
        verbose_name_plural = _("trials of signals")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(_("Trial of signals %(number)s") % {"number": self.pk})


class SignalVerdict(models.Model):
    """What a trial found of one signal. `difference` is the loss with it less the one without: below 0 helps.

    `low` and `high` are its interval, `p_value` that of the paired test after its correction.
    """

    trial = models.ForeignKey(
        SignalTrial,
        verbose_name=_("trial"),
        on_delete=models.CASCADE,
        related_name="verdicts",
        db_index=False,
    )
    signal = models.CharField(_("signal"), max_length=80)
    wape_without = models.FloatField(_("WAPE without"))
    wape_with = models.FloatField(_("WAPE with"))
    pinball_without = models.FloatField(_("pinball loss without"), null=True)
    pinball_with = models.FloatField(_("pinball loss with"), null=True)
    difference = models.FloatField(_("difference"))
    low = models.FloatField(_("at least"))
    high = models.FloatField(_("at most"))
    p_value = models.FloatField(_("p-value"))
    origins = models.PositiveSmallIntegerField(_("origins"))
    used = models.BooleanField(_("used"))

    class Meta:
        verbose_name = _("verdict on a signal")
        verbose_name_plural = _("verdicts on signals")
        ordering = ["trial", "signal"]
        constraints = [models.UniqueConstraint(fields=["trial", "signal"], name="signal_verdict_is_unique")]

    def __str__(self) -> str:
        return f"{self.trial_id}: {self.signal}"
