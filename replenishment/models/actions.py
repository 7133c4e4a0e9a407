"""Actions that a plan proposes beside its orders: what to do about excess stock and late deliveries."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product
from replenishment.models.orders import PurchaseOrderLine
from replenishment.models.plans import PlanRun


class PlanAction(models.Model):
    """One action on one product at one location; money in the home currency, expected values."""

    class Kind(models.TextChoices):
        EXPEDITE = "expedite", _("Expedite")
        POSTPONE = "postpone", _("Postpone")
        CUT = "cut", _("Cut an open order")
        CANCEL = "cancel", _("Cancel an open order")
        TRANSFER = "transfer", _("Transfer")
        RETURN = "return", _("Return to the supplier")
        MARKDOWN = "markdown", _("Mark down")
        WRITE_OFF = "write-off", _("Write off")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        DISMISSED = "dismissed", _("Dismissed")

    plan_run = models.ForeignKey(
        PlanRun, verbose_name=_("plan run"), on_delete=models.CASCADE, related_name="actions", db_index=False
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    quantity = models.FloatField(_("quantity"), default=0.0)
    saving = models.FloatField(_("expected saving"), default=0.0)
    cost = models.FloatField(_("cost"), default=0.0)
    act_by = models.DateField(_("act by"), null=True, blank=True)
    order_line = models.ForeignKey(
        PurchaseOrderLine,
        verbose_name=_("order line"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    other_location = models.ForeignKey(
        Location,
        verbose_name=_("other location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    details = models.JSONField(_("details"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    comment = models.CharField(_("comment"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("proposed action")
        verbose_name_plural = _("proposed actions")
        ordering = ["-saving", "pk"]
        permissions = [("decide_planaction", "Can carry out or dismiss a proposed action")]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=0, cost__gte=0), name="action_is_not_negative"),
        ]
        indexes = [
            models.Index(fields=["plan_run", "state", "-saving"], name="action_state_saving"),
            models.Index(fields=["plan_run", "kind"], name="action_kind"),
            models.Index(fields=["plan_run", "location"], name="action_location"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_run_id}: {self.kind}"
