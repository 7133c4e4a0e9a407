"""Who outside the shop may see what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.places import Location
from catalog.models.supply import Supplier


class PartnerAccount(models.Model):
    """Binds a user to one supplier, or to one sales channel (a location): they see nothing else."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="partner"
    )
    supplier = models.ForeignKey(
        Supplier,
        verbose_name=_("supplier"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    location = models.ForeignKey(
        Location, verbose_name=_("channel"), on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("partner account")
        verbose_name_plural = _("partner accounts")
        constraints = [
            models.CheckConstraint(
                condition=Q(supplier=None, location__isnull=False) | Q(supplier__isnull=False, location=None),
                name="partner_is_one_supplier_or_one_channel",
            )
        ]

    def __str__(self) -> str:
        return str(self.user)


class UserPreference(models.Model):
    """The language that a person reads, and the country whose way to write dates and numbers they use.

    Empty: what their browser asks for, and what the language does.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="preference",
    )
    language = models.CharField(_("language"), max_length=10, blank=True)
    region = models.CharField(_("formats"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2."))

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return str(self.user)
