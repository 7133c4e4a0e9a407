"""Edits of suggestions: those that were acted on, and how they did against the system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Max, Q, QuerySet, Sum

from forecasting import selectors as forecasting
from replenishment.models import EditScore, PurchaseOrderEvent, Suggestion, SuggestionChange
from replenishment.selectors.suggestions import has_demand_passed_on

# Money: less than this apart is a tie (replenishment.core.scoreboard.TIE).
TIE = 0.01
_KEPT_SECONDS = 600
BETTER, WORSE, EQUAL = Q(saved__gte=TIE), Q(saved__lte=-TIE), Q(saved__gt=-TIE, saved__lt=TIE)
# What edits can be told apart by: the column that names each group.
GROUPS = {
    "person": "suggestion__edited_by__username",
    "reason": "suggestion__edit_reason",
    "category": "suggestion__product__category__code",
}


@dataclass(frozen=True)
class Edit:
    """An edit that was acted on; the order's own days are `first_day` to `last_day`."""

    suggestion_id: int
    plan_run_id: int
    product_id: int
    location_id: int
    as_of: date
    quantity: float
    last_day: date
    edited_at: datetime | None
    scored_at: datetime | None
    has_demand_passed_on: bool

    @property
    def is_scored(self) -> bool:
        """Whether its score is of the edit as it stands."""
        return self.scored_at is not None and (self.edited_at is None or self.edited_at <= self.scored_at)


@dataclass(frozen=True)
class EditSum:
    """How the edits of a group did together; `saved` is home currency, against the system's quantities."""

    key: str
    edits: int
    better: int
    worse: int
    equal: int
    saved: float

    @property
    def size(self) -> float:
        """The money without its sign."""
        return abs(self.saved)

    @property
    def better_share(self) -> float | None:
        """Share of the edits that were better than the system."""
        return self.better / self.edits if self.edits else None


@dataclass(frozen=True)
class EditsOpen:
    """Edits without a score: those whose days are not over, and those that can't be judged."""

    pending: int
    unknown: int


def edits_acted_on() -> list[Edit]:
    """Edits that led to another order than the system's: drafted with another quantity, or rejected.

    An edit that was left lying, or taken back, counts for nothing. A rejection stands for a review period:
    the same product-location rejected again in later plans within it is the same decision.
    """
    rows = (
        Suggestion.objects.filter(edited_by__isnull=False)
        .filter(
            Q(state=Suggestion.State.REJECTED, order_quantity__gt=0)
            | Q(state=Suggestion.State.DRAFTED, edited_quantity__isnull=False)
            & ~Q(edited_quantity=F("order_quantity"))
        )
        .order_by("product_id", "location_id", "plan_run__as_of", "pk")
        .values_list(
            "pk",
            "plan_run_id",
            "product_id",
            "location_id",
            "plan_run__as_of",
            "state",
            "edited_quantity",
            "lead_time_days",
            "review_days",
            "edited_at",
            "edit_score__scored_at",
            "reason",
        )
    )
    found: list[Edit] = []
    held: tuple[tuple[int, int], date] | None = None
    for pk, plan, product, location, as_of, state, edited, lead, review, at, scored, reason in rows:
        is_rejected = state == Suggestion.State.REJECTED
        if is_rejected and held is not None and held[0] == (product, location) and as_of < held[1]:
            continue
        days = max(round(review or 0.0), 1)
        if is_rejected:
            held = (product, location), as_of + timedelta(days=days)
        last = as_of + timedelta(days=max(round(lead or 0.0), 0) + days)
        quantity = 0.0 if is_rejected else float(edited or 0.0)
        passed_on = has_demand_passed_on(reason)
        found.append(Edit(pk, plan, product, location, as_of, quantity, last, at, scored, passed_on))
    return found


def edits_open() -> EditsOpen:
    """How many edits have no score (yet), as of the last complete day with sales.

    Counted anew after each change, order event or scoring; kept for ten minutes at most.
    """
    changed = [
        model.objects.order_by("-pk").values_list("pk", flat=True).first()
        for model in (SuggestionChange, PurchaseOrderEvent)
    ]
    scored = EditScore.objects.aggregate(at=Max("scored_at"))["at"]
    key = f"edits-open:{changed[0]}:{changed[1]}:{scored and scored.timestamp()}"
    found: EditsOpen | None = cache.get(key)
    if found is None:
        found = _edits_open()
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _edits_open() -> EditsOpen:
    as_of = forecasting.as_of_default()
    unscored = [edit for edit in edits_acted_on() if not edit.is_scored]
    unknown = sum(
        edit.has_demand_passed_on or (as_of is not None and edit.last_day <= as_of) for edit in unscored
    )
    return EditsOpen(pending=len(unscored) - unknown, unknown=unknown)


def scores_list() -> QuerySet[EditScore]:
    """Scored edits with what pages show of them, the latest first."""
    rows = EditScore.objects.select_related(
        "suggestion__product__category",
        "suggestion__location",
        "suggestion__edited_by",
        "suggestion__plan_run",
    )
    # A plan's report is long, and the same for each of its edits.
    return rows.defer("suggestion__plan_run__report").order_by("-last_day", "-pk")


def scores_total(scores: QuerySet[EditScore]) -> EditSum:
    """All of these together."""
    return _sum("", scores.order_by().aggregate(**_SUMS))


def scores_by(scores: QuerySet[EditScore], group: str) -> list[EditSum]:
    """The edits of each of `GROUPS`, those that saved most first."""
    rows: Any = scores.order_by().values(key=F(GROUPS[group])).annotate(**_SUMS)
    sums = [_sum(row["key"] or "", row) for row in rows]
    return sorted(sums, key=lambda row: (-row.saved, row.key))


_SUMS: dict[str, Any] = {
    "edits": Count("pk"),
    "better": Count("pk", filter=BETTER),
    "worse": Count("pk", filter=WORSE),
    "equal": Count("pk", filter=EQUAL),
    "money": Sum("saved"),
}


def _sum(key: str, row: dict[str, Any]) -> EditSum:
    return EditSum(key, row["edits"], row["better"], row["worse"], row["equal"], float(row["money"] or 0.0))
