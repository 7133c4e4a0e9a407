"""What a ZIP file of photos holds: named after the SKU, or listed in an `index.csv`; nothing is trusted."""

from __future__ import annotations

import csv
import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.core.pictures import MOST_BYTES
from catalog.models import Product
from catalog.services.errors import CatalogError

MOST_PHOTOS = 5_000
INDEX = "index.csv"
_MOST_INDEX_BYTES = 5 * 1024 * 1024
_MOST_RATIO = 200  # photos hardly shrink; a file of zeros shrinks a thousandfold
_MOST_POSITION = 32_767
_NAME = re.compile(r"^(?P<sku>.+?)-(?P<number>\d{1,4})$")
# The record at the end of a ZIP file (APPNOTE 6.3.10, 4.3.16): its last 22 bytes, and a comment.
_END, _END_BYTES, _MOST_COMMENT = b"PK\x05\x06", 22, 65_535
_MOST_DIRECTORY_BYTES = 512  # of an entry, in the mean
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo that the file names: its entry, its product, and where it goes (None: last of all)."""

    entry: str
    sku: str
    position: int | None = None
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry, or a row of the index, that is not taken, and why in words."""

    entry: str
    sku: str
    reason: str


@dataclass(slots=True)
class PictureZip:
    """An opened ZIP file: what it wants taken in, in its own order; what of its index is refused already."""

    archive: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]
    twice: frozenset[str]
    wanted: list[Wanted] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def read(self, wanted: Wanted) -> bytes:
        """The bytes of a photo. Raises `CatalogError`."""
        if wanted.entry in self.twice:
            raise CatalogError(_("The ZIP file holds more than one file of this name."))
        info = self.entries.get(wanted.entry)
        if info is None:
            raise CatalogError(_("There is no such file in the ZIP file."))
        return _read(self.archive, info, MOST_BYTES)


def picture_zip_open(file: IO[bytes], *, most: int = MOST_PHOTOS) -> PictureZip:
    """Look into a ZIP file of at most so many photos; no photo is unpacked yet.

    `SKU.jpg` is a product's first photo, `SKU-2.jpg` its second; where there is an `index.csv` (columns sku,
    file and, if wanted, position and credit), it alone says what is what. Names of entries are never paths
    on disk. Raises `CatalogError` for a file that is no ZIP, or that holds more than an installation takes.
    """
    _directory_check(file, most)
    try:
        archive = zipfile.ZipFile(file)
    except _UNREADABLE as error:
        raise CatalogError(_("The file is not a ZIP file that can be read.")) from error
    found = [info for info in archive.infolist() if _is_file(info.filename)]
    if len(found) > most + 1:
        raise _too_many(most)
    if sum(info.file_size for info in found) > settings.FORESTOCK_UPLOAD_LIMIT_BYTES:
        limit = settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20
        raise CatalogError(_("The file unpacks to more than %d MB.") % limit)
    names = Counter(info.filename for info in found)
    opened = PictureZip(
        archive,
        {info.filename: info for info in found},
        frozenset(name for name, count in names.items() if count > 1),
    )
    index = min((name for name in names if PurePosixPath(name).name.lower() == INDEX), key=len, default=None)
    if index is None:
        opened.wanted = list(_named(opened.entries))
    else:
        _listed(opened, index)
    if len(opened.wanted) > most:
        raise _too_many(most)
    return opened


def _too_many(most: int) -> CatalogError:
    return CatalogError(_("The file holds more than %d photos: send them in parts.") % most)


def _directory_check(file: IO[bytes], most: int) -> None:
    """Refuse a long list of entries before `zipfile` makes an object of each.

    ZIP64 is refused too: only files of more than 65,535 entries or 4 GB need it.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(size - _END_BYTES - _MOST_COMMENT, 0))
    tail = file.read(_END_BYTES + _MOST_COMMENT)
    file.seek(0)
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise CatalogError(_("The file is not a ZIP file that can be read."))
    directory_bytes = int.from_bytes(tail[place + 12 : place + 16], "little")
    is_zip64 = tail[max(place - 20, 0) : place].startswith(b"PK\x06\x07")
    if is_zip64 or directory_bytes > (most + 1) * _MOST_DIRECTORY_BYTES:
        raise _too_many(most)


def _is_file(name: str) -> bool:
    """Not a folder, nor what a Mac adds."""
    is_hidden = PurePosixPath(name).name.startswith(".")
    return not (name.endswith("/") or name.startswith("__MACOSX/") or is_hidden)


def _named(entries: dict[str, zipfile.ZipInfo]) -> Iterator[Wanted]:
    named = {name: PurePosixPath(name).stem for name in entries}
    skus = set(named.values()) | {found["sku"] for stem in named.values() if (found := _NAME.match(stem))}
    known = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
    for name, stem in named.items():
        found = _NAME.match(stem)
        # A SKU may end in a number itself.
        if stem in known or found is None:
            yield Wanted(name, stem, 0)
        else:
            yield Wanted(name, found["sku"], max(int(found["number"]) - 1, 0))


def _listed(opened: PictureZip, index: str) -> None:
    """Fill in what the index says."""
    if opened.entries[index].file_size > _MOST_INDEX_BYTES:
        raise CatalogError(_("%s is too large.") % INDEX)
    try:
        text = _read(opened.archive, opened.entries[index], _MOST_INDEX_BYTES).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text))
        columns = set(reader.fieldnames or ())
        if not {"sku", "file"} <= columns:
            raise CatalogError(_("%s needs the columns sku and file.") % INDEX)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(_("%s is not a CSV file in UTF-8.") % INDEX) from error
    if "\x00" in text:
        raise CatalogError(_("%s is not a CSV file in UTF-8.") % INDEX)
    folder = PurePosixPath(index).parent
    for number, row in enumerate(rows, 2):
        sku, position = ((row.get(name) or "").strip() for name in ("sku", "position"))
        if position and not (position.isdecimal() and len(position) < 6 and int(position) <= _MOST_POSITION):
            reason = _("The position “%s” is no whole number from 0 to 32767.") % position[:40]
            opened.refused.append(Refused(f"{INDEX}, {number}", sku, reason))
            continue
        opened.wanted.append(
            Wanted(
                str(folder / (row.get("file") or "").strip()),
                sku,
                int(position) if position else None,
                (row.get("credit") or "").strip(),
            )
        )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most_bytes: int) -> bytes:
    """The bytes of an entry. Its stated size is checked before a byte is unpacked; no more is read."""
    if info.flag_bits & 0x1:
        raise CatalogError(_("The file is encrypted."))
    if info.file_size > most_bytes or info.file_size > max(info.compress_size, 1) * _MOST_RATIO:
        raise CatalogError(_("The file unpacks to more than a photo can hold."))
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        # Others may ask for gigabytes before they give a byte.
        raise CatalogError(_("The file can’t be unpacked."))
    try:
        with archive.open(info) as file:
            return file.read(most_bytes + 1)
    except _UNREADABLE as error:
        raise CatalogError(_("The file can’t be unpacked.")) from error
