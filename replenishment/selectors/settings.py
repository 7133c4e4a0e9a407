"""Policy rules in the order in which they win, and what happened to rules and budgets."""

from __future__ import annotations

from django.db.models import Case, Count, F, IntegerField, QuerySet, Value, When

from replenishment.models import PlanRun, PolicyRule, SettingEvent, Suggestion


def rules_list() -> QuerySet[PolicyRule]:
    """All rules, the most specific first; with `weight`, which the plan compares them by."""
    weights = {"product": 32, "category": 16, "supplier": 8, "location": 4, "abc": 2, "xyz": 1}
    empty = {name: {name: ""} if name in ("abc", "xyz") else {f"{name}__isnull": True} for name in weights}
    parts = [
        Case(When(**empty[name], then=Value(0)), default=Value(value), output_field=IntegerField())
        for name, value in weights.items()
    ]
    return (
        PolicyRule.objects.select_related("product", "category", "supplier", "location")
        .annotate(weight=sum(parts, start=Value(0)))
        .order_by("-weight", "name")
    )


def rules_used(plan: PlanRun | None) -> dict[int, int]:
    """How many rows of a plan each rule won, by its id."""
    if plan is None:
        return {}
    rows = (
        Suggestion.objects.filter(plan_run=plan, rule__isnull=False)
        .order_by()
        .values("rule_id")
        .annotate(n=Count("pk"))
    )
    return {row["rule_id"]: row["n"] for row in rows if row["rule_id"] is not None}


def setting_events(kind: str, object_id: int | None = None) -> QuerySet[SettingEvent]:
    """What happened to rules ("policyrule") or budgets ("budget"), newest first."""
    events = SettingEvent.objects.filter(kind=kind).select_related("actor").order_by(F("pk").desc())
    return events if object_id is None else events.filter(object_id=object_id)
