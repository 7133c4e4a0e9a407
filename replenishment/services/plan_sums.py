"""Keeping the sums of a plan's suggestions: all of them with the plan, a supplier's anew with each change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from catalog.models import Supplier
from replenishment.models import PlanItems, PlanRun, PlanSum, Suggestion
from replenishment.selectors.plan_sums import GROUP, suggestions_summed
from replenishment.services.bulk_sql import rows_update

_BATCH = 2_000
_FEW = 20


def sums_store(plan: PlanRun) -> None:
    """Write the sums of a plan; call in the transaction that writes its suggestions."""
    PlanSum.objects.filter(plan_run=plan).delete()
    rows = suggestions_summed(Suggestion.objects.filter(plan_run=plan), plan)
    PlanSum.objects.bulk_create((PlanSum(plan_run=plan, **row) for row in rows), batch_size=_BATCH)


def sums_refresh(plan: PlanRun, supplier_ids: Iterable[int | None]) -> None:
    """Work out a plan's sums of these suppliers anew, in the transaction that changed their suggestions.

    Call it last: who changes suggestions of the same supplier at the same time waits here, and then counts
    what the other has written.
    """
    wanted = set(supplier_ids)
    if not wanted:
        return
    known = sorted(pk for pk in wanted if pk is not None)
    # The lock is the supplier's row, which is there before any sum of it; without one, that of the plan's
    # items. Not the plan's own: it is locked before suggestions, so who holds one may not wait for it.
    list(Supplier.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk").only("pk"))
    if None in wanted:
        list(PlanItems.objects.select_for_update(no_key=True).filter(plan_run=plan).only("pk"))
    # A statement for each of a few: rows of one supplier are read by their index.
    few = len(wanted) <= _FEW
    for which in [Q(supplier=pk) for pk in known] if few else [Q(supplier__in=known)]:
        _refresh(plan, which)
    if None in wanted:
        _refresh(plan, Q(supplier=None))


def _refresh(plan: PlanRun, which: Q) -> None:
    found = {
        _key(row): row for row in suggestions_summed(Suggestion.objects.filter(which, plan_run=plan), plan)
    }
    kept = list(PlanSum.objects.filter(which, plan_run=plan))
    changed: list[PlanSum] = []
    gone: list[int] = []
    names: set[str] = set()
    for held in kept:
        row = found.pop((held.supplier_id, held.location_id, held.currency), None)
        if row is None:
            gone.append(held.pk)
            continue
        moved = {name for name, value in row.items() if getattr(held, name) != value}
        if moved:
            for name in moved:
                setattr(held, name, row[name])
            names |= moved
            changed.append(held)
    if changed:
        columns = sorted(names)
        values = ([*(getattr(held, name) for name in columns), held.pk] for held in changed)
        rows_update(PlanSum, columns, values)
    if gone:
        PlanSum.objects.filter(pk__in=gone).delete()
    if found:
        PlanSum.objects.bulk_create(PlanSum(plan_run=plan, **row) for row in found.values())


def _key(row: dict[str, Any]) -> tuple[int | None, int, str]:
    supplier, location, currency = (row[name] for name in GROUP)
    return supplier, location, currency
