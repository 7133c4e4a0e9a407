"""Shoppers' events: taken in, rolled up to counts by day, and let go when they are old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import Location, Product, ShopperEvent, SupersededFact
from catalog.selectors.calendar import today
from catalog.selectors.facts import column_from_json
from catalog.selectors.frames import read_frame
from catalog.services import staging
from catalog.services.errors import CatalogError
from catalog.services.rows import UpsertResult, rows_remove, rows_upsert
from catalog.tables import TABLES

_DAY = ("product_id", "location_id", "day")
_COUNTS = {
    "views": ShopperEvent.Kind.VIEW,
    "carts": ShopperEvent.Kind.CART,
    "wishlists": ShopperEvent.Kind.WISHLIST,
    "searches": ShopperEvent.Kind.SEARCH,
    "stock_requests": ShopperEvent.Kind.STOCK_REQUEST,
}
# Clocks of other machines may be ahead of ours by so much.
_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a shopper did, with codes as its sender knows them; `occurred_at` has a time zone."""

    source: str
    number: str
    kind: str
    sku: str
    location: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class EventProblem:
    """What is wrong with an event: its place in the batch from 0, the field, why."""

    place: int
    field: str
    reason: str


class EventsRefusedError(CatalogError):
    """Events that can't be taken; none of the batch was."""

    def __init__(self, problems: Sequence[EventProblem]) -> None:
        super().__init__(_("No event was taken."))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class EventsTaken:
    """How many events were new, how many had come before, and the days (of `behaviour_roll_up`) touched."""

    new: int
    repeated: int
    days: list[tuple[int, int, date]]


def events_kept_from() -> date:
    """The first day whose single events are kept; those of earlier days are neither taken nor counted."""
    return today() - timedelta(days=settings.FORESTOCK_EVENT_DAYS)


def events_record(*, events: Sequence[Event]) -> EventsTaken:
    """Store events, all or none. One whose source and number came before is left as it was.

    Their days are not counted yet: that is `behaviour_roll_up`. Raises `EventsRefusedError`.
    """
    products = dict(Product.objects.filter(sku__in={e.sku for e in events}).values_list("sku", "pk"))
    places = {place.code: place for place in Location.objects.filter(code__in={e.location for e in events})}
    first, latest = events_kept_from(), timezone.now() + _AHEAD
    problems: list[EventProblem] = []
    rows: dict[tuple[str, str], ShopperEvent] = {}
    for number, event in enumerate(events):
        place = places.get(event.location)
        if event.sku not in products:
            problems.append(EventProblem(number, "sku", _("is not a known SKU")))
        if place is None:
            problems.append(EventProblem(number, "location", _("is not a known location")))
            continue
        if event.occurred_at > latest:
            problems.append(EventProblem(number, "occurred_at", _("is in the future")))
            continue
        # (The first day that there is has no time zone to the west.)
        too_old = event.occurred_at.year < first.year - 1
        day = first if too_old else event.occurred_at.astimezone(ZoneInfo(place.time_zone)).date()
        if too_old or day < first:
            problems.append(EventProblem(number, "occurred_at", _("is before %s: too old") % first))
        if problems:
            continue
        rows.setdefault(
            (event.source, event.number),
            ShopperEvent(
                source=event.source,
                number=event.number,
                kind=event.kind,
                product_id=products[event.sku],
                location=place,
                occurred_at=event.occurred_at,
                day=day,
            ),
        )
    if problems:
        raise EventsRefusedError(problems)
    with transaction.atomic():
        stored = _events_stored(rows)
        new = [row for key, row in rows.items() if key not in stored]
        # Whoever sent the same events at the same time may have been first.
        ShopperEvent.objects.bulk_create(new, ignore_conflicts=True)
    # Those of repeated events too: whoever sends again may do so because nothing was counted.
    days = sorted({(row.product_id, row.location_id, row.day) for row in rows.values()})
    return EventsTaken(len(new), len(events) - len(new), days)


def _events_stored(keys: dict[tuple[str, str], ShopperEvent]) -> set[tuple[str, str]]:
    numbers: dict[str, list[str]] = {}
    for source, number in keys:
        numbers.setdefault(source, []).append(number)
    wanted = Q()
    for source, own in numbers.items():
        wanted |= Q(source=source, number__in=own)
    return set(ShopperEvent.objects.filter(wanted).values_list("source", "number")) if keys else set()


def behaviour_roll_up(*, keys: pl.DataFrame, recorded_at: datetime | None = None) -> UpsertResult:
    """Make the behaviour of these days (product_id, location_id, day) what their events say.

    A day whose totals an import gave keeps them: single events may be a part of what it counted. Days whose
    events are no longer kept stay as they are. A day that has no event left loses its record (its values are
    kept in the history). In the caller's transaction.
    """
    keys = keys.select(pl.col(name).cast(TABLES["behaviour"].schema[name]) for name in _DAY).unique()
    keys = keys.filter(pl.col("day") >= events_kept_from())
    if keys.is_empty():
        return UpsertResult(0, 0, 0)
    with transaction.atomic():
        # The same order as an import's own. Locked before counting: then nothing counted is out of date.
        staging.table_lock(TABLES["shopper_event"])
        staging.table_lock(TABLES["behaviour"])
        imported, counted = _counted(keys)
        open_keys = keys.join(imported, on=_DAY, how="anti")
        rolled = counted.join(imported, on=_DAY, how="anti")
        begin = timezone.now()
        result = rows_upsert(kind="behaviour", frame=rolled, batch=None, recorded_at=recorded_at)
        rows_remove(kind="behaviour", keys=open_keys.join(rolled, on=_DAY, how="anti"), batch=None)
        if result.changed:
            _passing_counts_forget(begin)
        return result


def _passing_counts_forget(since: datetime) -> None:
    """Of a day that is being counted again and again, no count that stood for less than a day is history."""
    SupersededFact.objects.filter(
        kind="behaviour",
        batch=None,
        superseded_by=None,
        superseded_at__gte=since,
        recorded_at__gt=F("superseded_at") - timedelta(days=1),
    ).delete()


def behaviour_roll_up_days(*, days: Sequence[tuple[int, int, date]]) -> UpsertResult:
    """`behaviour_roll_up` of days as `events_record` names them."""
    schema = {name: TABLES["behaviour"].schema[name] for name in _DAY}
    return behaviour_roll_up(keys=pl.DataFrame(days, schema=schema, orient="row"))


def _counted(keys: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of these days, those that an import gave, and what the events of each say."""
    events, behaviour = TABLES["shopper_event"], TABLES["behaviour"]
    schema = {name: behaviour.schema[name] for name in (*_DAY, *_COUNTS)}
    staging.stage(behaviour, keys, _DAY)
    days = ", ".join(f"t.{name}" for name in _DAY)
    match = staging.keys_match(behaviour, "s", "t")
    imported = read_frame(
        f"SELECT {days} FROM {staging.STAGED} s JOIN {behaviour.name} t ON {match}"  # noqa: S608
        " WHERE t.batch_id IS NOT NULL",
        schema={name: schema[name] for name in _DAY},
    )
    sums = ", ".join(
        f"SUM(CASE WHEN t.kind = '{kind.value}' THEN 1 ELSE 0 END) AS {name}"
        for name, kind in _COUNTS.items()
    )
    counted = read_frame(
        f"SELECT {days}, {sums} FROM {staging.STAGED} s JOIN {events.name} t ON {match}"  # noqa: S608
        f" GROUP BY {days}",
        schema=schema,
    )
    staging.stage_drop()
    return imported, counted


def events_days(batch_id: int) -> pl.DataFrame:
    """The days (product_id, location_id, day) that an import's events are on, or were on before it."""
    events = TABLES["shopper_event"]
    former = ", ".join(f"{column_from_json('shopper_event', name)} AS {name}" for name in _DAY)
    schema = {name: events.schema[name] for name in _DAY}
    return pl.concat(
        [
            read_frame(
                f"SELECT DISTINCT {', '.join(_DAY)} FROM {events.name} WHERE batch_id = %s",  # noqa: S608
                [batch_id],
                schema=schema,
            ),
            read_frame(
                f"SELECT DISTINCT {former} FROM {SupersededFact._meta.db_table} f"  # noqa: S608
                " WHERE f.kind = %s AND f.superseded_by_id = %s",
                ["shopper_event", batch_id],
                schema=schema,
            ),
        ]
    ).unique()


def behaviour_days(batch_id: int) -> pl.DataFrame:
    """The days (product_id, location_id, day) whose totals an import gave."""
    table = TABLES["behaviour"]
    return read_frame(
        f"SELECT {', '.join(_DAY)} FROM {table.name} WHERE batch_id = %s",  # noqa: S608
        [batch_id],
        schema={name: table.schema[name] for name in _DAY},
    )


def events_tidy() -> dict[str, int]:
    """Count the days of all kept events that were not counted, then let go of events of earlier days.

    What a lost worker left uncounted is caught up with. Their counts by day stay. Answers with how many days
    were new or changed, and how many events went.
    """
    first = events_kept_from()
    events = TABLES["shopper_event"]
    keys = read_frame(
        f"SELECT DISTINCT {', '.join(_DAY)} FROM {events.name} WHERE day >= %s",  # noqa: S608
        [first],
        schema={name: events.schema[name] for name in _DAY},
    )
    # A day at a time: whoever sends events meanwhile waits for one day's count, not for all.
    counts = [behaviour_roll_up(keys=own) for own in keys.partition_by("day")]
    with transaction.atomic():
        gone, _by_model = ShopperEvent.objects.filter(day__lt=first).delete()
        SupersededFact.objects.filter(kind="shopper_event", row__day__lt=first.isoformat()).delete()
    return {"days": sum(count.new + count.changed for count in counts), "events": gone}
