"""An import taken back: as if it had never been, but with its history kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
from django.db import transaction
from django.db.models import F, ForeignKey, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import ImportBatch, StockLevel, SupersededFact
from catalog.selectors.facts import column_from_json
from catalog.services import staging
from catalog.services.behaviour import behaviour_days, behaviour_roll_up, events_days
from catalog.services.errors import CatalogError
from catalog.services.picture_import import pictures_take_back
from catalog.services.rows import supersede
from catalog.services.sales import lines_days, sales_roll_up
from catalog.tables import TABLES, Table

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_BACK = "staged_back"
_HISTORY = SupersededFact._meta.db_table
_DAY = ("product_id", "location_id", "day")


def batch_take_back(*, batch: ImportBatch, acting_user: AbstractBaseUser) -> None:
    """Undo an import: what it added goes, what it replaced gets its old values back; sales roll up again.

    The import's own values are kept in `SupersededFact`, so that what was known in between can be replayed.
    Taking back twice does nothing more. Raises `CatalogError` where a later change stands upon its rows (it
    names the import), where something else uses its rows (it names what), or if it has not finished.
    """
    with transaction.atomic():
        locked = ImportBatch.objects.select_for_update().get(pk=batch.pk)
        if locked.taken_back_at is not None:
            return
        if locked.state != ImportBatch.State.DONE:
            raise CatalogError(_("Only an import that is done can be taken back."))
        for table in TABLES.values():
            staging.table_lock(table)
        written = {table.kind: table for table in TABLES.values() if _has_rows(table, locked.pk)}
        days = lines_days(locked.pk) if "order_lines" in written else None
        if days is not None:
            # These were made from its order lines, and are made again below.
            written.pop("sales", None)
        # Days whose totals the import gave are counted from their events again, if they have any.
        counted = [events_days(locked.pk)] if "shopper_event" in written else []
        counted += [behaviour_days(locked.pk)] if "behaviour" in written else []
        for table in written.values():
            _refuse_if_changed_later(table, locked.pk)
        if "stock" in written:
            _refuse_if_goods_came_in(locked.pk)
        now = timezone.now()
        # What refers to others goes before what it refers to.
        for table in reversed(written.values()):
            _table_take_back(table, locked.pk, now)
        if locked.kind == ImportBatch.PHOTOS:
            pictures_take_back(locked)
        if days is not None:
            sales_roll_up(keys=days, batch=None)
        if counted:
            behaviour_roll_up(keys=pl.concat(counted))
        locked.taken_back_at = now
        locked.taken_back_by_id = acting_user.pk
        locked.save(update_fields=["taken_back_at", "taken_back_by"])
    batch.refresh_from_db()


def _has_rows(table: Table, batch_id: int) -> bool:
    return bool(
        staging.scalar(
            f"SELECT EXISTS (SELECT 1 FROM {table.name} WHERE batch_id = %s)"  # noqa: S608
            f" OR EXISTS (SELECT 1 FROM {_HISTORY}"
            " WHERE kind = %s AND (batch_id = %s OR superseded_by_id = %s))",
            [batch_id, table.kind, batch_id, batch_id],
        )
    )


def _refuse_if_changed_later(table: Table, batch_id: int) -> None:
    later = (
        SupersededFact.objects.filter(kind=table.kind, batch_id=batch_id)
        .exclude(superseded_by_id=batch_id)
        .exclude(superseded_by__taken_back_at__isnull=False)
        .select_related("superseded_by")
        .order_by("pk")
        .first()
    )
    if later is None:
        return
    what = table.model._meta.verbose_name_plural
    if later.superseded_by is None:
        raise CatalogError(_("It cannot be taken back: its %(what)s were changed since.") % {"what": what})
    raise CatalogError(
        _(
            "It cannot be taken back: its %(what)s were changed by import %(number)s (%(name)s)."
            " Take that back first."
        )
        % {
            "what": what,
            "number": later.superseded_by.pk,
            "name": later.superseded_by.file_name or later.superseded_by.kind,
        }
    )


def _refuse_if_goods_came_in(batch_id: int) -> None:
    """Refuse where the level of a later day is one of the import's, raised by a receipt."""
    following = (
        StockLevel._base_manager.filter(
            product=OuterRef("product"), location=OuterRef("location"), day__gt=OuterRef("day")
        )
        .order_by("day")
        .values_list
    )
    raised = (
        StockLevel._base_manager.filter(batch_id=batch_id)
        .annotate(
            next_day=Subquery(following("day")[:1]),
            next_batch=Subquery(following("batch_id")[:1]),
            next_recorded_at=Subquery(following("recorded_at")[:1]),
            next_is_assumed=Subquery(following("is_assumed")[:1]),
        )
        .filter(
            next_day__isnull=False,
            next_batch=None,
            next_recorded_at__gte=F("recorded_at"),
            next_is_assumed=F("is_assumed"),
        )
    )
    if raised.exists():
        raise CatalogError(
            _(
                "It cannot be taken back: goods were received on top of its stock."
                " Import the right stock instead."
            )
        )


def _table_take_back(table: Table, batch_id: int, now: datetime) -> None:
    supersede(table, f"{table.name} t WHERE t.batch_id = {int(batch_id)}", now, batch_id)
    _restore(table, batch_id, now)
    if table.has_id:
        _refuse_if_used(table, batch_id)
    staging.execute(f"DELETE FROM {table.name} WHERE batch_id = %s", [batch_id])  # noqa: S608


def _restore(table: Table, batch_id: int, now: datetime) -> None:
    """Give the rows that the import replaced the values (and the import) that they had before it."""
    staging.execute(f"DROP TABLE IF EXISTS {_BACK}")
    former = ", ".join(f"{column_from_json(table.kind, name)} AS {name}" for name in table.columns)
    staging.execute(
        f"CREATE TEMP TABLE {_BACK} AS SELECT {former}, f.batch_id AS former_batch FROM {_HISTORY} f"  # noqa: S608
        f" WHERE f.kind = '{table.kind}' AND f.superseded_by_id = {int(batch_id)}"
        f" AND (f.batch_id IS NULL OR f.batch_id <> {int(batch_id)})"
    )
    values = "".join(f"{name} = s.{name}, " for name in table.values)
    staging.execute(
        f"UPDATE {table.name} AS t SET {values}recorded_at = %s, batch_id = s.former_batch"  # noqa: S608
        f" FROM {_BACK} s WHERE t.batch_id = {int(batch_id)} AND {staging.keys_match(table, 's', 't')}",
        [staging.timestamp(now)],
    )
    staging.execute(f"DROP TABLE {_BACK}")


def _refuse_if_used(table: Table, batch_id: int) -> None:
    """Refuse if rows that are about to go are referred to by any others that stay."""
    going = table.model._base_manager.filter(batch_id=batch_id)
    for relation in table.model._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        if not (relation.auto_created and isinstance(field, ForeignKey)):
            continue
        users = field.model._base_manager.filter(**{f"{field.name}__in": going.values("pk")})
        if field.model is table.model:
            users = users.exclude(batch_id=batch_id)
        if users.exists():
            raise CatalogError(
                _("It cannot be taken back: its %(what)s are used by %(users)s.")
                % {
                    "what": table.model._meta.verbose_name_plural,
                    "users": field.model._meta.verbose_name_plural,
                }
            )
