"""Plan runs and their suggestions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext_lazy as _

from catalog.models import Job, Location, Product, Supplier, SupplyTerms
from forecasting.models import ForecastRun
from replenishment.models.settings import PolicyRule

# How the reason of a row that could not be planned begins.
EXCEPTION = "exception:"
_FINAL = Coalesce("edited_quantity", "order_quantity")


class PlanRun(Job):
    """One plan: what to order as of a date, from one forecast run and the stock known then."""

    forecast_run = models.ForeignKey(
        ForecastRun, verbose_name=_("forecast run"), on_delete=models.PROTECT, related_name="plans"
    )
    as_of = models.DateField(_("as of"))
    spec = models.JSONField(_("specification"), default=dict)
    suggestions_count = models.PositiveIntegerField(_("suggestions"), default=0)
    exceptions_count = models.PositiveIntegerField(_("exceptions"), default=0)
    report = models.JSONField(_("report"), default=dict, blank=True)
    previous = models.ForeignKey(
        "self",
        verbose_name=_("compared with"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name = _("plan run")
        verbose_name_plural = _("plan runs")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(_("Plan %(id)s") % {"id": self.pk})

    @property
    def items_table(self) -> bytes:
        """What the core planned, as Parquet (`services.plan_items`); empty where none is kept."""
        table = PlanItems.objects.filter(plan_run=self).values_list("table", flat=True).first()
        return bytes(table or b"")


class PlanItems(models.Model):
    """The items of a plan as its arithmetic took them: apart from the plan's row, being megabytes long."""

    plan_run = models.OneToOneField(
        PlanRun, verbose_name=_("plan run"), on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    table = models.BinaryField()

    class Meta:
        verbose_name = _("items of a plan")
        verbose_name_plural = _("items of plans")

    def __str__(self) -> str:
        return str(self.plan_run_id)


class Suggestion(models.Model):
    """What to order of one product for one location, and the arithmetic: contract 3.

    expected_demand + safety_stock - on_hand - on_order + allocated = net_need, and
    net_need + all adj_ terms = order_quantity, exactly: all are multiples of 2**-26 units.
    previous_quantity + all change_ terms = order_quantity in the same way, where the plan before had the row.
    """

    # What leads from the net need to the quantity, in the order in which it adds up.
    TERMS = (
        "adj_not_due",
        "adj_cycle",
        "adj_moq",
        "adj_multiple",
        "adj_max",
        "adj_shelf_life",
        "adj_price_break",
        "adj_transfer",
        "adj_calm",
        "adj_supplier_minimum",
        "adj_container",
        "adj_budget",
    )
    ROUNDING = (
        "adj_moq",
        "adj_multiple",
        "adj_price_break",
        "adj_supplier_minimum",
        "adj_container",
    )
    # (P90 - P50) / P50 above which demand is too wide to be trusted.
    WIDE = 2.0
    # What leads from the quantity of the plan before to this one.
    CHANGES = (
        "change_demand",
        "change_stock",
        "change_lead_time",
        "change_price",
        "change_rule",
        "change_other",
    )

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DRAFTED = "drafted", _("In an order")
        REJECTED = "rejected", _("Rejected")
        SNOOZED = "snoozed", _("Snoozed")

    class Lane(models.TextChoices):
        """Where the workbench shows it: follows from the state and the quantity."""

        ORDER = "order", _("To order")
        WAITING = "waiting", _("Not due")
        EXCEPTION = "exception", _("Blocked")
        DRAFTED = "drafted", _("In orders")
        REJECTED = "rejected", _("Rejected")
        SNOOZED = "snoozed", _("Snoozed")

    plan_run = models.ForeignKey(
        PlanRun,
        verbose_name=_("plan run"),
        on_delete=models.CASCADE,
        related_name="suggestions",
        db_index=False,
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+"
    )
    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="+"
    )
    supplier = models.ForeignKey(
        Supplier, verbose_name=_("supplier"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    terms = models.ForeignKey(SupplyTerms, on_delete=models.SET_NULL, null=True, related_name="+")

    # The arithmetic, in stock units.
    on_hand = models.FloatField(_("on hand"), null=True)
    stock_day = models.DateField(_("stock as of"), null=True)
    stock_is_assumed = models.BooleanField(_("stock assumed"), default=False)
    on_order = models.FloatField(_("on order"), default=0.0)
    on_order_late = models.FloatField(
        _("of it late"), default=0.0, help_text=_("Expected before the plan's day.")
    )
    allocated = models.FloatField(_("allocated"), default=0.0)
    expected_demand = models.FloatField(_("expected demand"), null=True)
    safety_stock = models.FloatField(_("safety stock"), null=True)
    reorder_point = models.FloatField(_("reorder point"), null=True)
    order_up_to = models.FloatField(_("order-up-to level"), null=True)
    net_need = models.FloatField(_("net need"), null=True)
    adj_not_due = models.FloatField(_("not due yet"), null=True)
    adj_cycle = models.FloatField(_("cycle stock"), null=True)
    adj_moq = models.FloatField(_("MOQ"), null=True)
    adj_multiple = models.FloatField(_("order multiple"), null=True)
    adj_max = models.FloatField(_("maximum stock"), null=True)
    adj_shelf_life = models.FloatField(_("shelf life"), null=True)
    adj_price_break = models.FloatField(_("price break"), null=True)
    adj_transfer = models.FloatField(_("transfer instead"), null=True)
    adj_calm = models.FloatField(_("kept as before"), null=True)
    adj_supplier_minimum = models.FloatField(_("supplier's minimum"), null=True)
    adj_container = models.FloatField(_("container"), null=True)
    adj_budget = models.FloatField(_("budget"), null=True)
    order_quantity = models.FloatField(_("order quantity"), default=0.0)
    expected_fill_rate = models.FloatField(_("expected fill rate"), null=True)
    expected_cycle_service = models.FloatField(_("expected cycle service level"), null=True)
    policy = models.CharField(_("policy"), max_length=32, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    # What changed since the plan before.
    previous_quantity = models.FloatField(_("quantity before"), null=True)
    change_demand = models.FloatField(_("change by demand"), null=True)
    change_stock = models.FloatField(_("change by stock"), null=True)
    change_lead_time = models.FloatField(_("change by lead time"), null=True)
    change_price = models.FloatField(_("change by prices"), null=True)
    change_rule = models.FloatField(_("change by rules"), null=True)
    change_other = models.FloatField(_("change by supplier, transfers and budget"), null=True)

    # What the arithmetic used, and what the workbench sorts and filters by.
    rule = models.ForeignKey(
        PolicyRule, verbose_name=_("policy rule"), on_delete=models.SET_NULL, null=True, related_name="+"
    )
    target_kind = models.CharField(_("kind of target"), max_length=8, blank=True)
    target = models.FloatField(_("target"), null=True)
    lead_time_days = models.FloatField(_("lead time (days)"), null=True)
    lead_time_sd_days = models.FloatField(_("lead time spread (days)"), null=True)
    lead_time_receipts = models.PositiveIntegerField(
        _("receipts behind the lead time"), default=0, help_text=_("0: as stated.")
    )
    order_on = models.DateField(_("next order day"), null=True)
    review_days = models.FloatField(_("review period (days)"), null=True)
    demand_p50 = models.FloatField(_("demand P50"), null=True, help_text=_("Over lead time + review."))
    demand_p90 = models.FloatField(_("demand P90"), null=True, help_text=_("Over lead time + review."))
    daily_demand = models.FloatField(_("demand per day"), null=True)
    cover_days = models.FloatField(_("days of cover"), null=True)
    stock_out_on = models.DateField(_("stock-out date"), null=True)
    order_by = models.DateField(_("order by"), null=True)
    unit_cost = models.DecimalField(_("unit cost"), max_digits=14, decimal_places=4, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    landed_cost = models.FloatField(_("landed cost"), null=True, help_text=_("Of a unit, home currency."))
    terms_are_assumed = models.BooleanField(_("terms assumed"), default=False)
    home_unit_cost = models.FloatField(
        _("unit cost in home currency"), null=True, help_text=_("At the exchange rate of the plan's day.")
    )
    home_value = models.FloatField(_("value in home currency"), null=True)
    excess = models.FloatField(
        _("excess"), null=True, help_text=_("Units free on hand above the order-up-to level.")
    )
    excess_value = models.FloatField(_("value of the excess"), null=True)
    margin_at_risk = models.FloatField(_("margin at risk"), null=True)
    abc = models.CharField(_("ABC"), max_length=1, blank=True)
    xyz = models.CharField(_("XYZ"), max_length=1, blank=True)
    pattern = models.CharField(_("demand pattern"), max_length=16, blank=True)
    model = models.CharField(_("forecast model"), max_length=32, blank=True)
    is_new = models.BooleanField(_("new"), default=False, help_text=_("Its forecast leans on look-alikes."))

    # What people did with it. The system's number above is never overwritten.
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    edited_quantity = models.FloatField(_("edited quantity"), null=True, blank=True)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("edited by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    edited_at = models.DateTimeField(_("edited at"), null=True, blank=True)
    edit_reason = models.CharField(_("reason of the edit"), max_length=200, blank=True)
    planned_with = models.JSONField(
        _("planned with"),
        null=True,
        blank=True,
        default=None,
        help_text=_("The plan's supplier and costs, where a buyer chose another supplier."),
    )

    # What follows, kept by the database so that lists sort and filter by it.
    final = models.GeneratedField(
        verbose_name=_("final quantity"), expression=_FINAL, output_field=models.FloatField(), db_persist=True
    )
    final_value = models.GeneratedField(
        verbose_name=_("final value in home currency"),
        expression=_FINAL * F("home_unit_cost"),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )
    return_rate = models.GeneratedField(
        verbose_name=_("return"),
        expression=F("margin_at_risk") / NullIf(_FINAL * F("home_unit_cost"), Value(0.0)),
        output_field=models.FloatField(null=True),
        db_persist=True,
        help_text=_("Margin at risk per unit of money spent."),
    )
    change = models.GeneratedField(
        verbose_name=_("change since the plan before"),
        expression=F("order_quantity") - F("previous_quantity"),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )
    spread = models.GeneratedField(
        verbose_name=_("spread of demand"),
        expression=(F("demand_p90") - F("demand_p50")) / NullIf(F("demand_p50"), Value(0.0)),
        output_field=models.FloatField(null=True),
        db_persist=True,
        help_text=_("P90 less P50, as a share of P50."),
    )
    lane = models.GeneratedField(
        verbose_name=_("lane"),
        expression=Case(
            *(When(state=state, then=Value(state)) for state in ("drafted", "rejected", "snoozed")),
            When(
                Q(edited_quantity__gt=0) | Q(edited_quantity=None, order_quantity__gt=0), then=Value("order")
            ),
            When(Q(reason__startswith=EXCEPTION), then=Value("exception")),
            default=Value("waiting"),
        ),
        output_field=models.CharField(max_length=9, choices=Lane),
        db_persist=True,
    )

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = [F("margin_at_risk").desc(nulls_last=True), "pk"]
        permissions = [
            ("edit_suggestion_quantity", "Can edit a suggestion's quantity or reject it"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["plan_run", "product", "location"], name="suggestion_is_unique"),
            models.CheckConstraint(condition=Q(order_quantity__gte=0), name="suggestion_is_not_negative"),
            models.CheckConstraint(
                condition=Q(edited_quantity=None) | Q(edited_quantity__gte=0),
                name="suggestion_edit_is_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["plan_run", "supplier"], name="suggestion_supplier"),
            # All that lists filter, sort and sum by: PostgreSQL reads this index instead of the wide rows.
            models.Index(
                fields=["plan_run", "lane", "supplier", "location"],
                include=[
                    "currency",
                    "product",
                    "abc",
                    "xyz",
                    "pattern",
                    "rule",
                    "on_hand",
                    "on_order",
                    "on_order_late",
                    "allocated",
                    "cover_days",
                    "lead_time_days",
                    "daily_demand",
                    "order_by",
                    "demand_p50",
                    "net_need",
                    "final",
                    "final_value",
                    "margin_at_risk",
                    "expected_fill_rate",
                    "landed_cost",
                    "return_rate",
                    "change",
                    "spread",
                    "excess_value",
                    "is_new",
                ],
                name="suggestion_listed",
            ),
            # The few that people changed, of all plans.
            models.Index(
                fields=["product", "location"], condition=Q(edited_by__isnull=False), name="suggestion_edited"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_run_id}: {self.product_id} @ {self.location_id}"

    @property
    def final_quantity(self) -> float:
        """What would be ordered: the buyer's number where there is one, else the system's."""
        return self.order_quantity if self.edited_quantity is None else self.edited_quantity

    @property
    def rounding(self) -> float | None:
        """Units that packs, MOQ, price breaks, the supplier's minimum and containers add to the need."""
        terms = [getattr(self, name) for name in self.ROUNDING]
        return None if all(term is None for term in terms) else sum(term or 0.0 for term in terms)

    @property
    def confidence(self) -> str:
        """How far its numbers can be trusted: "high", "medium" or "low".

        Low: the stock is assumed, the product is new, or P90 is more than three times P50. Medium: the terms
        are assumed, or P90 is more than twice P50.
        """
        spread = self.spread if self.spread is not None else 0.0
        if self.stock_is_assumed or self.is_new or spread > self.WIDE:
            return "low"
        return "medium" if self.terms_are_assumed or spread > self.WIDE / 2 else "high"
