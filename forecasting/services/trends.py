"""The step of a run that tells where products, categories and markets are going."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.conf import settings
from django.db import transaction

from catalog.models import Location
from catalog.services.heartbeat import hold
from forecasting.models import SignalRun, TrendReading

if TYPE_CHECKING:
    from forecasting.core.trends.reading import Assessment, Trends

Array = npt.NDArray[Any]
Kind = TrendReading.Kind

HISTORY_DAYS = 7 * 156
KEPT_RUNS = 2
SPARK_WEEKS = 52
CHART_WEEKS = 156
_BATCH = 5_000
_LEAST_PART = 0.03


@dataclass(frozen=True, eq=False)
class _Rows:
    """Weekly units (N, T) of the things of one kind by id, their groups, and money per unit."""

    kind: str
    ids: Array
    y: Array
    groups: Array
    worth: Array


def trends_read(run: SignalRun, say: Callable[[float], None]) -> dict[str, Any]:
    """Classes of all products, categories (each with what is under it) and markets, as of the run.

    Returns counts, and how well classes, tree and SVM would have told the last quarter, beside the trivial
    answers. Readings of all but the last two runs are deleted.
    """
    from catalog.selectors import demand_panel
    from forecasting.core.trends.reading import TRENDS, assess, read_trends
    from forecasting.core.trends.signs import QUARTER

    panel = demand_panel(as_of=run.as_of, known_at=run.known_at, freq="W", history_days=HISTORY_DAYS)
    before = _previous(run)
    report: dict[str, Any] = {"products": 0, "categories": 0, "markets": 0}
    if panel.is_empty():
        with transaction.atomic():
            hold(run)
            TrendReading.objects.filter(run=run).delete()
        return report
    say(0.1)
    found = list(_kinds(panel, run.as_of))
    readings: list[TrendReading] = []
    for place, rows in enumerate(found):
        trends = read_trends(rows.y, rows.groups, rows.worth)
        readings += _readings(run, rows, trends, before)
        if rows.kind == Kind.PRODUCT:
            report["products"] = len(rows.ids)
            report["rules"] = [
                {"limits": rule.limits, "share": rule.share, "count": rule.count} for rule in trends.rules
            ]
            if rows.y.shape[1] >= 4 * QUARTER:
                report["validation"] = _validation(
                    assess(rows.y, rows.y.shape[1] - QUARTER, rows.groups), run.as_of
                )
        else:
            report["categories" if rows.kind == Kind.CATEGORY else "markets"] = len(rows.ids)
        say(0.1 + 0.6 * (place + 1) / len(found))
    report["classes"] = {name: sum(row.trend == name for row in readings) for name in TRENDS}
    with transaction.atomic():
        hold(run)
        TrendReading.objects.filter(run=run).delete()
        for first in range(0, len(readings), _BATCH):
            TrendReading.objects.bulk_create(readings[first : first + _BATCH])
            say(0.7 + 0.3 * first / len(readings))
        _prune(run)
    return report


def _kinds(panel: pl.DataFrame, as_of: date) -> list[_Rows]:
    """The panel's sums by product, by category with all that is under it, and by location.

    Revenue is in the home currency at the rates of the day, 0 where no rate is known.
    """
    from catalog.selectors import category_ancestors, exchange_rates_frame, unique_id_split

    rates = exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    factor = {pk: rates.get(code, 0.0) for pk, code in Location.objects.values_list("pk", "currency")}

    product, location = unique_id_split(panel["unique_id"].unique(maintain_order=True).to_list())
    lengths = panel.group_by("unique_id", maintain_order=True).len()["len"].to_numpy()
    first_week: date = panel["ds"].min()  # type: ignore[assignment]
    frame = panel.select(
        product=np.repeat(product, lengths),
        location=np.repeat(location, lengths),
        category=pl.col("category").cast(pl.String).cast(pl.Int64),
        week=(pl.col("ds") - first_week).dt.total_days() // 7,
        y=pl.col("y"),
        revenue=pl.col("revenue").fill_null(0.0),
    ).with_columns(
        revenue=pl.col("revenue")
        * pl.col("location").replace_strict(factor, default=0.0, return_dtype=pl.Float64)
    )
    above = pl.DataFrame(
        category_ancestors(), schema={"category": pl.Int64, "ancestor": pl.Int64}, orient="row"
    )
    by_category = frame.filter(pl.col("category").is_not_null()).join(above, on="category")
    weeks = int(frame["week"].max()) + 1  # type: ignore[arg-type]
    of_product = frame.group_by("product").agg(pl.col("category").first()).sort("product")
    groups = of_product["category"].fill_null(-1).rank("dense").to_numpy().astype(np.int64) - 1
    result = [_sums(frame, Kind.PRODUCT, "product", weeks, groups)]
    if by_category.height:
        result.append(_sums(by_category, Kind.CATEGORY, "ancestor", weeks, None))
    result.append(_sums(frame, Kind.MARKET, "location", weeks, None))
    return result


def _sums(frame: pl.DataFrame, kind: str, key: str, weeks: int, groups: Array | None) -> _Rows:
    sums = frame.group_by(key, "week").agg(pl.col("y", "revenue").sum())
    ids = sums[key].unique().sort()
    row = np.searchsorted(ids.to_numpy(), sums[key].to_numpy())
    y = np.zeros((len(ids), weeks))
    y[row, sums["week"].to_numpy()] = np.maximum(sums["y"].to_numpy(), 0.0)
    revenue = np.bincount(row, sums["revenue"].to_numpy(), len(ids))
    units = y.sum(axis=1)
    started = np.where((y > 0).any(axis=1), np.argmax(y > 0, axis=1), weeks)
    y[np.arange(weeks) < started[:, None]] = np.nan
    worth = np.where(units > 0, revenue / np.where(units > 0, units, 1.0), 0.0)
    # Without any revenue on record, units rank.
    worth = worth if worth.any() else np.ones(len(ids))
    return _Rows(kind, ids.to_numpy(), y, np.zeros(len(ids), np.int64) if groups is None else groups, worth)


def _previous(run: SignalRun) -> dict[tuple[str, int], str]:
    """The class of each thing in the last finished run before this one."""
    last = SignalRun.objects.filter(pk__lt=run.pk, trends__isnull=False).order_by("-pk").values("pk").first()
    if last is None:
        return {}
    rows = TrendReading.objects.filter(run=last["pk"]).order_by()
    return {
        (kind, product or category or location): trend
        for kind, product, category, location, trend in rows.values_list(
            "kind", "product_id", "category_id", "location_id", "trend"
        )
    }


def _readings(
    run: SignalRun, rows: _Rows, trends: Trends, before: dict[tuple[str, int], str]
) -> list[TrendReading]:
    from forecasting.core.classify import ADI_CUT, CV2_CUT
    from forecasting.core.trends.outlook import directions
    from forecasting.core.trends.reading import TRENDS
    from forecasting.core.trends.signs import NAMES

    weeks = rows.y.shape[1]
    column = {Kind.PRODUCT: "product_id", Kind.CATEGORY: "category_id"}.get(Kind(rows.kind), "location_id")
    kept = SPARK_WEEKS if rows.kind == Kind.PRODUCT else CHART_WEEKS
    was = directions(trends.signs.before, trends.signs.last)
    own = dict(zip(NAMES, trends.outlook.parts.T, strict=True))
    signs, outlook = trends.signs, trends.outlook
    last = run.as_of - timedelta(days=7 * (weeks - 1))
    made = []
    for i, pk in enumerate(rows.ids.tolist()):
        change = float(outlook.change[i])
        evidence: dict[str, Any] = {
            "last": float(signs.last[i]),
            "before": float(signs.before[i]),
            "change": float(np.clip(np.expm1(change), -1, 2)),
            "chances": [round(float(chance), 4) for chance in outlook.chances[i]],
            "direction": int(trends.direction[i]),
            "was": int(was[i]),
            "parts": {
                name: round(value, 4)
                for name, value in (
                    ("season", float(trends.season_part[i])),
                    ("trend", float(own["trend"][i]) + signs.climb),
                    ("pace", float(own["month"][i] + own["half"][i])),
                    ("level", float(own["before"][i] + own["two_before"][i] + own["three_before"][i])),
                )
                if abs(value) >= _LEAST_PART
            },
            "slope": round(float(np.expm1(signs.steady.slope[i])), 4),
            "tau": round(float(signs.steady.tau[i]), 3),
            "z": round(float(signs.steady.z[i]), 2),
            "age": int(trends.age[i]),
            "idle": int(trends.idle[i]),
            "lumpy": bool(trends.adi[i] >= ADI_CUT and trends.cv2[i] >= CV2_CUT),
            "is_high": bool(trends.is_high[i]),
        }
        if trends.shift.p[i] < 0.01:
            step = max(0, weeks - SPARK_WEEKS) + int(trends.shift.week[i])
            evidence["shift"] = {
                "week": (last + timedelta(days=7 * step)).isoformat(),
                "size": round(float(np.clip(np.expm1(trends.shift.size[i]), -1, 10)), 3),
            }
        if np.isfinite(trends.season[i]):
            evidence["season"] = round(float(trends.season[i]), 3)
        if trends.second is not None:
            evidence["second"] = int(trends.second[i])
        if trends.high is not None:
            evidence["high"] = round(float(trends.high[i]), 3)
        line = rows.y[i, -kept:]
        made.append(
            TrendReading(
                run=run,
                kind=rows.kind,
                trend=TRENDS[trends.trend[i]],
                previous=before.get((rows.kind, pk), ""),
                confidence=float(trends.confidence[i]),
                score=float(trends.score[i]),
                evidence=evidence,
                sparkline=[round(value, 1) for value in line[np.isfinite(line)].tolist()],
                **{column: pk},
            )
        )
    return made


def _validation(found: Assessment, as_of: date) -> dict[str, Any]:
    """Shares that were right a quarter ago, and what the tree's and today's high sellers were worth."""
    from forecasting.core.trends.signs import QUARTER

    def right(told: Array | None) -> float | None:
        return None if told is None or not len(told) else round(float(np.mean(told == found.actual)), 4)

    def high(told: Array | None) -> dict[str, float] | None:
        if told is None or not told.any() or not found.high_actual.any():
            return None
        hits = float((told & found.high_actual).sum())
        return {
            "precision": round(hits / told.sum(), 4),
            "recall": round(hits / found.high_actual.sum(), 4),
        }

    return {
        "day": (as_of - timedelta(days=7 * QUARTER)).isoformat(),
        "series": len(found.rows),
        "classes": right(found.told),
        "second": right(found.second),
        "trivial": right(found.trivial),
        "frequent": right(found.frequent),
        "tree": high(None if found.high_chance is None else found.high_chance >= 0.5),
        "now": high(found.high_now),
    }


def _prune(run: SignalRun) -> None:
    """Delete the readings of runs before the last two that have any."""
    told = TrendReading.objects.filter(run__lte=run.pk).order_by("-run")
    kept = list(told.values_list("run", flat=True).distinct()[:KEPT_RUNS])
    TrendReading.objects.filter(run__lt=min(kept)).delete()
