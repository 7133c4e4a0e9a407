"""What needs a person today."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.models import ImportBatch, Job
from forecasting.models import ForecastRun
from replenishment.models import ApprovalLimit, PlanRun, PurchaseOrder, ReplayRun

State = PurchaseOrder.State
_RECENT_JOBS = 3


def orders_to_approve(user: User) -> QuerySet[PurchaseOrder]:
    """Submitted orders that this person could approve: of others, within the limit (or of unknown worth)."""
    orders = _orders().filter(state=State.SUBMITTED)
    limit = ApprovalLimit.objects.filter(user=user).values_list("amount", flat=True).first()
    if limit is None or not user.is_staff or not user.has_perm("replenishment.approve_purchaseorder"):
        return orders.none()
    return orders.exclude(Q(created_by=user) | Q(submitted_by=user)).filter(
        Q(home_value=None) | Q(home_value__lte=limit)
    )


def orders_late(*, today: date) -> QuerySet[PurchaseOrder]:
    """Orders that should have come in, the longest overdue first."""
    return (
        _orders()
        .filter(state__in=[State.SENT, State.PART_RECEIVED], expected_on__lt=today)
        .order_by("expected_on", "pk")
    )


def orders_in_hand(user: User) -> QuerySet[PurchaseOrder]:
    """Orders that this person made and has to take further: drafts to submit, approved ones to send."""
    return _orders().filter(created_by=user, state__in=[State.DRAFT, State.APPROVED])


def jobs_failed() -> list[ImportBatch | ForecastRun | PlanRun | ReplayRun]:
    """The newest jobs of each kind that failed and were not followed by one that worked; imports, by what is
    in them.
    """
    imported = ImportBatch.objects.filter(
        state=Job.State.DONE, kind=OuterRef("kind"), pk__gt=OuterRef("pk")
    ).order_by()
    failed: list[ImportBatch | ForecastRun | PlanRun | ReplayRun] = list(
        ImportBatch.objects.filter(~Exists(imported), state=Job.State.FAILED).order_by("-pk")[:_RECENT_JOBS]
    )
    for model in (ForecastRun, PlanRun, ReplayRun):
        jobs = model._base_manager.order_by("-pk")
        done = jobs.filter(state=Job.State.DONE).values_list("pk", flat=True).first()
        failed += list(jobs.filter(state=Job.State.FAILED, pk__gt=done or 0)[:_RECENT_JOBS])
    return failed


def jobs_last() -> dict[str, ImportBatch | ForecastRun | PlanRun]:
    """The newest import, forecast and plan that was started, by name; without their long columns."""
    found: dict[str, ImportBatch | ForecastRun | PlanRun | None] = {
        "import": ImportBatch.objects.exclude(options__has_key="draft")
        .defer("errors", "drops", "mapping")
        .order_by("-pk")
        .first(),
        "forecast": ForecastRun.objects.defer("report", "versions").order_by("-pk").first(),
        "plan": PlanRun.objects.defer("report").order_by("-pk").first(),
    }
    return {name: job for name, job in found.items() if job is not None}


def _orders() -> QuerySet[PurchaseOrder]:
    return PurchaseOrder.objects.select_related("supplier", "source", "location", "submitted_by").order_by(
        "pk"
    )
