"""Forecasts of new products in a run: from their look-alikes, handed over to the ordinary models."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from forecasting.models import ForecastRun, LookAlike, SignalRun
from forecasting.services.look_alikes import NEW_WEEKS

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.result import ForecastResult

MODEL = "look_alike"
TOO_LATE = "look-alikes were found later: no new products are forecast from them"
# So many readings are looked through for the last one that learned weights.
_LOOK_BACK = 5


@dataclass(frozen=True, eq=False)
class Planned:
    """Product-locations of new products, and their look-alikes: product to [(neighbour, weight)].

    `too_late`: there are look-alikes, but of none was known what the run may know.
    """

    unique_id: list[str]
    near: dict[int, list[tuple[int, float]]]
    weights: dict[str, Any]
    too_late: bool = False

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of all of it."""
        near = [[pk, [[other, round(weight, 9)] for other, weight in own]] for pk, own in self.near.items()]
        text = json.dumps([self.unique_id, near, self.weights], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def planned_read(run: ForecastRun, panel: pl.DataFrame) -> Planned:
    """Which product-locations are forecast from look-alikes.

    Where a product with look-alikes sells for less than half a year, and where it has stock or supply terms
    and anything sells (a warehouse that only supplies others has no demand of its own); one that sells
    nowhere yet and has terms that hold everywhere, where one of its look-alikes sells. A successor whose
    predecessor is still being sold at the location inherits its demand in the plan: it gets none of its own
    on top. Look-alikes count that stand on sales up to the run's day, and on what was known to the run; so
    do statuses and successors.
    """
    import polars as pl

    from catalog.selectors import product_statuses

    near: dict[int, list[tuple[int, float]]] = {}
    gone = set(product_statuses(known_at=run.known_at).filter("is_gone")["product_id"])
    rows = LookAlike.objects.filter(
        Q(as_of=None) | Q(as_of__lte=run.as_of), known_at__lte=run.known_at
    ).order_by("product_id", "-weight", "neighbour_id")
    for product, neighbour, weight in rows.values_list("product_id", "neighbour_id", "weight"):
        if product not in gone:
            near.setdefault(product, []).append((neighbour, weight))
    if not near:
        told_later = LookAlike.objects.exclude(pk__in=rows.values("pk"))
        return Planned([], {}, {}, too_late=told_later.exists())
    readings = SignalRun.objects.filter(known_at__lte=run.known_at).exclude(report={})
    told = [
        report.get("look_alikes", {}) for report in readings.values_list("report", flat=True)[:_LOOK_BACK]
    ]
    learned = (own["weights"] for own in told if own.get("as_of", "9") <= run.as_of.isoformat())
    found: dict[str, Any] = next((weights for weights in learned if weights), {})
    sells = (
        panel.lazy()
        .filter(pl.col("ds") <= run.as_of)
        .group_by("unique_id")
        .agg(first=pl.col("ds").first())
        .collect()
        .with_columns(pl.col("unique_id").cast(pl.String))
    )
    pairs = sells["unique_id"].str.split_exact("@", 1).struct.unnest().cast(pl.Int64)
    sells = sells.with_columns(product_id=pairs["field_0"], location_id=pairs["field_1"])
    return Planned(_places(run, sells, near), near, found)


def _places(run: ForecastRun, sells: pl.DataFrame, near: dict[int, list[tuple[int, float]]]) -> list[str]:
    import polars as pl

    from catalog.selectors import stock_on, successors_frame, terms_all

    key = ["product_id", "location_id"]
    mine = pl.col("product_id").is_in(list(near))
    terms = terms_all(as_of=run.as_of, product_ids=list(near))
    stock = stock_on(as_of=run.as_of, known_at=run.known_at).filter(mine).select(key)
    there = pl.concat([stock, terms.filter(~pl.col("is_general")).select(key)]).unique()
    there = there.join(sells, on="location_id", how="semi")
    alike = pl.DataFrame(
        [(product, other) for product, own in near.items() for other, _ in own],
        schema={"product_id": pl.Int64, "neighbour_id": pl.Int64},
        orient="row",
    )
    # One that sells somewhere has shown where it is kept.
    general = (
        terms.filter(pl.col("is_general"))
        .select(key)
        .join(sells, on="product_id", how="anti")
        .join(
            alike.join(sells.select(neighbour_id="product_id", location_id="location_id"), on="neighbour_id"),
            on=key,
            how="semi",
        )
    )
    young = run.as_of - timedelta(weeks=NEW_WEEKS)
    old = sells.filter(mine & (pl.col("first") <= young)).select(key)
    own = sells.filter(mine & (pl.col("first") > young)).select(key)
    inherits = (
        successors_frame(known_at=run.known_at)
        .join(sells, on="product_id")
        .select(product_id="successor_id", location_id="location_id")
    )
    whole = pl.concat([there, general, own]).unique()
    whole = whole.join(old, on=key, how="anti").join(inherits, on=key, how="anti").sort(key)
    return whole.select(pl.format("{}@{}", *key)).to_series().to_list()


def result_with_new(
    run: ForecastRun, panel: pl.DataFrame, result: ForecastResult, planned: Planned
) -> tuple[ForecastResult, npt.NDArray[Any]]:
    """The result with the distributions of new product-locations, and each series' share of own sales (N,).

    Those without sales come after the others. The share is NaN where look-alikes have no part.
    """
    import numpy as np

    from forecasting.core.launch.forecast import NewSeries, forecast_new
    from forecasting.core.launch.history import History
    from forecasting.core.launch.weights import PartWeights

    ordinary = result.distribution
    size = len(ordinary.unique_id)
    if planned.too_late:
        warnings = [*result.report.get("warnings", []), TOO_LATE]
        result = replace(result, report=result.report | {"warnings": warnings})
    if not planned.unique_id or not ordinary.levels:
        return result, np.full(size, np.nan)
    history = History.of(panel, as_of=run.as_of, freq=ordinary.freq)
    at = {name: place for place, name in enumerate(history.unique_id)}
    most = max(len(own) for own in planned.near.values())
    count = len(planned.unique_id)
    neighbour, weight = np.full((count, most), -1), np.zeros((count, most))
    for row, name in enumerate(planned.unique_id):
        own = planned.near[int(name.split("@", 1)[0])]
        neighbour[row, : len(own)] = [other for other, _ in own]
        weight[row, : len(own)] = [value for _, value in own]
    new = NewSeries(
        planned.unique_id,
        np.array([at.get(name, -1) for name in planned.unique_id], dtype=np.int64),
        neighbour,
        weight,
    )
    found = forecast_new(new, history, ordinary, PartWeights.from_dict(planned.weights))
    place = {name: row for row, name in enumerate(ordinary.unique_id)}
    for name in planned.unique_id:
        place.setdefault(name, len(place))
    rows = np.array([place[name] for name in planned.unique_id], dtype=np.int64)
    return _extended(result, planned.unique_id, rows, found)


def _extended(
    result: ForecastResult, names: list[str], rows: npt.NDArray[Any], found: Any
) -> tuple[ForecastResult, npt.NDArray[Any]]:
    import numpy as np

    from forecasting.core.accuracy import AccuracySums
    from forecasting.core.explain import LEVEL

    ordinary = result.distribution
    size = len(ordinary.unique_id)
    more = max(int(rows.max(initial=-1)) + 1 - size, 0)
    added = [name for name, row in zip(names, rows, strict=True) if row >= size]

    def grown(values: npt.NDArray[Any], own: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        whole = np.concatenate([values, np.zeros((more, *values.shape[1:]), dtype=values.dtype)])
        if own is not None:
            whole[rows] = own
        return whole

    model = [*result.model, *[MODEL] * more]
    share = np.full(size + more, np.nan)
    share[rows] = found.own
    for row in rows[rows < size]:
        model[row] = f"{MODEL}+{model[row]}"
    contributions = result.contributions
    if contributions is not None:
        # What look-alikes say is a level.
        own = np.nan_to_num(grown(contributions)[rows] * found.own[:, None, None])
        own[:, :, LEVEL] += found.mean - own.sum(axis=2)
        contributions = grown(contributions, own.astype(contributions.dtype))
    accuracy = result.accuracy
    if accuracy is not None:
        accuracy = AccuracySums(grown(accuracy.sums), accuracy.by_step)
    corrections = result.corrections
    changed = replace(
        result,
        distribution=replace(
            ordinary,
            unique_id=[*ordinary.unique_id, *added],
            mean=grown(ordinary.mean, found.mean),
            quantiles=grown(ordinary.quantiles, found.quantiles),
            cum_quantiles=grown(ordinary.cum_quantiles, found.cum_quantiles),
        ),
        model=model,
        segment=[*result.segment, *["overall"] * more],
        pattern=[*result.pattern, *["new"] * more],
        contributions=contributions,
        accuracy=accuracy,
        corrections=None if corrections is None else [*corrections, *[b""] * more],
        report=result.report | {"new_products": {"series": len(rows), "without_sales": more}},
    )
    return changed, share
