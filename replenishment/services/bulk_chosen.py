"""The suggestions that an act is asked for, and how they stood when it was asked."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import QuerySet

from replenishment.models import PlanRun, Suggestion
from replenishment.services.suggestion_changes import batches
from replenishment.services.suggestions import plan_stale


class Stand(NamedTuple):
    """What people may have changed of a suggestion: a change of any of it is a change since."""

    state: str
    quantity: float | None
    terms_id: int | None


Chosen = Sequence[QuerySet[Suggestion]]
"""Which suggestions: all that a filter matches, or keys by thousands."""
Seen = dict[int, Stand]
"""How suggestions stood, by their keys."""

_NAMES = ("state", "edited_quantity", "terms_id")


def stand_of(row: Suggestion) -> Stand:
    """How it stands now."""
    return Stand(row.state, row.edited_quantity, row.terms_id)


def chosen(suggestion_ids: Iterable[int]) -> Chosen:
    """Suggestions by their keys."""
    keys = sorted(set(suggestion_ids))
    return [Suggestion.objects.filter(pk__in=some) for some in batches(keys)]


def seen_read(suggestions: Chosen, plan: PlanRun) -> Seen:
    """How these stand now; StaleError unless all are of the plan."""
    found: Seen = {}
    for part in suggestions:
        for pk, plan_id, *rest in part.order_by().values_list("pk", "plan_run_id", *_NAMES):
            if plan_id != plan.pk:
                raise plan_stale()
            found[pk] = Stand(*rest)
    return found


def seen_pack(seen: Seen) -> bytes:
    """As a job keeps it: Parquet."""
    import polars as pl

    frame = pl.DataFrame(
        [(pk, *stand) for pk, stand in seen.items()],
        schema={"id": pl.Int64, "state": pl.String, "quantity": pl.Float64, "terms_id": pl.Int64},
        orient="row",
    )
    table = io.BytesIO()
    frame.write_parquet(table, compression="zstd")
    return table.getvalue()


def seen_unpack(table: bytes | memoryview) -> Seen:
    """Back from `seen_pack`."""
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(bytes(table)))
    return {pk: Stand(*rest) for pk, *rest in frame.iter_rows()}
