"""Stored accuracy of product-locations without running the engine: chance errors around known demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils import timezone

from catalog.models import Job, Location, Product
from forecasting.core.accuracy import COLUMN, SUMS, band_ends, scores_of
from forecasting.models import AccuracySnapshot, ChampionDecision, ForecastRun
from forecasting.services.store import accuracy_store
from forecasting.services.worth import Worth
from tests.forecasting.shop import AS_OF

HORIZON = 13
MODELS = ("lightgbm", "linear")


def make_tested_run(**values: Any) -> ForecastRun:
    """A finished weekly run; its rows are for `make_accuracy`."""
    spec = {"freq": "W", "horizon": HORIZON, "models": list(MODELS), "seed": 0}
    now = timezone.now()
    return ForecastRun.objects.create(
        **{"as_of": AS_OF, "known_at": now, "spec": spec, "state": Job.State.DONE, "finished_at": now}
        | values
    )


def chance_sums(count: int, seed: int = 0) -> npt.NDArray[Any]:
    """(N, B, S) that hang together: errors within demand, shares within their weights."""
    rng = np.random.default_rng(seed)
    sums = np.zeros((count, len(band_ends(HORIZON)), len(SUMS)), dtype=np.float32)
    shape = sums.shape[:2]

    def put(name: str, values: Any) -> None:
        sums[:, :, COLUMN[name]] = values

    cells = rng.integers(5, 20, shape)
    actual = cells * rng.gamma(2, 5, (count, 1))
    error = actual * rng.normal(0.03, 0.2, shape)
    put("count", cells)
    put("left_out", rng.poisson(0.5, shape))
    put("actual", actual)
    put("error", error)
    put("absolute_error", np.abs(error) + 0.2 * actual)
    put("squared_error", (np.abs(error) + 0.2 * actual) ** 2 / cells)
    put("median_absolute_error", np.abs(error) + 0.15 * actual)
    put("naive_absolute_error", np.abs(error) + 0.4 * actual)
    for name in ("scaled_error", "pinball", "cum_pinball"):
        put(name, rng.uniform(0.1, 0.9, shape))
    for name in ("scaled_weight", "pinball_weight", "cum_pinball_weight"):
        put(name, 1.0)
    for kind in ("coverage", "cum_coverage"):
        for level in (90, 95, 99):
            put(f"{kind}_{level}_weight", cells)
            put(f"{kind}_{level}_below", cells * (level / 100 - 0.015))
            put(f"{kind}_{level}_at_most", cells * (level / 100 + 0.01))
    return sums


def make_accuracy(
    run: ForecastRun,
    series: Sequence[tuple[Product, Location]],
    *,
    sums: npt.NDArray[Any] | None = None,
    abc: Sequence[str] | None = None,
    xyz: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    prices: Sequence[float | None] | None = None,
) -> npt.NDArray[Any]:
    """Store the accuracy of product-locations, their scores over the runs and by step; returns the sums."""
    count = len(series)
    sums = chance_sums(count) if sums is None else sums
    accuracy_store(
        run_id=run.pk,
        rows=np.arange(count),
        product_ids=np.array([product.pk for product, _ in series], dtype=np.int64),
        location_ids=np.array([location.pk for _, location in series], dtype=np.int64),
        models=models or [MODELS[n % 2] for n in range(count)],
        abc=abc or ["ABC"[n % 3] for n in range(count)],
        xyz=xyz or ["XYZ"[n // 3 % 3] for n in range(count)],
        worth=Worth(
            revenue=np.zeros(count),
            prices=list(prices) if prices is not None else [2.0 + n for n in range(count)],
            category_ids=[product.category_id for product, _ in series],
        ),
        left_out=np.rint(sums[:, :, COLUMN["left_out"]].sum(axis=1)).astype(np.int64),
        sums=sums,
    )
    total = scores_of(sums.sum(axis=(0, 1), dtype=np.float64))
    AccuracySnapshot.objects.bulk_create(
        AccuracySnapshot(
            run=run,
            as_of=run.as_of,
            frequency="W",
            horizon=HORIZON,
            model=model,
            segment="overall",
            series=count,
            scores={
                name: worse * (total[name] or 0.0)
                for name in ("wape", "bias", "pinball", "coverage_95", "coverage_95_below")
            },
        )
        for model, worse in (("champion", 1.0), ("seasonal_naive", 1.4))
    )
    ChampionDecision.objects.create(
        run=run,
        segment="smooth",
        champion="lightgbm",
        previous="linear",
        challenger="lightgbm",
        difference=-0.031,
        needed=-0.02,
        switched=True,
    )
    steps = np.linspace(0.8, 1.2, HORIZON)
    run.report = run.report | {
        "by_step": [
            {"wape": step * (total["wape"] or 0.0), "naive_wape": step * (total["naive_wape"] or 0.0)}
            for step in steps.tolist()
        ]
    }
    run.save(update_fields=["report"])
    return sums
