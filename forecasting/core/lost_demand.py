"""What interest says of demand: units sold per view while there was stock, and what was lost without it.

On days without stock sales say nothing of demand, but shoppers still look. Their looks, times the rate at
which looks became sales while there was stock, estimate what would have been sold.

The rate of an item is shrunk towards its group's: units are overdispersed Poisson counts with a Gamma rate
(empirical Bayes; the prior's spread by the method of moments of DerSimonian and Laird, Controlled Clinical
Trials 7, 1986; Gamma-Poisson shrinkage as in Gelman et al., Bayesian Data Analysis, 3rd ed., 2.6).
Overdispersion is Pearson's (McCullagh and Nelder, Generalized Linear Models, 2nd ed., 4.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOW, HIGH = 0.05, 0.95
"""The ends of all intervals."""

# A group's own mean is used from so many units sold on.
_GROUP_UNITS = 50.0
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Rates:
    """Units per look of each item: the Gamma distribution of what is believed of it.

    `shape` and `rate` (N,) are its parameters, `mean`, `low` and `high` (N,) units per look; `dispersion` is
    the variance of a count over its mean. Items of a shop without any looks have NaN everywhere.
    """

    shape: Floats
    rate: Floats
    mean: Floats
    low: Floats
    high: Floats
    dispersion: float


def dispersion_of(units: Floats, looks: Floats, item: Ints, items: int) -> float:
    """Pearson's statistic of daily units (D,) against each item's own rate, over its degrees of freedom; 1 or
    more. `item` (D,) is the place of each day's item.
    """
    total_looks = np.bincount(item, weights=looks, minlength=items)
    total_units = np.bincount(item, weights=units, minlength=items)
    own = total_units / np.maximum(total_looks, _LEAST)
    expected = own[item] * looks
    counted = expected > 0
    free = counted.sum() - (np.bincount(item[counted], minlength=items) > 0).sum()
    if free < 1:
        return 1.0
    pearson = ((units[counted] - expected[counted]) ** 2 / expected[counted]).sum()
    return float(max(pearson / free, 1.0))


def rates_estimate(units: Floats, looks: Floats, group: Ints, *, dispersion: float = 1.0) -> Rates:
    """The rate of each item from units sold (N,) and looks (N,) while there was stock; `group` (N,) from 0.

    An item without looks gets its group's rate, and a wide interval. Groups that sold little take the shop's.
    """
    from scipy.stats import gamma

    nothing = np.full(len(units), np.nan)
    if looks.sum() <= 0:
        return Rates(nothing, nothing, nothing, nothing, nothing, dispersion)
    overall = max(units.sum() / looks.sum(), _LEAST)
    groups = int(group.max(initial=-1)) + 1
    group_units = np.bincount(group, weights=units, minlength=groups)
    group_looks = np.bincount(group, weights=looks, minlength=groups)
    is_known = (group_units >= _GROUP_UNITS) & (group_looks > 0)
    centre = np.where(is_known, group_units / np.maximum(group_looks, _LEAST), overall)[group]
    variance = _spread(units, looks, centre, dispersion) * (centre / overall) ** 2
    shape = centre**2 / variance + units / dispersion
    rate = centre / variance + looks / dispersion
    return Rates(
        shape=shape,
        rate=rate,
        mean=shape / rate,
        low=gamma.ppf(LOW, shape, scale=1 / rate),
        high=gamma.ppf(HIGH, shape, scale=1 / rate),
        dispersion=dispersion,
    )


def _spread(units: Floats, looks: Floats, centre: Floats, dispersion: float) -> float:
    """The variance of true rates between items, beyond what chance makes of counts."""
    seen = looks > 0
    weight, mean = looks[seen], centre[seen]
    own = units[seen] / weight
    excess = (weight * (own - mean) ** 2).sum() - dispersion * mean.sum() * (1 - 1 / max(seen.sum(), 1))
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    overall = units.sum() / looks.sum()
    # Never quite alike: a tenth of the mean's own size at least.
    least = max((0.1 * overall) ** 2, _LEAST**2)
    return float(max(excess / scale, least)) if scale > 0 else float(max(overall**2, _LEAST**2))


def lost_estimate(
    rates: Rates, looks: Floats, sold: Floats, requests: Floats
) -> tuple[Floats, Floats, Floats]:
    """Units lost over days without stock, with their interval: estimate, low, high (N,), 0 or more.

    `looks`, `sold` (a day may begin with stock) and back-in-stock `requests` (N,) are sums over those days.
    Demand there is a count with the rate's mean and spread, matched by a Gamma distribution. A request is a
    shopper who wanted at least one: estimate and upper end are never below their number.
    """
    from scipy.stats import gamma

    mean = rates.mean * looks
    variance = rates.dispersion * mean + looks**2 * rates.shape / rates.rate**2
    with np.errstate(divide="ignore", invalid="ignore"):
        shape, scale = mean**2 / variance, variance / mean
        low, high = (gamma.ppf(level, shape, scale=scale) for level in (LOW, HIGH))
    none = looks <= 0
    low, high = np.where(none, 0.0, low), np.where(none, 0.0, high)
    mean = np.where(none, 0.0, mean)
    least = np.maximum(requests, 0.0)
    return (
        np.maximum(mean - sold, least),
        np.maximum(low - sold, 0.0),
        np.maximum(high - sold, least),
    )


def change_estimate(
    before: Floats, after: Floats, *, dispersion: float = 1.0, exposure: tuple[Floats, Floats] | None = None
) -> tuple[Floats, Floats, Floats]:
    """How many times as much a count is after as before: ratio, low, high (N,); NaN where before is 0.

    With `exposure` (of before and of after) it is the rates that are compared. Half a count is added to each,
    the interval is that of the logarithm (McCullagh and Nelder, 6.2).
    """
    from scipy.stats import norm

    log = np.log((after + 0.5) / (before + 0.5))
    known = before > 0
    if exposure is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            log = log - np.log(exposure[1] / exposure[0])
        known = known & (exposure[0] > 0) & (exposure[1] > 0)
    error = float(norm.ppf(HIGH)) * np.sqrt(dispersion * (1 / (after + 0.5) + 1 / (before + 0.5)))
    low, middle, high = (np.exp(np.where(known, log + step, np.nan)) for step in (-error, 0.0, error))
    return middle, low, high


def behaviour_summarise(days: pl.DataFrame, *, window: int, recent: int) -> pl.DataFrame:
    """What the behaviour of each item adds up to, one row per `unique_id`, ordered by it.

    `days` has `unique_id, age` (days before the as-of date, 0 for itself), `views, carts, wishlists,
    searches, stock_requests, y` (units sold, null unknown), `in_stock` (bool or null, which counts as in
    stock), and `group` (int from 0). Rates are learned from all days; counts and lost units are sums over the
    last `window` days; changes compare the last `recent` days with as many before.

    Columns: the five counts and `views_before` (of the window before); `conversion, conversion_low,
    conversion_high`, units sold per view in stock (per cart for items that have no views); `interest_change`
    and `conversion_change` with `_low` and `_high`, ratios of after to before; `out_days`; `lost_units,
    lost_low, lost_high`. Null where there is nothing to learn from.
    """
    names = days.select(pl.col("unique_id").unique().sort())["unique_id"]
    places = pl.DataFrame({"unique_id": names}).with_row_index("item")
    days = days.join(places, on="unique_id", how="left")
    by_views = days.group_by("item").agg(seen=pl.col("views").sum() > 0)
    days = days.join(by_views, on="item").with_columns(
        looks=pl.when("seen").then("views").otherwise("carts").cast(pl.Float64),
        out=pl.col("in_stock").eq(False).fill_null(False),
        sold=pl.col("y").fill_null(0.0),
    )
    sums = (
        days.group_by("item")
        .agg(
            pl.col("group").first(),
            *_sums(pl.col("age") < window),
            out_days=((pl.col("age") < window) & pl.col("out")).sum(),
            **_pair("in", ~pl.col("out") & pl.col("y").is_not_null()),
            **_pair("lost", pl.col("out") & (pl.col("age") < window)),
            requests=pl.col("stock_requests").filter(pl.col("out") & (pl.col("age") < window)).sum(),
            **_pair("now", (pl.col("age") < recent) & ~pl.col("out")),
            **_pair("then", pl.col("age").is_between(recent, 2 * recent - 1) & ~pl.col("out")),
            views_now=pl.col("looks").filter(pl.col("age") < recent).sum(),
            views_then=pl.col("looks").filter(pl.col("age").is_between(recent, 2 * recent - 1)).sum(),
            views_before=pl.col("views").filter(pl.col("age").is_between(window, 2 * window - 1)).sum(),
        )
        .sort("item")
    )
    column = {name: sums[name].cast(pl.Float64).to_numpy() for name in sums.columns}
    counted = days.filter(~pl.col("out") & pl.col("y").is_not_null())
    dispersion = dispersion_of(
        counted["sold"].to_numpy(), counted["looks"].to_numpy(), counted["item"].to_numpy(), len(names)
    )
    group = sums["group"].to_numpy()
    rates = rates_estimate(column["in_units"], column["in_looks"], group, dispersion=dispersion)
    lost = lost_estimate(rates, column["lost_looks"], column["lost_units"], column["requests"])
    interest = change_estimate(
        column["views_then"], column["views_now"], dispersion=_looks_dispersion(days, len(names))
    )
    conversion = change_estimate(
        column["then_units"],
        column["now_units"],
        dispersion=dispersion,
        exposure=(column["then_looks"], column["now_looks"]),
    )
    result = {"unique_id": names, "out_days": sums["out_days"], "views_before": sums["views_before"]}
    result |= {name: sums[name] for name in _COUNTS}
    for name, values in (("interest_change", interest), ("conversion_change", conversion)):
        result |= dict(zip((name, f"{name}_low", f"{name}_high"), map(_series, values), strict=True))
    result |= {"conversion": _series(rates.mean), "conversion_low": _series(rates.low)}
    result |= {"conversion_high": _series(rates.high)}
    result |= dict(zip(("lost_units", "lost_low", "lost_high"), map(_series, lost), strict=True))
    return pl.DataFrame(result)


_COUNTS = ("views", "carts", "wishlists", "searches", "stock_requests")


def _sums(condition: pl.Expr) -> list[pl.Expr]:
    return [pl.col(name).filter(condition).sum() for name in _COUNTS]


def _pair(name: str, condition: pl.Expr) -> dict[str, pl.Expr]:
    return {
        f"{name}_units": pl.col("sold").filter(condition).sum(),
        f"{name}_looks": pl.col("looks").filter(condition).sum(),
    }


def _looks_dispersion(days: pl.DataFrame, items: int) -> float:
    """How much more daily looks vary than counts of a steady interest would."""
    looks = days["looks"].to_numpy()
    return dispersion_of(looks, np.ones(len(looks)), days["item"].to_numpy(), items)


def _series(values: Floats) -> pl.Series:
    return pl.Series(values, nan_to_null=True)
