"""Made-up behaviour and market indicators for the demo: interest that goes a little before the real sales."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

WEEKS = 52
# Shoppers look, and fill carts, from about three weeks to two days before they buy; searches go up a little
# earlier still. The real shop's week is so sparse that a shorter lead could not be told from chance.
_LEAD_DAYS, _LEAD_WIDTH = 2, 21
_SEARCH_LEAD = 5
# Product-locations that shoppers look at twice as much lately, without buying more; and that ran out.
_RISEN, _RISEN_DAYS = 12, 28
_RAN_OUT, _GAP_DAYS = 60, 5


def behaviour_make(panel: pl.DataFrame, *, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Behaviour of each series' days, and the stock of those that ran out.

    `panel`: `unique_id, ds, y` of the last weeks, each series from its first sale; one that was sold for less
    than four fifths of them has no behaviour. Behaviour: `unique_id, day`, counts; left out are
    days without any, and the last day, whose events come one by one. Stock: `unique_id, day, on_hand`, 0 on
    days of a gap in the sales and enough after it.
    """
    rng = np.random.default_rng(seed)
    panel = panel.sort("unique_id", "ds")
    days = panel["ds"].n_unique()
    known = panel.filter(pl.len().over("unique_id") >= 0.8 * days)
    ids = known["unique_id"].unique(maintain_order=True).to_list()
    calendar = panel["ds"].unique().sort().to_list()
    every = pl.DataFrame({"unique_id": ids}).join(pl.DataFrame({"ds": calendar}), how="cross")
    known = every.join(
        known.with_columns(pl.col("unique_id").cast(pl.String)),
        on=["unique_id", "ds"],
        how="left",
        maintain_order="left",
    )
    sold = known["y"].fill_null(0).to_numpy().reshape(len(ids), days)
    usual = sold.mean(axis=1, keepdims=True)
    wanted = 0.2 * usual + 0.8 * _ahead(sold, _LEAD_DAYS, _LEAD_WIDTH)
    gaps = _gaps(sold, rng)
    wanted = np.where(gaps, usual, wanted)
    conversion = rng.gamma(8.0, 0.10 / 8.0, (len(ids), 1)) + 0.01
    rate = wanted / conversion * np.exp(rng.normal(0, 0.25, sold.shape))
    # Of those that sell best: of others it could not be told.
    best = np.argsort(-usual[:, 0])[: 3 * _RISEN]
    rate[rng.permutation(best)[:_RISEN], -_RISEN_DAYS:] *= 2.2
    views = rng.poisson(rate)
    carts = np.where(gaps, 0, rng.binomial(views, np.minimum(2.0 * conversion, 0.9)))
    requests = np.where(gaps, rng.binomial(views, 0.03), 0)
    behaviour = pl.DataFrame(
        {
            "unique_id": np.repeat(ids, days),
            "day": pl.Series(calendar * len(ids)),
            "views": views.ravel(),
            "carts": carts.ravel(),
            "wishlists": rng.binomial(views, 0.02).ravel(),
            "searches": rng.binomial(views, 0.15).ravel(),
            "stock_requests": requests.ravel(),
        }
    ).filter(pl.sum_horizontal("views", "carts") > 0, pl.col("day") < calendar[-1])
    return behaviour, _stock(ids, calendar, gaps, usual)


def _ahead(sold: Floats, lead: int, width: int) -> Floats:
    """The mean of so many days that begin `lead` days later; towards the end, of what there is."""
    padded = np.concatenate(
        [sold, np.repeat(sold[:, -28:].mean(axis=1, keepdims=True), lead + width, axis=1)], axis=1
    )
    sums = np.cumsum(np.concatenate([np.zeros((len(sold), 1)), padded], axis=1), axis=1)
    days = sold.shape[1]
    means: Floats = (sums[:, lead + width : lead + width + days] - sums[:, lead : lead + days]) / width
    return means


def _gaps(sold: Floats, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which days are said to be without stock: the longest recent gap in the sales of some that sell well."""
    days = sold.shape[1]
    gaps = np.zeros(sold.shape, bool)
    well = np.argsort(-sold.mean(axis=1))[: 8 * _RAN_OUT]
    found = 0
    for item in rng.permutation(well):
        run = best = start = 0
        for day in range(days - 56, days - 2):
            run = run + 1 if sold[item, day] == 0 else 0
            if run > best:
                best, start = run, day - run + 1
        if _GAP_DAYS <= best <= 21:
            gaps[item, start : start + best] = True
            found += 1
        if found == _RAN_OUT:
            break
    return gaps


def _stock(ids: list[str], calendar: list[date], gaps: npt.NDArray[np.bool_], usual: Floats) -> pl.DataFrame:
    rows = []
    for item in np.flatnonzero(gaps.any(axis=1)):
        days = np.flatnonzero(gaps[item])
        rows += [{"unique_id": ids[item], "day": calendar[day], "on_hand": 0.0} for day in days]
        full = float(np.ceil(21 * usual[item, 0]) + 1)
        rows.append({"unique_id": ids[item], "day": calendar[days[-1] + 1], "on_hand": full})
    return pl.DataFrame(rows, schema={"unique_id": pl.String, "day": pl.Date, "on_hand": pl.Float64})


def indicators_make(sales: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Values of two made-up indicators: search interest by category, which goes before its sales, and one
    that is nothing but noise, for everywhere.

    `sales`: `category` (code), `day`, `units`. Columns: indicator, category (null: everywhere), day, value.
    """
    rng = np.random.default_rng(seed)
    first, last = sales.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    days = [first + timedelta(days=ago) for ago in range((last - first).days + 1)]
    frames = []
    for (category,), rows in sales.sort("category").group_by("category", maintain_order=True):
        units = pl.DataFrame({"day": days}).join(rows, on="day", how="left")["units"].fill_null(0).to_numpy()
        interest = _ahead(units[None, :].astype(float), _SEARCH_LEAD, 7)[0]
        index = 50 * interest / max(interest.mean(), 1e-9) * np.exp(rng.normal(0, 0.08, len(days)))
        frames.append(_values("SEARCH", str(category), days, index))
    frames.append(_values("NOISE", None, days, 100 + 10 * rng.standard_normal(len(days))))
    return pl.concat(frames)


def _values(indicator: str, category: str | None, days: list[date], values: Floats) -> pl.DataFrame:
    return pl.DataFrame(
        {"indicator": indicator, "category": category, "day": days, "value": np.round(values, 2)},
        schema={"indicator": pl.String, "category": pl.String, "day": pl.Date, "value": pl.Float64},
    )
