"""Exceptions: what is out of order in stock, demand, supply and data, as cases that people take and close."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Location, Product, Supplier
from forecasting.models import ForecastRun
from replenishment.models.actions import PlanAction
from replenishment.models.orders import PurchaseOrder
from replenishment.models.plans import PlanRun


class ExceptionCase(models.Model):
    """One thing that is out of order: found again, it is the same case (`kind` and `key` are its name).

    `impact` is what it is expected to cost if nobody acts, in the home currency, by the rule of its kind
    (docs/exceptions.md); `details` holds the numbers that its sentence tells. `is_found`: the last search
    found it. A case that is not found any more closes by itself; one that a person closed stays closed until
    it has gone and come back, or its impact has doubled since (`closed_impact`).
    """

    class Kind(models.TextChoices):
        OUT_OF_STOCK = "out-of-stock", _("Out of stock")
        RUNS_OUT = "runs-out", _("Out before a receipt")
        LATE_ORDER = "late-order", _("Late order")
        SURPLUS_ON_ORDER = "surplus-on-order", _("Surplus on order")
        EXCESS = "excess", _("Excess stock")
        DEAD_STOCK = "dead-stock", _("Dead stock")
        TREND_FLIP = "trend-flip", _("Trend has turned")
        SPIKE = "spike", _("Demand spike")
        FORECAST_ALARM = "forecast-alarm", _("Forecast is off")
        SENTIMENT_DROP = "sentiment-drop", _("Reviews got worse")
        NO_LOOK_ALIKES = "no-look-alikes", _("New, without look-alikes")
        SUPPLIER_SLIPS = "supplier-slips", _("Supplier is slipping")
        COST_JUMP = "cost-jump", _("Cost has jumped")
        RATE_JUMP = "rate-jump", _("Exchange rate has jumped")
        MOQ_COVER = "moq-cover", _("MOQ lasts too long")
        NOT_PLANNED = "not-planned", _("Can't be planned")
        REJECTED_ROWS = "rejected-rows", _("Rows were rejected")
        FAILED_JOB = "failed-job", _("Job failed")

    class Measure(models.TextChoices):
        """What money an impact is. Sums over several measures are good for an order of work only."""

        MARGIN = "margin", _("margin")
        COST = "cost", _("cost")
        VALUE = "value", _("value of goods")
        NONE = "none", _("not known")

    class Group(models.TextChoices):
        STOCK = "stock", _("Stock")
        DEMAND = "demand", _("Demand")
        SUPPLY = "supply", _("Supply")
        SYSTEM = "system", _("Data and jobs")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        SNOOZED = "snoozed", _("Snoozed")
        CLOSED = "closed", _("Closed")

    KINDS: dict[str, tuple[str, ...]] = {
        Group.STOCK: (
            Kind.OUT_OF_STOCK,
            Kind.RUNS_OUT,
            Kind.LATE_ORDER,
            Kind.SURPLUS_ON_ORDER,
            Kind.EXCESS,
            Kind.DEAD_STOCK,
        ),
        Group.DEMAND: (
            Kind.TREND_FLIP,
            Kind.SPIKE,
            Kind.FORECAST_ALARM,
            Kind.SENTIMENT_DROP,
            Kind.NO_LOOK_ALIKES,
        ),
        Group.SUPPLY: (Kind.SUPPLIER_SLIPS, Kind.COST_JUMP, Kind.RATE_JUMP, Kind.MOQ_COVER),
        Group.SYSTEM: (Kind.NOT_PLANNED, Kind.REJECTED_ROWS, Kind.FAILED_JOB),
    }

    # docs/exceptions.md has the formula of each kind.
    MEASURES: dict[str, str] = {
        Kind.SURPLUS_ON_ORDER: Measure.COST,
        Kind.EXCESS: Measure.COST,
        Kind.DEAD_STOCK: Measure.COST,
        Kind.SUPPLIER_SLIPS: Measure.COST,
        Kind.COST_JUMP: Measure.COST,
        Kind.RATE_JUMP: Measure.COST,
        Kind.MOQ_COVER: Measure.COST,
        Kind.NO_LOOK_ALIKES: Measure.VALUE,
        Kind.REJECTED_ROWS: Measure.NONE,
    }

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    key = models.CharField(_("key"), max_length=80)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.OPEN)
    is_found = models.BooleanField(_("still there"), default=True)
    impact = models.FloatField(_("impact"), default=0.0, help_text=_("Home currency, if nobody acts."))
    details = models.JSONField(_("details"), default=dict, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    supplier = models.ForeignKey(
        Supplier,
        verbose_name=_("supplier"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    order = models.ForeignKey(
        PurchaseOrder,
        verbose_name=_("order"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # Plans and their actions may be deleted: the case outlives them.
    action = models.ForeignKey(
        PlanAction,
        verbose_name=_("proposed action"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    plan_run = models.ForeignKey(
        PlanRun,
        verbose_name=_("plan run"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    forecast_run = models.ForeignKey(
        ForecastRun,
        verbose_name=_("forecast run"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    first_seen = models.DateTimeField(_("since"), default=timezone.now)
    last_seen = models.DateTimeField(_("seen last"), default=timezone.now)
    snoozed_until = models.DateField(_("snoozed until"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("closed by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("Empty: it closed by itself."),
    )
    closed_impact = models.FloatField(_("impact when it was closed"), null=True, blank=True)
    comment = models.CharField(_("comment"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        ordering = ["-impact", "pk"]
        permissions = [("decide_exceptioncase", "Can assign, snooze and close exceptions")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="exception_is_unique"),
            models.CheckConstraint(condition=Q(impact__gte=0), name="exception_impact_is_not_negative"),
            models.CheckConstraint(
                condition=Q(state="snoozed", snoozed_until__isnull=False)
                | (~Q(state="snoozed") & Q(snoozed_until=None)),
                name="exception_snoozes_until_a_day",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at=None, closed_by=None)),
                name="exception_is_closed_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-impact", "id"], name="exception_state_impact"),
            models.Index(fields=["state", "kind", "-impact"], name="exception_state_kind"),
            models.Index(fields=["owner", "state", "-impact"], name="exception_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}"

    @property
    def measure(self) -> str:
        """What money its impact is: a `Measure`."""
        return self.MEASURES.get(self.kind, self.Measure.MARGIN)

    def get_measure(self) -> str:
        """Its measure in words."""
        return str(self.Measure(self.measure).label)

    @property
    def group(self) -> str:
        """The group that the kind belongs to."""
        return next(group for group, kinds in self.KINDS.items() if self.kind in kinds)


class ExceptionEvent(models.Model):
    """What happened to a case, who did it and when. Rows are only ever added; the database refuses more.

    Without an actor it was the search: found, found again, worse than when it was closed, gone, awake.
    """

    class Action(models.TextChoices):
        FOUND = "found", _("Found")
        REOPENED = "reopened", _("Opened again")
        WORSE = "worse", _("Worse than when it was closed")
        GONE = "gone", _("Not found any more")
        WOKEN = "woken", _("Awake again")
        ASSIGNED = "assigned", _("Assigned")
        RELEASED = "released", _("Given up")
        SNOOZED = "snoozed", _("Snoozed")
        CLOSED = "closed", _("Closed")
        FIXED = "fixed", _("Fixed")

    case = models.ForeignKey(
        ExceptionCase, verbose_name=_("exception"), on_delete=models.PROTECT, related_name="events"
    )
    action = models.CharField(_("action"), max_length=8, choices=Action)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    comment = models.CharField(_("comment"), max_length=200, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)

    class Meta:
        verbose_name = _("exception event")
        verbose_name_plural = _("exception events")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.action}"


class DigestChoice(models.Model):
    """Whether a person gets the daily e-mail about exceptions. No row: yes."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="exception_digest",
    )
    is_wanted = models.BooleanField(_("daily e-mail"), default=True)

    class Meta:
        verbose_name = _("choice of the daily e-mail")
        verbose_name_plural = _("choices of the daily e-mail")

    def __str__(self) -> str:
        return str(self.user_id)


class Digest(models.Model):
    """A daily e-mail to a person. The row is written before it goes out, so it goes out at most once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="+"
    )
    day = models.DateField(_("day"))
    cases = models.PositiveIntegerField(_("exceptions"), default=0)
    claimed_at = models.DateTimeField(_("begun"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("daily e-mail")
        verbose_name_plural = _("daily e-mails")
        ordering = ["-day", "user"]
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="digest_is_unique")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.day}"
