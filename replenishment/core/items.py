"""What is planned: per product and location its stock, costs, supply terms and service target."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]

TARGET_KINDS = ("fill", "cycle", "economic", "overall")
UNMET = ("lost", "backorder")
POLICY_KINDS = (
    "periodic",
    "continuous",
    "fixed-lot",
    "min-max",
    "lot-for-lot",
    "known-needs",
    "once",
    "not-bought",
)
DEFAULT_TARGET = 0.95
DEFAULT_LEAD_TIME_DAYS = 7.0
DEFAULT_REVIEW_DAYS = 7.0
DEFAULT_HOLDING_RATE = 0.25
DEFAULT_MARGIN = 0.3

_DEFAULTS: dict[str, float] = {
    "on_order": 0.0,
    "allocated": 0.0,
    "unit_cost": 1.0,
    "holding_rate": DEFAULT_HOLDING_RATE,
    "order_cost": 0.0,
    "lead_time_mean": DEFAULT_LEAD_TIME_DAYS,
    "lead_time_sd": 0.0,
    "review_days": DEFAULT_REVIEW_DAYS,
    "moq": 0.0,
    "order_multiple": 1.0,
    "max_stock": math.inf,
    "shelf_life_days": math.inf,
    "target": DEFAULT_TARGET,
    "typed_reorder_point": math.nan,
    "typed_order_up_to": math.nan,
    "season_days": math.nan,
    "salvage_share": 0.0,
}
_TEXTS = ("target_kind", "unmet", "policy_kind", "service_group")


class ItemsError(ValueError):
    """A malformed value: one line that names file, row (1 is the first row of data), column and value."""

    def __init__(
        self,
        reason: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        file: str | None = None,
    ) -> None:
        self.reason, self.file, self.row, self.column, self.value = reason, file, row, column, value
        where = [file] if file else []
        if row is not None:
            where.append(f"row {row}")
        if column is not None:
            where.append(f"column {column}")
        if value is not None:
            where.append(f"value {str(value)[:80]!r}")
        super().__init__(f"{', '.join(where)}: {reason}" if where else reason)


@dataclass(frozen=True, eq=False)
class Items:
    """Columns of length N; quantities in units, times in days, money in one currency.

    ``max_stock`` and ``shelf_life_days`` are infinite where there is no limit. ``target_kind`` is one of
    ``fill``, ``cycle``, ``economic``, ``overall``; ``unmet`` is ``lost`` or ``backorder``; ``policy_kind`` is
    one of `POLICY_KINDS`. ``typed_reorder_point`` and ``typed_order_up_to`` are the levels of ``min-max``,
    ``season_days`` (to the last day of sale) and ``salvage_share`` (of unit cost) concern what is ordered
    ``once``; NaN where there is none. ``service_group`` names those that share an ``overall`` target.
    Values that make no sense together (negative lead time, zero cost) are allowed here: such an item becomes
    an exception row of the plan (`problems`), while the others are planned.
    """

    unique_id: list[str]
    on_hand: Array
    on_order: Array
    allocated: Array
    unit_cost: Array
    price: Array
    holding_rate: Array
    order_cost: Array
    stockout_cost: Array
    lead_time_mean: Array
    lead_time_sd: Array
    review_days: Array
    moq: Array
    order_multiple: Array
    max_stock: Array
    shelf_life_days: Array
    target_kind: Array
    target: Array
    unmet: Array
    policy_kind: Array
    typed_reorder_point: Array
    typed_order_up_to: Array
    season_days: Array
    salvage_share: Array
    service_group: Array

    def __post_init__(self) -> None:
        count = len(self.unique_id)
        for field in fields(self):
            if field.name == "unique_id":
                continue
            kind: Any = np.str_ if field.name in _TEXTS else np.float64
            values = np.ascontiguousarray(getattr(self, field.name), dtype=kind)
            if values.shape != (count,):
                raise ItemsError(f"column {field.name} has shape {values.shape}, expected ({count},)")
            object.__setattr__(self, field.name, values)

    def __len__(self) -> int:
        return len(self.unique_id)

    @property
    def position(self) -> Array:
        """Stock position: on hand + on order - allocated."""
        return np.asarray(self.on_hand + self.on_order - self.allocated)

    def take(self, rows: Array) -> Self:
        """Some rows only, by position."""
        columns: dict[str, Any] = {
            f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "unique_id"
        }
        return type(self)(unique_id=[self.unique_id[row] for row in rows], **columns)

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> Self:
        """Read a frame with the columns of ITEMS (``docs/plan-files.md``); absent columns and nulls take
        defaults.

        Columns that are not known are left alone. Raises ItemsError where a column is missing or of the wrong
        type, a key is null or appears twice, or a number is not finite.
        """
        for name in ("unique_id", "on_hand"):
            if name not in frame.columns:
                raise ItemsError("column is missing", column=name)
        ids = frame["unique_id"].cast(pl.String)
        _refuse(ids.is_null() | (ids == ""), ids, "unique_id", "the key is empty")
        _refuse(~ids.is_first_distinct(), ids, "unique_id", "the key appears twice")
        on_hand = _numbers(frame, "on_hand")
        _refuse(on_hand.is_null(), on_hand, "on_hand", "the number is missing")
        columns: dict[str, Array] = {"on_hand": on_hand.to_numpy()}
        for name, default in _DEFAULTS.items():
            columns[name] = _filled(frame, name, np.full(frame.height, default))
        columns["price"] = _filled(frame, "price", columns["unit_cost"] / (1 - DEFAULT_MARGIN))
        columns["stockout_cost"] = _filled(frame, "stockout_cost", columns["price"] - columns["unit_cost"])
        columns["target_kind"] = _words(frame, "target_kind", TARGET_KINDS)
        columns["unmet"] = _words(frame, "unmet", UNMET)
        columns["policy_kind"] = _words(frame, "policy_kind", POLICY_KINDS)
        columns["service_group"] = _names(frame, "service_group")
        return cls(unique_id=ids.to_list(), **columns)


def problems(items: Items) -> list[tuple[Array, str]]:
    """Why an item can't be planned: masks (N,) with the words that follow ``exception:``, worst first."""
    service = items.target_kind != "economic"
    typed, once = items.policy_kind == "min-max", items.policy_kind == "once"
    low, high = items.typed_reorder_point, items.typed_order_up_to
    return [
        (items.lead_time_mean < 0, "negative lead time"),
        (items.lead_time_sd < 0, "negative lead time deviation"),
        (items.review_days < 0, "negative review period"),
        (items.unit_cost == 0, "zero cost"),
        (items.unit_cost < 0, "negative cost"),
        (items.price < 0, "negative price"),
        (items.holding_rate < 0, "negative holding rate"),
        (items.order_cost < 0, "negative order cost"),
        (items.moq < 0, "negative MOQ"),
        (items.order_multiple <= 0, "order multiple is not above 0"),
        (items.max_stock < 0, "negative maximum stock"),
        (items.shelf_life_days < 0, "negative shelf life"),
        (items.on_order < 0, "negative stock on order"),
        (items.allocated < 0, "negative allocated stock"),
        ((items.on_hand < 0) & (items.unmet != "backorder"), "negative stock on hand without backorders"),
        (service & ~((items.target > 0) & (items.target < 1)), "target is not between 0 and 1"),
        (typed & ~(low >= 0), "no reorder point was typed"),
        (typed & ~(high >= low), "the typed order-up-to level is below the reorder point"),
        (once & np.isnan(items.season_days), "no end of the season"),
        (once & (items.season_days <= items.lead_time_mean), "the season ends before an order can arrive"),
        (~((items.salvage_share >= 0) & (items.salvage_share < 1)), "salvage share is not from 0 to below 1"),
    ]


def _numbers(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as float64, nulls kept; refuses text that is no number, and numbers that are not finite."""
    column = frame[name]
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        text = text.set(text == "", None)
        numbers = text.cast(pl.Float64, strict=False)
        _refuse(numbers.is_null() & text.is_not_null(), column, name, "not a number")
    elif column.dtype.is_numeric() or column.dtype == pl.Null:
        numbers = column.cast(pl.Float64)
    else:
        first = column.drop_nulls()
        raise ItemsError(
            "not a number", row=1, column=name, value=first[0] if len(first) else str(column.dtype)
        )
    _refuse(numbers.is_not_null() & ~numbers.is_finite(), column, name, "the number is not finite")
    return numbers


def _filled(frame: pl.DataFrame, name: str, default: Array) -> Array:
    if name not in frame.columns:
        return default
    numbers = _numbers(frame, name)
    return np.where(numbers.is_null().to_numpy(), default, numbers.fill_null(0.0).to_numpy())


def _words(frame: pl.DataFrame, name: str, allowed: tuple[str, ...]) -> Array:
    if name not in frame.columns:
        return np.full(frame.height, allowed[0])
    if frame[name].dtype not in (pl.String, pl.Null, pl.Categorical) and not isinstance(
        frame[name].dtype, pl.Enum
    ):
        raise ItemsError("not text", row=1, column=name, value=frame[name][0] if frame.height else None)
    words = frame[name].cast(pl.String).str.strip_chars()
    words = words.set(words == "", None).fill_null(allowed[0])
    _refuse(~words.is_in(list(allowed)), frame[name], name, f"must be one of {', '.join(allowed)}")
    return words.to_numpy().astype(np.str_)


def _names(frame: pl.DataFrame, name: str) -> Array:
    """A column of any names as text; empty where there is none."""
    if name not in frame.columns:
        return np.full(frame.height, "")
    return frame[name].cast(pl.String).fill_null("").to_numpy().astype(np.str_)


def _refuse(bad: pl.Series, values: pl.Series, column: str, message: str) -> None:
    found = bad.fill_null(False).arg_max() if bad.fill_null(False).any() else None
    if found is not None:
        raise ItemsError(message, row=found + 1, column=column, value=values[found])
