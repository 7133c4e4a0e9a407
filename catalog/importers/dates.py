"""Days and times in cells. A column has one format: ISO, or day/month/year, or month/day/year."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl
from django.utils.translation import gettext as _

DateOrder = Literal["auto", "dmy", "mdy"]
Problem = tuple[pl.Series, str]

_EARLIEST, _LATEST = date(1970, 1, 1), date(2100, 12, 31)
_TIME = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_ISO = rf"^(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}$"
_SLASHED = rf"^(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{4}}){_TIME}$"
_PARTS = ("first", "second", "third", "hour", "minute", "seconds", "fraction", "zone")


def days_convert(
    values: pl.Series, *, order: DateOrder, latest: date | None
) -> tuple[pl.Series, list[Problem]]:
    """Days (Date, null where empty or wrong) and the problems as (mask, reason)."""
    moments, problems = moments_convert(values, order=order, latest=latest)
    naive = moments.dt.replace_time_zone(None)
    timed = naive != naive.dt.truncate("1d")
    problems.append((timed.fill_null(False), _("has a time of day, a day was expected")))
    return naive.dt.date(), problems


def moments_convert(
    values: pl.Series, *, order: DateOrder, latest: date | None
) -> tuple[pl.Series, list[Problem]]:
    """Points in time as they are written (Datetime("us"), null where empty or wrong), and the problems.

    With a zone in the text (Z, +02:00) the time is brought to UTC and the type is Datetime("us", "UTC") for
    the whole column: a column with zones in some cells only is wrong in the others.
    """
    none = pl.repeat(None, len(values), dtype=pl.Datetime("us"), eager=True)
    if values.dtype == pl.Date:
        moments, problems = values.cast(pl.Datetime("us")), list[Problem]()
    elif isinstance(values.dtype, pl.Datetime):
        moments, problems = values.cast(pl.Datetime("us", values.dtype.time_zone)), []
        if values.dtype.time_zone:
            moments = moments.dt.convert_time_zone("UTC")
    elif values.dtype == pl.String:
        moments, problems = _from_text(values, order)
    else:
        return none, [(values.is_not_null(), _("is not a date (YYYY-MM-DD)"))]
    days = moments.dt.date()
    outside = ((days < _EARLIEST) | (days > _LATEST)).fill_null(False)
    problems.append((outside, _("is not between 1970 and 2100")))
    if latest is not None:
        future = ((days > latest) & (days <= _LATEST)).fill_null(False)
        problems.append((future, _("is in the future")))
    return moments, problems


def _from_text(text: pl.Series, order: DateOrder) -> tuple[pl.Series, list[Problem]]:
    present = text.is_not_null()
    iso = text.str.contains(_ISO).fill_null(False)
    slashed = text.str.contains(_SLASHED).fill_null(False)
    problems: list[Problem] = [(present & ~iso & ~slashed, _("is not a date (YYYY-MM-DD)"))]
    chosen, used, year_first = iso, _ISO, True
    if slashed.sum() > iso.sum() or (order != "auto" and slashed.any()):
        chosen, used, year_first = slashed, _SLASHED, False
    other = slashed if year_first else iso
    problems.append((other, _("is in another format than the other dates of the column")))
    parts = _parts(text, used)
    first, second, third = (parts[name] for name in _PARTS[:3])
    if year_first:
        year, month, day = first, second, third
    else:
        order, told = _order(first.filter(chosen), second.filter(chosen), order)
        if told:
            problems.append((chosen, told))
        year = third
        month, day = (second, first) if order == "dmy" else (first, second)
    moments, more = _build(parts, year, month, day, chosen)
    return moments, problems + more


def _parts(text: pl.Series, pattern: str) -> pl.DataFrame:
    groups = text.str.extract_groups(pattern).struct.unnest()
    return groups.rename(dict(zip(groups.columns, _PARTS, strict=True))).with_columns(
        pl.col(_PARTS[:6]).cast(pl.Int32, strict=False)
    )


def _order(first: pl.Series, second: pl.Series, order: DateOrder) -> tuple[DateOrder, str]:
    """Which of the two numbers is the day, and why none can be told."""
    if order != "auto":
        return order, ""
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if day_first and month_first:
        return "dmy", _("the column mixes day/month/year and month/day/year")
    if day_first or month_first:
        return ("dmy" if day_first else "mdy"), ""
    return "dmy", _(
        "may be day/month or month/day: choose the order of dates for the file, or write YYYY-MM-DD"
    )


def _build(
    parts: pl.DataFrame, year: pl.Series, month: pl.Series, day: pl.Series, chosen: pl.Series
) -> tuple[pl.Series, list[Problem]]:
    """Put the parts together; what the calendar or the clock doesn't have is a problem."""
    frame = parts.with_columns(
        chosen=chosen,
        text=pl.concat_str(
            [
                year.cast(pl.String).str.zfill(4),
                month.cast(pl.String).str.zfill(2),
                day.cast(pl.String).str.zfill(2),
                parts["hour"].fill_null(0).cast(pl.String).str.zfill(2),
                parts["minute"].fill_null(0).cast(pl.String).str.zfill(2),
                parts["seconds"].fill_null(0).cast(pl.String).str.zfill(2),
            ]
        ),
    ).with_columns(
        at=pl.when("chosen").then("text").str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False)
        + pl.duration(
            microseconds=pl.col("fraction").fill_null("0").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
        ),
        offset=pl.when(pl.col("zone") == "Z")
        .then(pl.lit(0, dtype=pl.Int32))
        .otherwise(
            pl.concat_str(pl.col("zone").str.slice(0, 1), pl.lit("1")).cast(pl.Int32, strict=False)
            * (
                pl.col("zone").str.slice(1, 2).cast(pl.Int32, strict=False) * 60
                + pl.col("zone").str.slice(-2).cast(pl.Int32, strict=False)
            )
        ),
    )
    wrong = chosen & frame["at"].is_null()
    problems: list[Problem] = [(wrong, _("is not a day of the calendar or a time of the clock"))]
    if not frame["offset"].is_not_null().any():
        return frame["at"], problems
    unzoned = frame["at"].is_not_null() & frame["offset"].is_null()
    problems.append((unzoned, _("has no time zone, other times of the column have one")))
    utc = frame.select(
        (pl.col("at") - pl.duration(minutes=pl.col("offset"))).dt.replace_time_zone("UTC").alias("at")
    )["at"]
    return utc, problems


def local_to_utc(frame: pl.DataFrame, *, moment: str, zone: str) -> pl.DataFrame:
    """UTC times in `moment` and the local day in a new column `day`, by each row's IANA zone in `zone`.

    `zone` is dropped. Times that are skipped when clocks go forward become one hour later; of those that
    come twice it is the first. Times that are in UTC already stay.
    """
    dtype = frame.schema[moment]
    aware = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    at = pl.col(moment)
    pieces = []
    for (name,), group in frame.with_row_index("__n__").group_by(zone):
        utc = at
        if not aware:
            exact, later = (
                moved.dt.replace_time_zone(str(name), ambiguous="earliest", non_existent="null")
                for moved in (at, at + pl.duration(hours=1))
            )
            utc = pl.coalesce(exact, later).dt.convert_time_zone("UTC")
        local = at.dt.convert_time_zone(str(name)).dt.date()
        pieces.append(group.with_columns(utc.alias(moment)).with_columns(local.alias("day")))
    if not pieces:
        return frame.drop(zone).with_columns(
            at.cast(pl.Datetime("us", "UTC")), pl.lit(None, dtype=pl.Date).alias("day")
        )
    return pl.concat(pieces).sort("__n__").drop("__n__", zone)
