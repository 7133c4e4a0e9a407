"""What the shop's data lacked on a day."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class DataHealth(models.Model):
    """The health of the data as last measured on a day: one row a day, the latest measurement of it.

    `report` is what `selectors.health.health_measured` gives: reading all facts takes too long for a page.
    """

    day = models.DateField(_("day"), unique=True)
    measured_at = models.DateTimeField(_("measured"), default=timezone.now)
    report = models.JSONField(_("report"), default=dict)

    class Meta:
        verbose_name = _("health of the data")
        verbose_name_plural = _("health of the data")
        ordering = ["-day"]

    def __str__(self) -> str:
        return str(self.day)
