"""How well the response to price and promotion is estimated: on public data, and where the truth is known.

    FORESTOCK_DATA=... .venv/bin/python -m benchmarks.price_response [--series 3000] [--speed 30000]

1. Breakfast at the Frat: each fold learns up to its as-of date; in the eight weeks after it, those with
   another price than usual or a promotion are predicted as the level of the last 13 weeks times the response.
2. A generated shop with known elasticities: discounts come with promotions, regular prices move in steps,
   demand has a common season and drifting levels, and a part of the weeks is out of stock.
3. What prices that are no list prices would make of it: the mean of order lines (Online Retail II), and what
   was paid in a store (Complete Journey) against the price of most of the chain's lines.
4. Its share of a whole run's time, at more series (`--speed`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.forecast_sets import _journey_lines, frat, journey, retail_weekly
from forecasting.core.cleaning import clean
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast_panel
from forecasting.core.response.estimate import Responses, response_estimate
from forecasting.core.response.poisson import PanelPoisson
from forecasting.core.response.regressors import Regressors
from forecasting.core.response.series import LEAST_ELASTICITY, MOST_UPLIFT, Z
from forecasting.core.spec import ForecastSpec

Array = npt.NDArray[Any]

_LEVEL_WEEKS = 13
_OFF = 0.05


def shop_wide(model: PanelPoisson, count: int) -> Array:
    """One pair of coefficients for all series (N, 2), by Newton's method."""
    found = np.zeros((count, 2))
    for _ in range(8):
        model.move(found)
        info = model.information(found)
        weight = 1 / info.dispersion()
        step = np.linalg.solve(
            np.einsum("n,npq->pq", weight, info.curvature), np.einsum("n,np->p", weight, info.score)
        )
        found = found + step
    return found


def alone(model: PanelPoisson, count: int) -> tuple[Array, Array]:
    """Each series by itself (N, 2), within the same bounds, and the errors that the regression reports."""
    found = np.zeros((count, 2))
    for _ in range(12):
        model.move(found)
        info = model.information(found)
        curvature = info.curvature + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, info.score[..., None])[..., 0]
        found = np.clip(found + np.clip(step, -2, 2), [LEAST_ELASTICITY, 0], [0, MOST_UPLIFT])
    cov = np.linalg.inv(curvature) * info.dispersion()[:, None, None]
    return found, np.sqrt(np.maximum(np.einsum("npp->np", cov), 0))


def factors(coefficients: Array, price: Array, promotion: Array) -> Array:
    """(T, N) of regressors (T, N)."""
    log = price * coefficients[:, 0] + promotion * coefficients[:, 1]
    return np.asarray(np.exp(np.clip(log, -4, 4)))


def public_data() -> None:
    """Part 1."""
    case = frat()
    errors: dict[str, list[Array]] = {}
    cells = 0
    for cut in case.cuts:
        panel = panel_from_frame(
            case.fold(cut).panel,
            as_of=cut,
            freq="W",
            horizon=case.spec.horizon,
            known=case.spec.known,
            static=case.spec.static,
        )
        demand = clean(panel)
        data = Regressors.of(panel, demand)
        assert data is not None
        future = panel.known["price"].values[panel.periods :]
        with np.errstate(divide="ignore"):
            last = np.log(panel.known["price"].values[: panel.periods])
        usual = np.nanmedian(last[-data.price.shape[0] :], axis=0)
        price = np.clip(np.log(future) - usual, -1.5, 1.5)
        flags = [panel.known[name].values[panel.periods :] for name in ("feature", "display", "tpr_only")]
        promotion = np.nan_to_num(np.max(flags, axis=0))
        # What is usual: the price of most of the weeks that the level comes from.
        now = np.nanmedian(last[-_LEVEL_WEEKS:], axis=0)
        actual = case.fold(cut).actual.T
        off = (np.abs(np.log(future) - now) > _OFF) | (promotion > 0)
        off &= np.isfinite(actual) & np.isfinite(price)
        group = np.unique(panel.static["category"].values, return_inverse=True)[1]
        found = response_estimate(panel, demand)
        assert found is not None
        methods = {
            "no response": np.zeros((panel.count, 2)),
            "one elasticity for the shop": shop_wide(PanelPoisson(data, group, "W"), panel.count),
            "each series alone": alone(PanelPoisson(data, group, "W"), panel.count)[0],
            "pooled (Forestock)": np.stack([found.elasticity, found.uplift], axis=1),
        }
        cells += int(off.sum())
        for name, coefficients in methods.items():
            recent = slice(-_LEVEL_WEEKS, None)
            seen = data.weight[recent] > 0
            past = factors(coefficients, data.price[recent], data.promotion[recent])
            level = (data.units[recent] * seen).sum(axis=0) / np.maximum((past * seen).sum(axis=0), 1e-9)
            guess = level * factors(coefficients, np.nan_to_num(price), promotion)
            table = np.stack([np.abs(guess - actual), guess - actual, actual], axis=-1)[off]
            errors.setdefault(name, []).append(table.sum(axis=0))
    print(f"\n## Breakfast at the Frat: {cells:,} weeks with another price or a promotion, 3 folds\n")
    print("| response | WAPE | by fold | bias |\n|---|---|---|---|")
    for name, sums in errors.items():
        wape, bias, units = np.sum(sums, axis=0)
        folds = ", ".join(f"{one[0] / one[2]:.3f}" for one in sums)
        print(f"| {name} | {wape / units:.3f} | {folds} | {100 * bias / units:+.1f}% |")


@dataclass(frozen=True, eq=False)
class Shop:
    """A generated shop with its true coefficients (N, 2)."""

    panel: Panel
    truth: Array
    rate: Array


def generated(count: int, periods: int = 104, seed: int = 0) -> Shop:
    """A shop whose elasticities are known."""
    rng = np.random.default_rng(seed)
    category = rng.integers(0, 20, count)
    centre = rng.normal([-2.0, 0.35], [0.6, 0.1], (20, 2))
    truth = centre[category] + rng.normal(0, [0.6, 0.15], (count, 2))
    truth = np.clip(truth, [-6, 0], [-0.1, 1.5])
    rate = np.exp(rng.uniform(np.log(0.5), np.log(60), count))
    # Promotions of a week or two every two months or so; most of them cut the price, and some cuts have none.
    promoted = rng.random((periods, count)) < 0.09
    promoted |= np.roll(promoted, 1, axis=0) & (rng.random((periods, count)) < 0.4)
    depth = rng.choice([0.0, 0.1, 0.2, 0.3], (periods, count), p=[0.25, 0.3, 0.3, 0.15]) * promoted
    depth = np.where((rng.random((periods, count)) < 0.03) & ~promoted, 0.15, depth)
    steps = np.cumsum(rng.choice([0, -0.05, 0.05], (periods, count), p=[0.97, 0.01, 0.02]), axis=0)
    # A third of the shop never changes a price.
    fixed = rng.random(count) < 1 / 3
    log_price = np.where(fixed, 0, steps + np.log1p(-depth))
    promoted &= rng.random(count) < 0.8
    week = np.arange(periods)[:, None]
    season = 0.3 * np.sin(2 * np.pi * week / 52 + category * 0.3)
    drift = np.cumsum(rng.normal(0, 0.03, (periods, count)), axis=0)
    mean = rate * np.exp(season + drift + log_price * truth[:, 0] + promoted * truth[:, 1])
    # Negative binomial: variance mean x 1.5, and a part that grows with its square.
    y = rng.poisson(mean * rng.gamma(12, 1 / 12, mean.shape) * 1.0).astype(np.float32)
    out = rng.random((periods, count)) < 0.04
    y = np.where(out, np.floor(y * rng.random(y.shape)), y).astype(np.float32)
    end = date(2024, 12, 29)
    labels = [end - timedelta(weeks=periods - 1 - t) for t in range(periods)]
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat([f"{i:06}" for i in range(count)], periods),
            "ds": labels * count,
            "y": y.T.ravel(),
            "in_stock": ~out.T.ravel(),
            "price": (10 * np.exp(log_price)).T.ravel(),
            "promotion": promoted.T.ravel().astype(np.float32),
            "category": np.repeat(category.astype(str), periods),
        }
    )
    panel = panel_from_frame(frame, as_of=end, freq="W", horizon=13, static=("category",))
    return Shop(panel, truth, rate)


def known_truth(count: int) -> None:
    """Part 2."""
    shop = generated(count)
    demand = clean(shop.panel)
    data = Regressors.of(shop.panel, demand)
    found = response_estimate(shop.panel, demand)
    assert data is not None
    assert found is not None
    group = np.unique(shop.panel.static["category"].values, return_inverse=True)[1]
    own, own_error = alone(PanelPoisson(data, group, "W"), count)
    bands = [("price changed", found.changes > 0)]
    bands += [
        (f"{low:g} to {high:g} a week", (shop.rate >= low) & (shop.rate < high) & (found.changes > 0))
        for low, high in ((0.5, 3), (3, 15), (15, 60))
    ]
    bands.append(("price never changed", found.changes == 0))
    print(f"\n## Generated shop: {count:,} series, 104 weeks\n")
    print("| series | of | coefficient | method | bias | RMSE | truth within the 80% interval |")
    print("|---|---|---|---|---|---|---|")
    for label, rows in bands:
        for p, name in enumerate(("elasticity", "log uplift")):
            for method, value, error in (
                ("pooled", *_of(found, p)),
                ("alone", own[:, p], own_error[:, p]),
            ):
                off = (value - shop.truth[:, p])[rows]
                inside = np.abs(off) <= Z * error[rows]
                covered = f"{100 * inside.mean():.0f}%"
                if method == "alone" and label == "price never changed" and p == 0:
                    continue
                print(
                    f"| {label} | {int(rows.sum()):,} | {name} | {method} | {off.mean():+.2f}"
                    f" | {np.sqrt(np.mean(off**2)):.2f} | {covered} |"
                )


def _of(found: Responses, p: int) -> tuple[Array, Array]:
    return (found.elasticity, found.elasticity_se) if p == 0 else (found.uplift, found.uplift_se)


def kinds_of_price() -> None:
    """Part 3."""
    print("\n## Prices that are no list prices\n")
    print("| data | price | mean elasticity | series with changes |\n|---|---|---|---|")
    case = retail_weekly()
    shop = panel_from_frame(case.panel, as_of=case.cuts[-1], freq="W", horizon=4, static=("market",))
    _told("Online Retail II", "mean of order lines", shop)
    filled = case.panel.with_columns(pl.col("price").fill_null(strategy="forward").over("unique_id"))
    shop = panel_from_frame(filled, as_of=case.cuts[-1], freq="W", horizon=4, static=("market",))
    _told("Online Retail II", "the same, carried over weeks without sales", shop)
    lines = _journey_lines().with_columns(
        pl.col("ds").dt.truncate("1w"), unit=pl.col("sales_value") / pl.col("quantity")
    )
    panel = journey().panel.with_columns(pl.col("unique_id").str.split("@").list.first().alias("product"))
    chain = lines.group_by(pl.col("product_id").cast(pl.String).alias("product"), "ds").agg(
        pl.col("unit").median().alias("chain")
    )
    paid = lines.group_by(pl.format("{}@{}", "product_id", "store_id").alias("unique_id"), "ds").agg(
        (pl.col("sales_value").sum() / pl.col("quantity").sum()).alias("paid")
    )
    panel = panel.join(chain, on=["product", "ds"], how="left").join(paid, on=["unique_id", "ds"], how="left")
    last = panel["ds"].max()
    for column, words in (("paid", "paid in the store"), ("chain", "median over the chain")):
        frame = panel.select(
            "unique_id", "ds", "y", "display", "mailer", "product_category", pl.col(column).alias("price")
        ).rename({"product_category": "category"})
        shop = panel_from_frame(frame, as_of=last, freq="W", horizon=4, static=("category",))  # type: ignore[arg-type]
        _told("Complete Journey", words, shop)


def _told(data: str, price: str, panel: Panel) -> None:
    found = response_estimate(panel, clean(panel))
    shop = found.shop if found else {}
    known = shop.get("elasticity") is not None
    value = f"{shop['elasticity']:+.2f} ± {shop['elasticity_se']:.2f}" if known else "none stored"
    print(f"| {data} | {price} | {value} | {shop.get('series_with_changes', 0):,} of {panel.count:,} |")


def speed(count: int) -> None:
    """Part 4."""
    result = forecast_panel(
        generated(count).panel, spec=ForecastSpec(freq="W", horizon=13, static=("category",), explain=True)
    )
    seconds = {name: stage["seconds"] for name, stage in result.report["stages"].items()}
    whole = sum(seconds.values())
    print(
        f"\n{count:,} series x 104 weeks, a full run: {whole:.0f} s, of them {seconds['response']:.1f} s"
        f" ({100 * seconds['response'] / whole:.1f}%) for the response, {seconds['clean']:.1f} s for cleaning"
    )


def main() -> None:
    """All parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=3000)
    parser.add_argument("--speed", type=int, default=30_000)
    options = parser.parse_args()
    public_data()
    known_truth(options.series)
    kinds_of_price()
    if options.speed:
        speed(options.speed)


if __name__ == "__main__":
    main()
