"""Photos of many products in one ZIP file, named after the SKU or listed in an `index.csv`."""

from __future__ import annotations

import csv
import io
import math
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.core.pictures import MOST_BYTES
from catalog.models import Product
from catalog.services.errors import CatalogError
from catalog.services.pictures import picture_add

INDEX = "index.csv"
_MOST_INDEX_BYTES = 5 * 1024 * 1024
_MOST_RATIO = 200  # photos hardly shrink; a file of zeros shrinks a thousandfold
_MOST_POSITION = 32_767
_NAME = re.compile(r"^(?P<sku>.+?)-(?P<number>\d{1,4})$")


@dataclass(slots=True)
class PicturesImported:
    """How many photos are new, how many were there already, how many there was no time for; the entries that
    were refused, and why.
    """

    added: int = 0
    known: int = 0
    left: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wanted:
    entry: str
    sku: str
    position: int | None
    credit: str


def pictures_import(
    *, file: IO[bytes], most: int, seconds: float = math.inf, is_assumed: bool = False
) -> PicturesImported:
    """Take in the photos of a ZIP file: at most `most`, each of which is taken or refused by itself.

    `SKU.jpg` is a product's first photo, `SKU-2.jpg` its second; where there is an `index.csv` (columns sku,
    file and, if wanted, position and credit), it alone says what is what. What is left
    after so many seconds is counted: the same file again goes on there, as photos that are known cost little.
    Raises `CatalogError` for a file that is no ZIP, or that unpacks to more than an installation takes.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _entries(archive, most)
            wanted, result = _wanted(archive, entries)
            products = Product.objects.in_bulk({one.sku for one in wanted}, field_name="sku")
            until = time.monotonic() + seconds
            for place, one in enumerate(wanted):
                if time.monotonic() > until:
                    result.left = len(wanted) - place
                    break
                _take(archive, entries, one, products.get(one.sku), result, is_assumed)
            return result
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise CatalogError(_("The file is not a ZIP file that can be read.")) from error


def _entries(archive: zipfile.ZipFile, most: int) -> dict[str, zipfile.ZipInfo]:
    """The files by their path in it, without folders and what a Mac adds. Nothing is unpacked yet."""
    found = {
        info.filename: info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePosixPath(info.filename).name.startswith(".")
    }
    if len(found) > most + 1:
        raise CatalogError(_("The file holds more than %d photos: send them in parts.") % most)
    unpacked = sum(info.file_size for info in found.values())
    if unpacked > settings.FORESTOCK_UPLOAD_LIMIT_BYTES:
        limit = settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20
        raise CatalogError(_("The file unpacks to more than %d MB.") % limit)
    return found


def _wanted(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]
) -> tuple[list[_Wanted], PicturesImported]:
    result = PicturesImported()
    index = min(
        (name for name in entries if PurePosixPath(name).name.lower() == INDEX), key=len, default=None
    )
    if index is not None:
        if entries[index].file_size > _MOST_INDEX_BYTES:
            raise CatalogError(_("%s is too large.") % INDEX)
        return list(_listed(archive.read(index), PurePosixPath(index).parent, result)), result
    named = {name: PurePosixPath(name).stem for name in entries}
    skus = set(named.values()) | {found["sku"] for stem in named.values() if (found := _NAME.match(stem))}
    known = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
    wanted = []
    for name, stem in named.items():
        found = _NAME.match(stem)
        # A SKU may end in a number itself.
        if stem in known or found is None:
            wanted.append(_Wanted(name, stem, 0, ""))
        else:
            wanted.append(_Wanted(name, found["sku"], max(int(found["number"]) - 1, 0), ""))
    return wanted, result


def _listed(data: bytes, folder: PurePosixPath, result: PicturesImported) -> Iterator[_Wanted]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
        columns = set(reader.fieldnames or ())
        if not {"sku", "file"} <= columns:
            raise CatalogError(_("%s needs the columns sku and file.") % INDEX)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(_("%s is not a CSV file in UTF-8.") % INDEX) from error
    for number, row in enumerate(rows, 2):
        position = (row.get("position") or "").strip()
        if position and not (position.isdecimal() and len(position) < 6 and int(position) <= _MOST_POSITION):
            result.rejected.append(
                (
                    f"{INDEX}, {number}",
                    _("The position “%s” is no whole number from 0 to 32767.") % position[:40],
                )
            )
            continue
        entry = str(folder / (row.get("file") or "").strip())
        yield _Wanted(
            entry,
            (row.get("sku") or "").strip(),
            int(position) if position else None,
            (row.get("credit") or "").strip(),
        )


def _take(
    archive: zipfile.ZipFile,
    entries: dict[str, zipfile.ZipInfo],
    wanted: _Wanted,
    product: Product | None,
    result: PicturesImported,
    is_assumed: bool,
) -> None:
    if product is None:
        reason = _("There is no SKU “%s”.") % wanted.sku[:64]
        result.rejected.append((wanted.entry[:200], reason))
        return
    try:
        data = _read(archive, entries.get(wanted.entry))
        _image, is_new = picture_add(
            product=product,
            data=data,
            position=wanted.position,
            credit=wanted.credit,
            is_assumed=is_assumed,
        )
    except CatalogError as error:
        result.rejected.append((wanted.entry[:200], str(error)))
        return
    if is_new:
        result.added += 1
    else:
        result.known += 1


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None) -> bytes:
    """The bytes of an entry. Its stated size is checked before a byte is unpacked; no more is read."""
    if info is None:
        raise CatalogError(_("There is no such file in the ZIP file."))
    if info.flag_bits & 0x1:
        raise CatalogError(_("The file is encrypted."))
    if info.file_size > MOST_BYTES or info.file_size > max(info.compress_size, 1) * _MOST_RATIO:
        raise CatalogError(_("The file unpacks to more than a photo can hold."))
    try:
        with archive.open(info) as file:
            return file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CatalogError(_("The file can’t be unpacked.")) from error
