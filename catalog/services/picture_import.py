"""The import of a ZIP file of photos: each is taken or refused by itself, in a worker."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.importers.rejected import photos_csv
from catalog.models import ImportBatch, JobLine, Product, ProductImage
from catalog.services.errors import CatalogError
from catalog.services.heartbeat import Heartbeat
from catalog.services.import_checking import Progress, batch_path
from catalog.services.picture_zip import PictureZip, Refused, Wanted, picture_zip_open
from catalog.services.pictures import picture_add, picture_delete, picture_touch

_ERRORS_KEPT = 200


class _Photos:
    """One run over a ZIP file: the photos that are there already, and what became of each that came."""

    def __init__(self, batch: ImportBatch, wanted: Iterable[Wanted]) -> None:
        self.batch = batch
        self.products = Product.objects.in_bulk({one.sku for one in wanted}, field_name="sku")
        there = ProductImage.objects.filter(product__in=self.products.values())
        self.known = {(image.product_id, image.sha256): image for image in there}
        self.new = self.changed = self.unchanged = 0
        self.refused: list[Refused] = []

    def take(self, opened: PictureZip, wanted: Wanted) -> None:
        """Keep a photo, or note why not."""
        try:
            self._keep(opened.read(wanted), self._product(wanted.sku), wanted)
        except CatalogError as error:
            self.refused.append(Refused(wanted.entry, wanted.sku, str(error)))

    def _product(self, sku: str) -> Product:
        if sku not in self.products:
            raise CatalogError(_("There is no SKU “%s”.") % sku[:64])
        return self.products[sku]

    def _keep(self, data: bytes, product: Product, wanted: Wanted) -> None:
        position, credit = wanted.position, wanted.credit
        key = product.pk, hashlib.sha256(data).hexdigest()
        is_new = is_changed = False
        if key in self.known:
            is_changed = picture_touch(image=self.known[key], position=position, credit=credit)
        else:
            self.known[key], is_new = picture_add(
                product=product, data=data, position=position, credit=credit, batch=self.batch
            )
        # What this import added before its worker was lost is new as well.
        if is_new or self.known[key].batch_id == self.batch.pk:
            self.new += 1
        elif is_changed:
            self.changed += 1
        else:
            self.unchanged += 1


def pictures_import(batch: ImportBatch, claim: uuid.UUID, say: Progress) -> None:
    """Take in the photos of a claimed import; its upload goes when all is done.

    Each photo is written by itself, so that a worker that takes the import up finds what its predecessor
    has done, and a stop keeps what is there. Raises `CatalogError` for a file that can't be read as a whole,
    `JobLostError` when the import is another worker's, or stopped.
    """
    path = batch_path(batch)
    if path is None:
        raise CatalogError(_("There is no file."))
    with ExitStack() as stack:
        heartbeat = stack.enter_context(Heartbeat(ImportBatch, batch.pk, claim))
        file: IO[bytes] = stack.enter_context(path.open("rb"))

        def report(step: str, share: float) -> None:
            heartbeat.report(step, share)
            say(step, share)

        report(_("Reading the file"), 0.0)
        opened = picture_zip_open(file)
        photos = _Photos(batch, opened.wanted)
        photos.refused += opened.refused
        for place, wanted in enumerate(opened.wanted):
            report(_("Taking in the photos"), place / len(opened.wanted))
            photos.take(opened, wanted)
    _finish(batch, claim, photos, rows_read=len(opened.wanted) + len(opened.refused))
    say("", 1.0)


def _finish(batch: ImportBatch, claim: uuid.UUID, photos: _Photos, *, rows_read: int) -> None:
    refused = [(_told(one.entry), _told(one.sku), one.reason) for one in photos.refused]
    upload = batch.file.name
    with transaction.atomic():
        ImportBatch.beat(batch.pk, claim)
        rejected = ImportBatch(pk=batch.pk).rejected_file
        if refused:
            rejected.save(f"{uuid.uuid4().hex}.csv", ContentFile(photos_csv(refused)), save=False)
        ImportBatch.finish(
            batch.pk,
            claim,
            rows_read=rows_read,
            rows_new=photos.new,
            rows_changed=photos.changed,
            rows_unchanged=photos.unchanged,
            rows_rejected=len(refused),
            errors=[
                {"row": number, "column": "file", "value": entry, "reason": reason}
                for number, (entry, _sku, reason) in enumerate(refused[:_ERRORS_KEPT], 1)
            ],
            rejected_file=rejected.name or "",
            file="",
        )
        if refused:
            ImportBatch.note(batch.pk, "rejected", level=JobLine.Level.WARNING, rows=len(refused))
        if upload:
            transaction.on_commit(lambda: default_storage.delete(upload), robust=True)


def pictures_take_back(batch: ImportBatch) -> None:
    """Delete the photos that an import added. Call it in the transaction that takes the import back."""
    for image in ProductImage.objects.filter(batch=batch):
        picture_delete(image=image)


def picture_uploads_prune() -> int:
    """Delete uploads of imports of photos that ended long ago without being done; how many they were."""
    before = timezone.now() - timedelta(days=settings.FORESTOCK_JOB_LOG_DAYS)
    ended = ImportBatch.objects.filter(
        kind=ImportBatch.PHOTOS,
        state__in=[ImportBatch.State.FAILED, ImportBatch.State.STOPPED],
        finished_at__lt=before,
    ).exclude(file="")
    count = 0
    for batch in ended:
        # Only if nobody has asked for it once more in between.
        if ended.filter(pk=batch.pk).update(file=""):
            default_storage.delete(batch.file.name or "")
            count += 1
    return count


def _told(text: str) -> str:
    """What a stranger wrote, for people: short, without signs that hide or turn what stands beside them."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)[:200]
