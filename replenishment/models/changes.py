"""What people did with suggestions: a log, by which it can be undone step by step; and snoozes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product, SupplyTerms
from replenishment.models.plans import PlanRun, Suggestion


class SuggestionChange(models.Model):
    """One act of one person on one or many suggestions of a plan, written with what it changed."""

    class Kind(models.TextChoices):
        QUANTITY = "quantity", _("Quantity typed")
        SYSTEM = "system", _("Back to the system's quantity")
        SCALE = "scale", _("Quantities changed by a share")
        COVER = "cover", _("Cover set")
        MINIMUM = "minimum", _("Topped up to the minimum")
        PASTE = "paste", _("Quantities pasted")
        SUPPLIER = "supplier", _("Supplier changed")
        REJECT = "reject", _("Rejected")
        REOPEN = "reopen", _("Reopened")
        SNOOZE = "snooze", _("Snoozed")
        WAKE = "wake", _("Woken")
        UNDO = "undo", _("Undone")

    plan_run = models.ForeignKey(
        PlanRun, verbose_name=_("plan run"), on_delete=models.CASCADE, related_name="changes"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("who"), on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(_("when"), default=timezone.now)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    lines_count = models.PositiveIntegerField(_("suggestions"), default=0)
    # A change is undone at most once.
    undoes = models.OneToOneField(
        "self",
        verbose_name=_("undoes"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="undone_by",
    )

    class Meta:
        verbose_name = _("change of suggestions")
        verbose_name_plural = _("changes of suggestions")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["actor", "plan_run", "-id"], name="suggestion_change_actor")]

    def __str__(self) -> str:
        return f"{self.plan_run_id}: {self.kind}"


class SuggestionChangeLine(models.Model):
    """What a change made of one suggestion: before and after, of the parts that people may change."""

    change = models.ForeignKey(SuggestionChange, on_delete=models.CASCADE, related_name="lines")
    suggestion = models.ForeignKey(
        Suggestion, verbose_name=_("suggestion"), on_delete=models.CASCADE, related_name="changes"
    )
    state_before = models.CharField(_("state before"), max_length=8, choices=Suggestion.State)
    state_after = models.CharField(_("state after"), max_length=8, choices=Suggestion.State)
    # What a buyer had typed, or has: null is the system's.
    quantity_before = models.FloatField(_("quantity before"), null=True)
    quantity_after = models.FloatField(_("quantity after"), null=True)
    terms_before = models.ForeignKey(
        SupplyTerms,
        verbose_name=_("terms before"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
    )
    terms_after = models.ForeignKey(
        SupplyTerms,
        verbose_name=_("terms after"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
    )
    # Who had signed the edit before, and why: an undo puts them back.
    edited_by_before = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    edited_at_before = models.DateTimeField(null=True)
    reason_before = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("changed suggestion")
        verbose_name_plural = _("changed suggestions")
        constraints = [
            models.UniqueConstraint(fields=["change", "suggestion"], name="suggestion_change_line_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.change_id}: {self.suggestion_id}"


class Snooze(models.Model):
    """A product at a location that nobody wants to see suggested, until a day or a stock level.

    It outlives plans: the suggestions of later ones are snoozed too, until it has ended. It ends on `until`,
    or when the stock on hand is at `stock_level` or below, whichever comes first.
    """

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="snoozes"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.CASCADE, related_name="+"
    )
    until = models.DateField(_("until"), null=True, blank=True)
    stock_level = models.FloatField(_("until the stock is at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("snooze")
        verbose_name_plural = _("snoozes")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "location"], condition=Q(ended_at=None), name="snooze_is_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=False) | Q(stock_level__isnull=False), name="snooze_has_an_end"
            ),
            models.CheckConstraint(
                condition=Q(stock_level=None) | Q(stock_level__gte=0), name="snooze_level_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} @ {self.location_id}"
