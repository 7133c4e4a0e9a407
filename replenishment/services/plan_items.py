"""What the core plans: terms, costs and targets of each row as `Items`, and why a row isn't among them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import polars as pl

from catalog.models import Product
from replenishment.core.constraints import grained
from replenishment.core.items import Items
from replenishment.selectors import offers

EXCEPTION = "exception: "
# Not bought, and so said; neither is an exception.
NOT_BOUGHT = {Product.Status.PHASE_OUT.value: "phase_out", Product.Status.DISCONTINUED.value: "discontinued"}
STOCK = ("on_hand", "allocated", "on_order")
# What policy rules add (`plan_rules`).
POLICY = (
    "policy_kind",
    "typed_reorder_point",
    "typed_order_up_to",
    "season_days",
    "salvage_share",
    "service_group",
)
_NEEDS_MONEY = ("economic", "overall")


@dataclass(frozen=True)
class Target:
    """How much to hold of what no rule says more of, and how the plan as a whole is made.

    `budget` is money for all orders of the plan; `calm` the share of a quantity by which it may differ from
    the plan before and still be kept.
    """

    target_kind: str
    target: float
    holding_rate: float
    order_cost: float
    budget: float | None
    unmet: str
    calm: float = 0.0


def with_targets(frame: pl.DataFrame, target: Target) -> pl.DataFrame:
    """The target's values as columns, the same in every row: rules write over them."""
    return frame.with_columns(
        target_kind=pl.lit(target.target_kind),
        target=pl.lit(target.target),
        holding_rate=pl.lit(target.holding_rate),
        order_cost=pl.lit(target.order_cost),
        unmet=pl.lit(target.unmet),
        stockout_cost=pl.lit(None, dtype=pl.Float64),
        max_stock=pl.lit(None, dtype=pl.Float64),
        # Of a network: what supplies the row instead of a supplier, whether it passes all demand on.
        supplied_by=pl.lit(None, dtype=pl.Int64),
        passes_on=pl.lit(False),
    )


def why_not(*, has_budget: pl.Series | bool) -> pl.Expr:
    """Why a row isn't handed to the core; null where it is.

    `has_budget`: whether a budget is for the row, or for each of them. Quantities that depend on amounts of
    the home currency need an exchange rate for the cost.
    """
    status = pl.col("status").replace_strict(NOT_BOUGHT, default=None, return_dtype=pl.String)
    needs_rate = (
        pl.lit(has_budget) | (pl.col("order_cost") > 0) | pl.col("target_kind").is_in(list(_NEEDS_MONEY))
    )
    no_rate = needs_rate & pl.col("cost_rate").is_null()
    return pl.coalesce(
        status,
        pl.when(pl.col("terms_id").is_null() & pl.col("supplied_by").is_null()).then(
            pl.lit(EXCEPTION + "no supply terms")
        ),
        pl.when(pl.col("on_hand").is_null()).then(pl.lit(EXCEPTION + "no stock record")),
        pl.when(no_rate).then(pl.concat_str(pl.lit(EXCEPTION + "no exchange rate for "), "currency")),
    )


def items_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """ITEMS (docs/plan-files.md) of rows with stock, terms and targets.

    Money in the home currency where there is a rate.
    """
    return frame.select(
        "unique_id",
        *STOCK,
        "moq",
        "order_multiple",
        "holding_rate",
        "order_cost",
        "stockout_cost",
        "max_stock",
        "shelf_life_days",
        "target_kind",
        "target",
        "unmet",
        *(name for name in POLICY if name in frame.columns),
        unit_cost=landed_cost(),
        price=home_price(),
        lead_time_mean=_held("lead_time_days"),
        lead_time_sd=_held("lead_time_sd_days"),
        review_days=_held("review_days"),
    )


def _held(name: str) -> pl.Expr:
    """A time; none for a row that passes all demand on."""
    return pl.when(pl.col("passes_on")).then(0.0).otherwise(name)


def items_of(frame: pl.DataFrame) -> Items:
    """What the core takes of the rows of `items_frame`'s input."""
    return Items.from_frame(items_frame(frame))


def items_pack(items: pl.DataFrame) -> bytes:
    """Rows of `items_frame`, and whatever columns came with them, as Parquet."""
    buffer = io.BytesIO()
    items.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def items_unpack(table: bytes) -> pl.DataFrame:
    """Back from `items_pack`; an empty frame where a plan kept none."""
    return pl.read_parquet(io.BytesIO(bytes(table))) if table else pl.DataFrame()


def home_cost() -> pl.Expr:
    """Unit cost in the home currency; without a rate in its own (then only shares of it are ever used)."""
    return pl.col("unit_cost") * pl.col("cost_rate").fill_null(1.0)


def landed_cost() -> pl.Expr:
    """`home_cost` with duty and freight: what a unit costs until it is on the shelf."""
    return offers.landed_cost(pl.col("cost_rate").fill_null(1.0))


def home_price() -> pl.Expr:
    """Price in the currency of `home_cost`; null where the two can't be compared."""
    same = pl.col("currency") == pl.col("location_currency")
    return (
        pl.when(pl.col("cost_rate").is_not_null())
        .then(pl.col("price") * pl.col("price_rate"))
        .when(same)
        .then(pl.col("price"))
    )


def grains(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column in whole grains of the core's arithmetic, nulls kept."""
    values = frame[name].cast(pl.Float64)
    return pl.Series(name, grained(values.fill_null(0.0).to_numpy())).set(values.is_null(), None)
