"""Purchase and transfer orders: a state machine with an append-only history, receipts, approval limits."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product, Supplier
from replenishment.models.plans import PlanRun, Suggestion


class PurchaseOrder(models.Model):
    """An order to one supplier, or a transfer from one location, for one delivery location."""

    class Kind(models.TextChoices):
        PURCHASE = "purchase", _("Purchase")
        TRANSFER = "transfer", _("Transfer")

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Submitted")
        APPROVED = "approved", _("Approved")
        SENT = "sent", _("Sent")
        PART_RECEIVED = "part-received", _("Received in part")
        CLOSED = "closed", _("Closed")
        CANCELLED = "cancelled", _("Cancelled")

    # The one table of what may follow what.
    TRANSITIONS: dict[str, tuple[str, ...]] = {
        State.DRAFT: (State.SUBMITTED, State.CANCELLED),
        State.SUBMITTED: (State.APPROVED, State.DRAFT, State.CANCELLED),
        State.APPROVED: (State.SENT, State.DRAFT, State.CANCELLED),
        State.SENT: (State.PART_RECEIVED, State.CLOSED, State.CANCELLED),
        State.PART_RECEIVED: (State.PART_RECEIVED, State.CLOSED),
        State.CLOSED: (),
        State.CANCELLED: (),
    }
    # What a person does to an order: the state that follows, and the permission it takes.
    # Receiving leads to "closed" instead when all of it is in.
    ACTIONS: dict[str, tuple[str, str]] = {
        "submit": (State.SUBMITTED, "submit_purchaseorder"),
        "approve": (State.APPROVED, "approve_purchaseorder"),
        "return": (State.DRAFT, "approve_purchaseorder"),
        "send": (State.SENT, "send_purchaseorder"),
        "receive": (State.PART_RECEIVED, "receive_purchaseorder"),
        "close": (State.CLOSED, "receive_purchaseorder"),
        "cancel": (State.CANCELLED, "cancel_purchaseorder"),
    }
    # Lines may be changed in these; an order that was submitted or approved falls back to draft.
    EDITABLE_STATES = (State.DRAFT, State.SUBMITTED, State.APPROVED)
    # Somebody has approved these: they say what is usual, and what of a budget is spent.
    SETTLED_STATES = (State.APPROVED, State.SENT, State.PART_RECEIVED, State.CLOSED)
    # What of these is not yet received counts as on order: nothing is bought twice.
    OPEN_STATES = (State.DRAFT, State.SUBMITTED, State.APPROVED, State.SENT, State.PART_RECEIVED)

    number = models.CharField(_("number"), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.PURCHASE)
    supplier = models.ForeignKey(
        Supplier,
        verbose_name=_("supplier"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
    )
    source = models.ForeignKey(
        Location,
        verbose_name=_("from location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transfers_out",
    )
    location = models.ForeignKey(
        Location, verbose_name=_("delivery location"), on_delete=models.PROTECT, related_name="orders"
    )
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=13, choices=State, default=State.DRAFT, db_index=True)
    plan_run = models.ForeignKey(
        PlanRun,
        verbose_name=_("plan run"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
    )
    # What an approver left out of an order went on as a draft of its own.
    split_from = models.ForeignKey(
        "self",
        verbose_name=_("split from"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="split_into",
    )
    expected_on = models.DateField(_("expected on"), null=True, blank=True)
    # Value in the home currency at the rate of its last change or step; null: no rate known then.
    home_value = models.DecimalField(_("value in home currency"), max_digits=16, decimal_places=2, null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+"
    )
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("submitted by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approved by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, db_index=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("purchase order")
        verbose_name_plural = _("purchase orders")
        ordering = ["-pk"]
        permissions = [
            ("submit_purchaseorder", "Can submit a purchase order"),
            ("approve_purchaseorder", "Can approve or return a purchase order"),
            ("send_purchaseorder", "Can send a purchase order"),
            ("receive_purchaseorder", "Can receive a purchase order"),
            ("cancel_purchaseorder", "Can cancel a purchase order"),
        ]
        constraints = [
            # Whoever made or submitted an order never approves it, superuser or not.
            models.CheckConstraint(
                condition=Q(approved_by=None)
                | (~Q(approved_by=F("created_by")) & ~Q(approved_by=F("submitted_by"))),
                name="purchase_order_is_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(kind="purchase", supplier__isnull=False, source=None)
                | (Q(kind="transfer", supplier=None, source__isnull=False) & ~Q(source=F("location"))),
                name="order_comes_from_a_supplier_or_a_location",
            ),
        ]
        indexes = [
            models.Index(fields=["supplier", "state"], name="order_supplier_state"),
            models.Index(fields=["location", "state"], name="order_location_state"),
            models.Index(fields=["source", "state"], name="order_source_state"),
        ]

    def __str__(self) -> str:
        return self.number

    def may_become(self, state: str) -> bool:
        """What the table of transitions allows; the goods of a transfer that has left can't be called off."""
        is_on_its_way = self.kind == self.Kind.TRANSFER and self.state == self.State.SENT
        return state in self.TRANSITIONS[self.state] and not (is_on_its_way and state == self.State.CANCELLED)


class PurchaseOrderLine(models.Model):
    """So many units of a product; `suggestion` is where the number came from."""

    order = models.ForeignKey(
        PurchaseOrder, verbose_name=_("order"), on_delete=models.CASCADE, related_name="lines", db_index=False
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+"
    )
    suggestion = models.ForeignKey(
        Suggestion,
        verbose_name=_("suggestion"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="lines",
    )
    article_number = models.CharField(_("supplier's article number"), max_length=64, blank=True)
    suggested_quantity = models.DecimalField(
        _("suggested quantity"), max_digits=14, decimal_places=3, null=True, blank=True
    )
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    received = models.DecimalField(_("received"), max_digits=14, decimal_places=3, default=Decimal(0))
    unit_cost = models.DecimalField(_("unit cost"), max_digits=14, decimal_places=4)

    class Meta:
        verbose_name = _("purchase order line")
        verbose_name_plural = _("purchase order lines")
        ordering = ["product"]
        constraints = [
            models.UniqueConstraint(fields=["order", "product"], name="order_line_product_is_unique"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, received__gte=0, unit_cost__gte=0),
                name="order_line_numbers_are_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.product_id}"

    @property
    def value(self) -> Decimal:
        """Quantity x unit cost, in the order's currency."""
        return self.quantity * self.unit_cost

    @property
    def outstanding(self) -> Decimal:
        """What is still to come (never negative: a supplier may deliver more than ordered)."""
        return max(self.quantity - self.received, Decimal(0))


class PurchaseOrderEvent(models.Model):
    """What happened to an order, who did it and when. Rows are only ever added; the database refuses more."""

    order = models.ForeignKey(
        PurchaseOrder, verbose_name=_("order"), on_delete=models.PROTECT, related_name="events"
    )
    action = models.CharField(_("action"), max_length=32)
    from_state = models.CharField(_("from"), max_length=13, blank=True)
    to_state = models.CharField(_("to"), max_length=13)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    comment = models.TextField(_("comment"), blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)

    class Meta:
        verbose_name = _("purchase order event")
        verbose_name_plural = _("purchase order events")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.action}"


class Receipt(models.Model):
    """Goods that came in on one order line. `key` makes a repeated call harmless."""

    line = models.ForeignKey(
        PurchaseOrderLine, verbose_name=_("line"), on_delete=models.PROTECT, related_name="receipts"
    )
    key = models.CharField(_("key"), max_length=64)
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    received_on = models.DateField(_("received on"))
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("received by"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints = [
            models.UniqueConstraint(fields=["line", "key"], name="receipt_is_unique"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="receipt_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.quantity}"


class ApprovalLimit(models.Model):
    """How much a user may approve on one order, in the home currency. No row: nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="approval_limit",
    )
    amount = models.DecimalField(_("amount in home currency"), max_digits=16, decimal_places=2)

    class Meta:
        verbose_name = _("approval limit")
        verbose_name_plural = _("approval limits")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="approval_limit_is_not_negative")
        ]

    def __str__(self) -> str:
        return str(self.user)
