"""Do trend classes tell the next quarter's direction? On public panels by product, at six origins.

    .venv/bin/python -m benchmarks.trends

At each origin only the weeks before it are read: the classes, the SVM and the tree are fitted on quarters
that were over by then. They are compared with the direction of the quarter that followed, and with the
trivial answers: last quarter's direction again, always the most frequent one, always stable; for high
sellers, those of today. Origins lie eight weeks apart and end a quarter before the data do, so that the first
has a year of history on both sets; a second table has them a quarter apart. docs/trends.md has the figures.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from benchmarks import forecast_sets
from forecasting.core.trends.reading import TRENDS, Assessment, assess, read_trends
from forecasting.core.trends.signs import QUARTER

Array = npt.NDArray[Any]
_ORIGINS = 6
_DRAWS = 2000


def retail() -> tuple[Array, Array]:
    """Online Retail II by product and week, all markets together; it has no categories."""
    lines = forecast_sets._retail_lines().with_columns(pl.col("StockCode").alias("unique_id"))
    sales = forecast_sets._retail_sums(lines, "1w")
    y, ids = _panel(sales.filter(pl.col("ds") <= date(2011, 11, 28)))
    return y, np.zeros(len(ids), dtype=np.int64)


def frat() -> tuple[Array, Array]:
    """Breakfast at the Frat by product and week, all stores together, with its categories."""
    folder = forecast_sets.data_folder("breakfast_at_the_frat")
    lines = pl.read_parquet(folder / "transactions.parquet")
    sales = lines.group_by(
        pl.col("upc_id").cast(pl.String).alias("unique_id"), pl.col("week_end_date").dt.date().alias("ds")
    ).agg(pl.col("units").sum().cast(pl.Float64).alias("y"))
    y, ids = _panel(sales)
    products = pl.read_csv(folder / "products.csv")
    categories = dict(zip(products["upc_id"].cast(pl.String), products["category"], strict=True))
    names = sorted(set(categories.values()))
    return y, np.array([names.index(categories[name]) for name in ids])


def _panel(sales: pl.DataFrame) -> tuple[Array, list[str]]:
    """Units (N, T) by week, NaN before a product's first sale, and the products' names."""
    ids = sales["unique_id"].unique().sort()
    row = sales["unique_id"].cast(pl.Enum(ids)).to_physical().to_numpy()
    week = ((sales["ds"] - sales["ds"].min()).dt.total_days() // 7).to_numpy()
    y = np.zeros((len(ids), int(week.max()) + 1))
    y[row, week] = sales["y"].to_numpy()
    first = np.argmax(y > 0, axis=1)
    y[np.arange(y.shape[1]) < first[:, None]] = np.nan
    return y, ids.to_list()


def directions_table(found: list[Assessment]) -> None:
    """Accuracy, balanced accuracy and macro-F1 of the classes and of other answers, pooled over origins."""
    actual = np.concatenate([one.actual for one in found])
    answers = {
        "classes": [one.told for one in found],
        "SVM": [np.zeros_like(one.actual) if one.second is None else one.second for one in found],
        "last quarter's direction": [one.trivial for one in found],
        "most frequent direction": [one.frequent for one in found],
        "always stable": [np.zeros_like(one.actual) for one in found],
    }
    print(f"{'':26}   accuracy  balanced  macro-F1   by origin, the latest first")
    for name, parts in answers.items():
        told = np.concatenate(parts)
        each = " ".join(f"{np.mean(part == one.actual):.3f}" for part, one in zip(parts, found, strict=True))
        print(
            f"{name:26} {np.mean(told == actual):10.3f}{balanced_accuracy_score(actual, told):10.3f}"
            f"{f1_score(actual, told, average='macro'):10.3f}   {each}"
        )
    for name in ("classes", "SVM"):
        gains = [
            (part == one.actual).astype(float) - (one.trivial == one.actual)
            for part, one in zip(answers[name], found, strict=True)
        ]
        rows = np.concatenate([one.rows for one in found])
        origins = np.repeat(np.arange(len(found)), [len(one.rows) for one in found])
        gain = np.concatenate(gains)
        for what, cluster in (("products", rows), ("origins", origins)):
            low, high = interval(gain, cluster)
            print(
                f"{name} less last quarter's direction: {gain.mean():+.3f}, 95% interval over {what} "
                f"{low:+.3f} to {high:+.3f}"
            )


def interval(gain: Array, cluster: Array) -> tuple[float, float]:
    """95% of the means of ``gain`` (R,) when whole clusters are drawn again, with replacement."""
    number = np.unique(cluster, return_inverse=True)[1]
    sums, counts = np.bincount(number, gain), np.bincount(number)
    drawn = np.random.default_rng(0).integers(0, len(sums), (_DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def classes_table(found: list[Assessment]) -> None:
    """How often each class was right, and what followed it."""
    trend = np.concatenate([one.trend for one in found])
    actual = np.concatenate([one.actual for one in found])
    told = np.concatenate([one.told for one in found])
    print(f"{'':10}  cases   right    down  stable      up")
    for number, name in enumerate(TRENDS):
        of = trend == number
        if of.any():
            shares = "".join(f"{np.mean(actual[of] == way):8.3f}" for way in (-1, 0, 1))
            print(f"{name:10}{of.sum():7}{np.mean(told[of] == actual[of]):8.3f}{shares}")


def high_table(found: list[Assessment]) -> None:
    """High sellers of the next quarter: the tree at even odds beside the high sellers of this one."""
    known = [one for one in found if one.high_chance is not None]
    actual = np.concatenate([one.high_actual for one in known])
    chance = np.concatenate([one.high_chance for one in known if one.high_chance is not None])
    now = np.concatenate([one.high_now for one in known])
    print(f"{'high sellers':26}  precision  recall      F1     AUC")
    # Units of different quarters don't compare: the AUC is the mean over origins.
    auc = [np.mean([roc_auc_score(one.high_actual, one.high_chance) for one in known])]
    auc.append(np.mean([roc_auc_score(one.high_actual, one.units_now) for one in known]))
    for name, told, area in (("tree", chance >= 0.5, auc[0]), ("high seller now", now, auc[1])):
        right = (told & actual).sum()
        precision, recall = right / told.sum(), right / actual.sum()
        f1 = 2 * precision * recall / (precision + recall)
        print(f"{name:26}{precision:11.3f}{recall:8.3f}{f1:8.3f}{area:8.3f}")


def speed(count: int = 100_000, weeks: int = 156) -> None:
    """Seconds to read so many made-up series."""
    rng = np.random.default_rng(0)
    y = rng.poisson(rng.gamma(1, 5, (count, 1)), (count, weeks)).astype(float)
    groups = np.arange(count) % 50
    read_trends(y[:200], groups[:200])
    start = time.perf_counter(), time.process_time()
    read_trends(y, groups)
    wall, busy = time.perf_counter() - start[0], time.process_time() - start[1]
    print(f"{count:,} series of {weeks} weeks: {wall:.1f} s ({busy:.1f} s of processor time)")


def main() -> None:
    """All tables."""
    for apart in (8, QUARTER):
        for name, load in (("Online Retail II", retail), ("Breakfast at the Frat", frat)):
            try:
                y, groups = load()
            except FileNotFoundError as error:
                print(f"{name}: skipped, {error}")
                continue
            last = y.shape[1] - QUARTER
            found = [assess(y, last - apart * back, groups) for back in range(_ORIGINS)]
            cases = sum(len(one.rows) for one in found)
            print(f"\n{name}, {_ORIGINS} origins {apart} weeks apart, {cases:,} cases")
            directions_table(found)
            if apart == 8:
                classes_table(found)
                high_table(found)
    speed()


if __name__ == "__main__":
    main()
