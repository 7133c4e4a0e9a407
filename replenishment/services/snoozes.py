"""Snoozing products at a location: through plans, until a day or a stock level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from replenishment.models import PlanRun, Snooze, Suggestion
from replenishment.selectors.snoozes import snoozes_active, snoozes_over
from replenishment.services.errors import SuggestionError
from replenishment.services.plan_sums import sums_refresh
from replenishment.services.suggestion_changes import Edit, batches
from replenishment.services.suggestions import plan_latest_lock

State = Suggestion.State
_BATCH = 5_000


def snooze_check(*, until: date | None, stock_level: float | None) -> None:
    """SuggestionError unless it ends some day after today, or at a stock level of 0 or more."""
    if until is None and stock_level is None:
        raise SuggestionError(_("Say until when, or until what stock."))
    if until is not None and until <= catalog.today():
        raise SuggestionError(_("The day must lie ahead."))
    if stock_level is not None and not 0 <= stock_level < math.inf:
        raise SuggestionError(_("The stock level must be a number, 0 or more."))


def snoozes_begin(
    edits: Sequence[Edit], *, until: date | None, stock_level: float | None, reason: str, by_id: int
) -> None:
    """Write the snoozes of suggestions that are snoozed by these edits, in their transaction.

    One that is in force there, of an older plan, ends.
    """
    rows = [edit.suggestion for edit in edits]
    _end(rows)
    Snooze.objects.bulk_create(
        (
            Snooze(
                product_id=row.product_id,
                location_id=row.location_id,
                until=until,
                stock_level=stock_level,
                reason=reason.strip(),
                created_by_id=by_id,
            )
            for row in rows
        ),
        batch_size=_BATCH,
    )


def snoozes_follow(edits: Sequence[Edit]) -> None:
    """End the snoozes of suggestions that these edits wake, take those up again of what they snooze."""
    asleep = State.SNOOZED
    _end([edit.suggestion for edit in edits if edit.suggestion.state == asleep and edit.state != asleep])
    again = [edit.suggestion for edit in edits if edit.state == asleep and edit.suggestion.state != asleep]
    _end(again)
    for some in batches(again):
        products = {row.product_id for row in some}
        keys = {(row.product_id, row.location_id) for row in some}
        last: dict[tuple[int, int], int] = {}
        for pk, *key in (
            Snooze.objects.filter(product__in=products)
            .order_by("pk")
            .values_list("pk", "product_id", "location_id")
        ):
            last[key[0], key[1]] = pk
        Snooze.objects.filter(pk__in=[pk for key, pk in last.items() if key in keys]).update(ended_at=None)


def snoozes_apply(plan: PlanRun) -> None:
    """Snooze what is to sleep in a plan, when its suggestions are stored; those that are over end first.

    They end on the plan's day, or where its stock on hand is at their level or below. Before the plan's sums,
    in the transaction that stores it.
    """
    snoozes_over(plan.as_of, plan).update(ended_at=timezone.now())
    rows = Suggestion.objects.filter(plan_run=plan, state=State.OPEN)
    asleep = snoozes_active().filter(product=OuterRef("product"), location=OuterRef("location"))
    rows.filter(Exists(asleep)).update(state=State.SNOOZED)


def snoozes_end_due() -> int:
    """Wake the suggestions of the latest plan whose day has come today; how many woke.

    What the stock decides waits for the next plan, which knows it.
    """
    with transaction.atomic():
        plan = plan_latest_lock()
        over = snoozes_over(catalog.today())
        if plan is None:
            over.update(ended_at=timezone.now())
            return 0
        due = over.filter(product=OuterRef("product"), location=OuterRef("location"))
        rows = Suggestion.objects.filter(Exists(due), plan_run=plan, state=State.SNOOZED)
        suppliers = set(rows.order_by().values_list("supplier_id", flat=True).distinct())
        woken = rows.update(state=State.OPEN)
        over.update(ended_at=timezone.now())
        sums_refresh(plan, suppliers)
        return woken


def _end(rows: Sequence[Suggestion]) -> None:
    """End what is in force of these suggestions' products at their locations."""
    places: dict[int, list[int]] = {}
    for row in rows:
        places.setdefault(row.location_id, []).append(row.product_id)
    for location, products in places.items():
        for some in batches(products):
            snoozes_active().filter(location=location, product__in=some).update(ended_at=timezone.now())
