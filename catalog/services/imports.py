"""Imports from first to last: taken in as a row, read and checked, loaded in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.importers import complete_journey
from catalog.importers.datasets import DATA_SETS
from catalog.importers.errors import FileError
from catalog.importers.reading import file_sha256, header_sha256
from catalog.importers.rejected import rejected_csv
from catalog.models import ColumnMapping, ImportBatch, JobLine, JobLostError
from catalog.services.errors import CatalogError
from catalog.services.health import health_keep_after_import
from catalog.services.heartbeat import Heartbeat
from catalog.services.import_checking import Checked, Progress, file_check, good_rows, rows_table, table_check
from catalog.services.import_loading import data_set_load, prepared_load
from catalog.services.import_options import KINDS, options_check
from catalog.services.picture_import import pictures_import

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)

ERRORS_KEPT = 200


class _RefusedError(Exception):
    """Rows are wrong and the mode is strict."""


def import_create(
    *,
    kind: str,
    file: File[bytes] | Path | str | None,
    file_name: str = "",
    mapping: Mapping[str, str] | None = None,
    mode: str = ImportBatch.Mode.STRICT,
    options: Mapping[str, Any] | None = None,
    acting_user: AbstractBaseUser | None,
    draft: bool = False,
) -> ImportBatch:
    """Take in a file (an upload is stored, a path is read where it is) to be imported by `import_run`.

    `draft`: it waits for `import_confirm`. Raises `CatalogError`.
    """
    if kind not in KINDS:
        raise CatalogError(_("“%s” is not a kind of data that can be imported.") % kind)
    if mode not in ImportBatch.Mode.values:
        raise CatalogError(_("“%s” is not a mode.") % mode)
    if file is None and kind != complete_journey.KIND:
        raise CatalogError(_("There is no file."))
    kept: dict[str, Any] = options_check(kind, options or {}) | {
        "language": translation.get_language() or "en"
    }
    if draft:
        kept["draft"] = True
    if kind == ImportBatch.PHOTOS:
        mode = ImportBatch.Mode.GOOD_ROWS
    batch = ImportBatch(kind=kind, mode=mode, mapping=dict(mapping or {}), created_by_id=_pk(acting_user))
    if isinstance(file, str | Path):
        path = Path(file).resolve()
        if not path.exists():
            raise CatalogError(_("There is no file %s.") % file)
        kept["path"] = str(path)
        batch.sha256 = file_sha256(path)
        file_name = file_name or path.name
    elif file is not None:
        if file.size > settings.FORESTOCK_UPLOAD_LIMIT_BYTES:
            limit = settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20
            raise CatalogError(_("The file is larger than %d MB.") % limit)
        file_name = file_name or file.name or ""
        # The name on disk is ours: a person's may hold anything.
        batch.file.save(f"{uuid.uuid4().hex}{_ending(file_name)}", file, save=False)
        batch.sha256 = file_sha256(Path(batch.file.path))
    batch.file_name = _name_clean(file_name)
    batch.options = kept
    batch.save()
    return batch


def import_confirm(
    *, batch: ImportBatch, mapping: Mapping[str, str], mode: str, options: Mapping[str, Any]
) -> ImportBatch:
    """Settle a draft's columns, mode and options so that it can run. Raises `CatalogError`."""
    if mode not in ImportBatch.Mode.values:
        raise CatalogError(_("“%s” is not a mode.") % mode)
    with transaction.atomic():
        locked = ImportBatch.objects.select_for_update().get(pk=batch.pk)
        if not locked.is_draft:
            raise CatalogError(_("This import has begun already."))
        inner = {name: locked.options[name] for name in ("path", "language") if name in locked.options}
        locked.mapping, locked.mode = dict(mapping), mode
        locked.options = options_check(locked.kind, options) | inner
        locked.created_at = timezone.now()
        locked.save(update_fields=["mapping", "mode", "options", "created_at"])
    batch.refresh_from_db()
    return batch


def import_kind_set(*, batch: ImportBatch, kind: str) -> None:
    """Say that a draft holds another kind of data. Raises `CatalogError`."""
    if kind not in DATA_SETS:
        raise CatalogError(_("“%s” is not a kind of data that can be imported.") % kind)
    with transaction.atomic():
        locked = ImportBatch.objects.select_for_update().get(pk=batch.pk)
        if not locked.is_draft:
            raise CatalogError(_("This import has begun already."))
        locked.kind, locked.mapping = kind, {}
        locked.save(update_fields=["kind", "mapping"])
    batch.refresh_from_db()


def import_discard(*, batch: ImportBatch) -> None:
    """Throw away a draft and its file. Raises `CatalogError` when it has begun."""
    with transaction.atomic():
        locked = ImportBatch.objects.select_for_update().get(pk=batch.pk)
        if not locked.is_draft:
            raise CatalogError(_("This import has begun already."))
        locked.delete()
        transaction.on_commit(lambda: locked.file.delete(save=False))


def import_run(*, batch_id: int, on_progress: Progress | None = None) -> ImportBatch:
    """Execute a queued import: read, check, load in one transaction. Returns it, done or failed.

    Safe to call again at any time: an import that is done, failed, or alive elsewhere is left alone.
    """
    batch = ImportBatch.objects.get(pk=batch_id)
    claim = None if batch.is_draft else ImportBatch.take(batch_id)
    if claim is not None:
        batch.refresh_from_db()
        with translation.override(batch.options.get("language", "en")):
            say = on_progress or _say_nothing
            if batch.kind == ImportBatch.PHOTOS:
                _execute(batch, claim, lambda: pictures_import(batch, claim, say))
            else:
                _execute(
                    batch, claim, lambda: _rows_import(batch, claim, lambda say: file_check(batch, say), say)
                )
        health_keep_after_import()
        batch.refresh_from_db()
    return batch


def import_rows(
    *,
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    acting_user: AbstractBaseUser | None,
    mode: str = ImportBatch.Mode.STRICT,
    restrict: Mapping[str, str] | None = None,
) -> ImportBatch:
    """Load rows (dicts with a file's column names) at once, as a file of them would be; rows count from 1.

    `restrict`: column -> the only code that rows may have there (a partner's own location, say). Returns
    the import, done or failed with its errors. Raises `CatalogError` when the call as a whole is wrong.
    """
    if kind not in DATA_SETS:
        raise CatalogError(_("“%s” is not a kind of rows.") % kind)
    if mode not in ImportBatch.Mode.values:
        raise CatalogError(_("“%s” is not a mode.") % mode)
    table = rows_table(DATA_SETS[kind], rows)
    batch = ImportBatch.objects.create(
        kind=kind, mode=mode, created_by_id=_pk(acting_user), options={"api": True}
    )
    claim = ImportBatch.take(batch.pk)
    assert claim is not None  # noqa: S101
    mapping = {name: name for name in table.header}

    def check(say: Progress) -> Checked:
        return table_check(table, DATA_SETS[kind], mapping, {}, dict(restrict or {}), say)

    _execute(batch, claim, lambda: _rows_import(batch, claim, check, _say_nothing))
    batch.refresh_from_db()
    return batch


# -- one run --------------------------------------------------------------------------------------------
def _execute(batch: ImportBatch, claim: uuid.UUID, work: Callable[[], None]) -> None:
    """Do the work; whatever goes wrong ends as the job's error, in words."""
    try:
        work()
    except JobLostError:
        logger.warning("Import %d was taken up by another worker", batch.pk)
    except (FileError, CatalogError) as error:
        ImportBatch.fail(batch.pk, claim, str(error))
    except IntegrityError as error:
        logger.exception("Import %d breaks a constraint", batch.pk)
        reason = str(error).splitlines()[0][:300]
        ImportBatch.fail(batch.pk, claim, _("The database refused the rows: %s") % reason)
    except Exception as error:
        logger.exception("Import %d failed", batch.pk)
        if isinstance(error, DatabaseError) and transaction.get_connection().needs_rollback:
            raise
        ImportBatch.fail(
            batch.pk, claim, _("It stopped unexpectedly (%s); the log has more.") % type(error).__name__
        )


def _rows_import(
    batch: ImportBatch, claim: uuid.UUID, check: Callable[[Progress], Checked], on_progress: Progress
) -> None:
    """Read and check rows, then load them in one transaction."""
    checked: Checked | None = None
    try:
        with Heartbeat(ImportBatch, batch.pk, claim) as heartbeat:

            def say(step: str, share: float) -> None:
                heartbeat.report(step, share)
                on_progress(step, share)

            checked = check(say)
            _refuse_wrong_rows(batch, checked)
    except _RefusedError as error:
        assert checked is not None  # noqa: S101
        _results_save(batch, claim, checked, loaded=False)
        ImportBatch.fail(batch.pk, claim, str(error))
        return
    ImportBatch.beat(batch.pk, claim, step=_("Loading"), progress=0.6)
    ImportBatch.note_steps(batch.pk, [(_("Loading"), timezone.now())])
    on_progress(_("Loading"), 0.6)
    _load(batch, claim, checked)
    on_progress("", 1.0)


def _say_nothing(step: str, share: float) -> None:
    """For whom nobody waits."""


def _refuse_wrong_rows(batch: ImportBatch, checked: Checked) -> None:
    wrong = len(checked.errors.rows())
    if wrong and batch.mode == ImportBatch.Mode.STRICT:
        raise _RefusedError(
            ngettext("%d row is wrong: nothing was loaded.", "%d rows are wrong: nothing was loaded.", wrong)
            % wrong
        )


def _load(batch: ImportBatch, claim: uuid.UUID, checked: Checked) -> None:
    now = timezone.now()
    rejected = _rejected_save(batch, checked, everything=False)
    with transaction.atomic():
        # Locks the row: nobody takes the import up while it is being loaded.
        ImportBatch.beat(batch.pk, claim)
        if checked.prepared is not None:
            result = prepared_load(checked.prepared, batch=batch, recorded_at=now)
        else:
            assert checked.data_set is not None  # noqa: S101
            assert checked.frame is not None  # noqa: S101
            frame = good_rows(checked.frame, checked.data_set, checked.errors)
            result = data_set_load(checked.data_set, frame, batch=batch, recorded_at=now)
            _mapping_remember(batch, checked)
        ImportBatch.finish(
            batch.pk,
            claim,
            rows_new=result.new,
            rows_changed=result.changed,
            rows_unchanged=result.unchanged,
            **_results(checked),
            **({"rejected_file": rejected} if rejected else {}),
            options=batch.options | _told(checked),
        )
        if rows := len(checked.errors.rows()):
            ImportBatch.note(batch.pk, "rejected", level=JobLine.Level.WARNING, rows=rows)


def _results(checked: Checked) -> dict[str, Any]:
    errors = checked.errors.frame()
    return {
        "rows_read": checked.rows_read,
        "rows_rejected": errors["row"].n_unique(),
        "errors": errors.head(ERRORS_KEPT).to_dicts(),
        "drops": checked.prepared.drops if checked.prepared else {},
        "mapping": checked.mapping,
    }


def _told(checked: Checked) -> dict[str, Any]:
    """What the import's page shows besides the counts."""
    told: dict[str, Any] = {}
    if checked.table is not None and checked.table.notes:
        told["notes"] = checked.table.notes
    if checked.prepared is not None:
        told["report"] = checked.prepared.report
    return told


def _results_save(batch: ImportBatch, claim: uuid.UUID, checked: Checked, *, loaded: bool) -> None:
    values = _results(checked) | {"options": batch.options | _told(checked)}
    rejected = _rejected_save(batch, checked, everything=not loaded)
    if rejected:
        values["rejected_file"] = rejected
    ImportBatch.objects.filter(pk=batch.pk, claim=claim).update(**values)


def _rejected_save(batch: ImportBatch, checked: Checked, *, everything: bool) -> str:
    """Store the file of rejected rows and give its name; "" when there is none."""
    if checked.table is None or not checked.errors.frames or batch.options.get("api"):
        return ""
    comma = batch.options.get("decimal") == "comma"
    content = rejected_csv(checked.table, checked.errors.frame(), everything=everything, decimal_comma=comma)
    field_file = ImportBatch(pk=batch.pk).rejected_file
    field_file.save(f"{uuid.uuid4().hex}.csv", ContentFile(content), save=False)
    return str(field_file.name)


def _mapping_remember(batch: ImportBatch, checked: Checked) -> None:
    if checked.table is None or batch.options.get("api"):
        return
    ColumnMapping.objects.update_or_create(
        kind=batch.kind,
        header_sha256=header_sha256(checked.table.header),
        defaults={"mapping": checked.mapping},
    )


def _pk(user: AbstractBaseUser | None) -> int | None:
    return user.pk if user is not None else None


def _ending(name: str) -> str:
    ending = PurePath(name).suffix.lower()
    return ending if ending in {".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".zip"} else ""


def _name_clean(name: str) -> str:
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in plain if sign.isprintable())[:255]
