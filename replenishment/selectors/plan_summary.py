"""A plan as a whole: what changed since the one before, in money, and which rows changed most."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import (
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Abs, Cast, Coalesce

from replenishment.models import PlanRun, Suggestion


@dataclass(frozen=True)
class Change:
    """One term between two plans: units over all rows, and how many rows it moved."""

    key: str
    units: float
    rows: int


@dataclass(frozen=True)
class Changes:
    """From the units ordered by the plan before to those of this one: before + terms + new - gone = after.

    `new` are those of rows that the plan before had not, `gone` what it ordered in rows that are no more.
    """

    before: float
    terms: list[Change]
    new: float
    gone: float
    after: float


def plans_list() -> QuerySet[PlanRun]:
    """All plans, newest first, each with what its orders are `worth` (home currency).

    Their reports, and those of their forecasts, are read when somebody asks for them.
    """
    plans = PlanRun.objects.select_related("forecast_run", "created_by")
    worth = Cast(KT("report__home_value"), FloatField())
    return plans.annotate(worth=worth).defer("report", "forecast_run__report").order_by("-pk")


def plan_changes(plan: PlanRun) -> Changes | None:
    """What moved the units of a plan since the one before; None where there is nothing to compare with."""
    rows = Suggestion.objects.filter(plan_run=plan).order_by()
    sums = rows.aggregate(
        known=Count("pk", filter=Q(previous_quantity__isnull=False)),
        before=Coalesce(Sum("previous_quantity"), Value(0.0)),
        after=Coalesce(Sum("order_quantity"), Value(0.0)),
        new=Coalesce(Sum("order_quantity", filter=Q(previous_quantity=None)), Value(0.0)),
        **{f"{name}_units": Coalesce(Sum(name), Value(0.0)) for name in Suggestion.CHANGES},
        **{
            f"{name}_rows": Count("pk", filter=~Q(**{name: 0}) & Q(**{f"{name}__isnull": False}))
            for name in Suggestion.CHANGES
        },
    )
    if not sums["known"]:
        return None
    kept = Suggestion.objects.filter(
        plan_run=plan, product=OuterRef("product"), location=OuterRef("location")
    )
    gone = Suggestion.objects.filter(~Exists(kept), plan_run=plan.previous_id).aggregate(
        units=Coalesce(Sum("order_quantity"), Value(0.0))
    )["units"]
    return Changes(
        before=sums["before"] + gone,
        terms=[Change(name, sums[f"{name}_units"], sums[f"{name}_rows"]) for name in Suggestion.CHANGES],
        new=sums["new"],
        gone=gone,
        after=sums["after"],
    )


def most_changed(plan: PlanRun, count: int) -> list[Suggestion]:
    """The rows whose order changed most in money since the plan before, with `moved` (their currency)."""
    moved = ExpressionWrapper(
        (F("order_quantity") - F("previous_quantity")) * Cast("unit_cost", FloatField()),
        output_field=FloatField(),
    )
    return list(
        Suggestion.objects.filter(plan_run=plan, previous_quantity__isnull=False)
        .exclude(order_quantity=F("previous_quantity"))
        .select_related("product", "location", "supplier")
        .annotate(moved=moved)
        .order_by(Abs("moved").desc(nulls_last=True), "pk")[:count]
    )
