"""What only the shop's own rows can tell: whether a code is known, whether a key stands twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.columns import DataSet
from catalog.importers.errors import RowErrors
from catalog.importers.parsing import Parsed
from catalog.importers.reading import ROW
from catalog.models import Category, Indicator, Location, Product, Supplier

Codes = dict[str, int]


def codes_read(kind: str) -> Codes:
    """Natural key -> id of all rows of a kind that others refer to."""
    model, key = {
        "category": (Category, "code"),
        "product": (Product, "sku"),
        "location": (Location, "code"),
        "supplier": (Supplier, "code"),
        "indicator": (Indicator, "code"),
    }[kind]
    return dict(model._base_manager.values_list(key, "pk"))


def references_resolve(parsed: Parsed, data_set: DataSet, codes: Mapping[str, Codes]) -> pl.DataFrame:
    """The frame with ids in place of codes; unknown codes are noted as errors.

    The column that refers to the same kind keeps its codes, since its rows may come with the file.
    """
    frame = parsed.frame
    for column in data_set.columns:
        if not column.references or column.field not in frame.columns:
            continue
        values = frame[column.field]
        known = codes[column.references]
        if column.field == data_set.itself:
            own = frame[data_set.key[0]]
            unknown = (
                values.is_not_null() & ~values.is_in(list(known)) & ~values.is_in(own.drop_nulls().implode())
            )
        else:
            ids = pl.DataFrame(
                {"code": list(known), "id": list(known.values())}, schema={"code": pl.String, "id": pl.Int64}
            )
            found = values.to_frame("code").join(ids, on="code", how="left", maintain_order="left")["id"]
            unknown = values.is_not_null() & found.is_null()
            frame = frame.with_columns(found.alias(column.field))
        if unknown.any():
            parsed.errors.add(
                frame[ROW].filter(unknown),
                parsed.headers[column.field],
                values.filter(unknown),
                _unknown(column.references),
            )
    return frame


def _unknown(kind: str) -> str:
    return {
        "category": _("is not a known category"),
        "product": _("is not a known SKU"),
        "location": _("is not a known location"),
        "supplier": _("is not a known supplier"),
        "indicator": _("is not a known market indicator"),
    }[kind]


def duplicates_note(frame: pl.DataFrame, data_set: DataSet, errors: RowErrors) -> None:
    """Note rows whose natural key stands twice: of equal rows all but the first, of others every one."""
    key = [name for name in data_set.key if name in frame.columns]
    needed = [column.field for column in data_set.columns if column.required and column.field in key]
    twice = frame.filter(pl.all_horizontal(pl.col(needed).is_not_null()))
    twice = twice.filter(twice.select(key).is_duplicated())
    if twice.is_empty():
        return
    values = [name for name in frame.columns if name != ROW]
    groups = twice.with_columns(
        first=pl.col(ROW).min().over(key),
        second=pl.col(ROW).sort().get(1).over(key),
        equal=pl.struct(values).n_unique().over(key) == 1,
        shown=pl.concat_str(pl.col(key).cast(pl.String).fill_null(""), separator=" / "),
    )
    is_first = pl.col(ROW) == pl.col("first")
    wrong = groups.filter(~(pl.col("equal") & is_first)).with_columns(
        other=pl.when(is_first).then("second").otherwise("first")
    )
    same, differs = (
        _("has the same key and values as row %d"),
        _("has the same key as row %d, with other values"),
    )
    before_same, after_same = same.split("%d")
    before_differs, after_differs = differs.split("%d")
    other = pl.col("other").cast(pl.String)
    reasons = wrong.select(
        pl.when("equal")
        .then(pl.concat_str(pl.lit(before_same), other, pl.lit(after_same)))
        .otherwise(pl.concat_str(pl.lit(before_differs), other, pl.lit(after_differs)))
    ).to_series()
    names = {column.field: column.name for column in data_set.columns}
    errors.add(wrong[ROW], ", ".join(names[name] for name in key), wrong["shown"], reasons)


def gtins_note(frame: pl.DataFrame, stored: Mapping[str, str], errors: RowErrors, header: str) -> None:
    """Note GTINs that two products would have. `stored`: GTIN -> SKU."""
    present = frame.filter(pl.col("gtin") != "", pl.col("sku").is_not_null())
    holder = pl.col("gtin").replace_strict(stored, default=None, return_dtype=pl.String)
    # A product of the file gives its old GTIN up.
    others = holder.is_not_null() & (holder != pl.col("sku")) & ~holder.is_in(frame["sku"].implode())
    taken = present.filter(others.fill_null(False)) if stored else present.clear()
    errors.add(taken[ROW], header, taken["gtin"], _("is the GTIN of another product"))
    twice = present.filter(present["gtin"].is_duplicated() & ~present["sku"].is_duplicated())
    errors.add(twice[ROW], header, twice["gtin"], _("is the GTIN of two products of the file"))


def circles_note(
    frame: pl.DataFrame, data_set: DataSet, stored: Mapping[str, str | None], errors: RowErrors, header: str
) -> None:
    """Note rows that refer to themselves, straight or in a circle. `stored`: key -> key that it refers to.

    A location may not receive for others while another one receives for it: that would be a chain.
    """
    own = data_set.key[0]
    after = dict(stored)
    after.update(frame.filter(pl.col(own).is_not_null()).select(own, data_set.itself).rows())
    rows, values, reasons = [], [], []
    for row, code, target in frame.select(ROW, own, data_set.itself).rows():
        if target is None or code is None:
            continue
        seen, step = {code}, target
        while step is not None and step not in seen:
            seen.add(step)
            step = after.get(step)
        reason = ""
        if step is not None:
            reason = _("refers to itself in a circle")
        elif data_set.kind == "location" and after.get(target):
            reason = _("is received for by another location itself")
        if reason:
            rows.append(row)
            values.append(target)
            reasons.append(reason)
    if rows:
        errors.add(
            pl.Series(rows, dtype=pl.Int64), header, pl.Series(values, dtype=pl.String),
            pl.Series(reasons, dtype=pl.String),
        )  # fmt: skip


def arcs_note(
    parsed: Parsed, frame: pl.DataFrame, data_set: DataSet, stored: Mapping[tuple[int, int], bool]
) -> None:
    """Note rows that lead round in a circle, with others of the file or with stored ones; and of those that
    count by a column (`DataSet.arc`), such as lead where another one leads already.

    `frame` has ids, `parsed` the codes. `stored`: ends of a row -> whether it counts.
    """
    start, end = data_set.key
    ends = list(zip(frame[start].to_list(), frame[end].to_list(), strict=True))
    if data_set.arc in frame.columns:
        counts = [bool(value) for value in frame[data_set.arc]]
    else:
        counts = [not data_set.arc or stored.get(pair, False) for pair in ends]
    after = {**stored, **dict(zip(ends, counts, strict=True))}
    arcs = [pair for pair, is_counted in after.items() if is_counted and None not in pair]
    circling, leading = _circling(arcs), Counter(target for _source, target in arcs)
    for wrong, reason in (
        ([pair in circling for pair in ends], _("leads round in a circle")),
        (
            [
                bool(data_set.arc) and is_counted and pair not in circling and leading[pair[1]] > 1
                for pair, is_counted in zip(ends, counts, strict=True)
            ],
            _("is supplied from another location already"),
        ),
    ):
        rows = pl.Series(wrong, dtype=pl.Boolean)
        parsed.errors.add(
            frame[ROW].filter(rows), parsed.headers[end], parsed.frame[end].filter(rows), reason
        )


def _circling(arcs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """The arcs that are on a way round in a circle, or between two such ways."""
    left = set(arcs)
    while left:
        starts, ends = {start for start, _end in left}, {end for _start, end in left}
        dead = {arc for arc in left if arc[0] not in ends or arc[1] not in starts}
        if not dead:
            break
        left -= dead
    return left
