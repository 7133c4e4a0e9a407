"""Which column of a file is which column of a data set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from catalog.importers.columns import DataSet
from catalog.importers.errors import FileError

# The column that the file of rejected rows has more than the file had.
ERROR_COLUMN = "error"


def plain(header: str) -> str:
    """A header without case, spaces or signs, for comparing."""
    return re.sub(r"[\W_]+", "_", header.strip().casefold()).strip("_")


def mapping_suggest(data_set: DataSet, header: Sequence[str]) -> dict[str, str]:
    """File column -> column name, "" where none fits; each is used once.

    Exact names win over aliases, and those over the labels in the reader's language.
    """
    wanted: dict[str, str] = {}
    for column in data_set.columns:
        for alias in column.aliases:
            wanted.setdefault(plain(alias), column.name)
    for column in data_set.columns:
        wanted.setdefault(plain(str(column.label)), column.name)
    wanted |= {plain(column.name): column.name for column in data_set.columns}
    own = {plain(column.name) for column in data_set.columns}
    mapping = dict.fromkeys(header, "")
    used: set[str] = set()
    for name in sorted(header, key=lambda text: plain(text) not in own):
        lower = name.strip().casefold()
        fit = lower if data_set.family_of(lower) else wanted.get(plain(name), "")
        if fit and fit not in used and plain(name) != ERROR_COLUMN:
            mapping[name] = fit
            used.add(fit)
    return mapping


def kind_suggest(data_sets: Mapping[str, DataSet], header: Sequence[str], name: str = "") -> str | None:
    """The kind of data that a file holds: whose needed columns it all has, or that its name begins with.

    A name that says it wins where the columns allow it, or where it lacks some but knows more columns than
    any other kind; then the kind that knows most of the columns and asks for most. None where no kind fits.
    """
    begins = plain(name)
    named = {
        kind: len(kind)
        for kind, data_set in data_sets.items()
        if begins.startswith((plain(kind), plain(str(data_set.label))))
    }
    scores: dict[str, tuple[int, int, int]] = {}
    for kind, data_set in data_sets.items():
        known = {column for column in mapping_suggest(data_set, header).values() if column}
        needed = {column.name for column in data_set.columns if column.required}
        if needed <= known:
            scores[kind] = (named.get(kind, 0), len(known), len(needed))
    most = max((known for _named, known, _needed in scores.values()), default=0)
    for kind in named:
        known = {column for column in mapping_suggest(data_sets[kind], header).values() if column}
        if len(known) > most:
            scores[kind] = (named[kind], len(known), 0)
    if scores:
        return max(scores, key=lambda kind: scores[kind])
    return max(named, key=lambda kind: named[kind], default=None)


def mapping_check(data_set: DataSet, header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """The mapping with only the file's columns in it. Raises `FileError` when it can't be used."""
    absent = [column for column, name in mapping.items() if name and column not in header]
    if absent:
        raise FileError(_("The file has no column “%s”.") % absent[0])
    used: dict[str, str] = {}
    for column, name in mapping.items():
        if not name:
            continue
        if not data_set.knows(name):
            raise FileError(
                _("“%(name)s” is not a column of %(kind)s.") % {"name": name, "kind": data_set.kind}
            )
        if name in used:
            raise FileError(
                _("Both “%(one)s” and “%(two)s” are mapped to “%(name)s”.")
                % {"one": used[name], "two": column, "name": name}
            )
        used[name] = column
    return {column: mapping.get(column, "") for column in header}
