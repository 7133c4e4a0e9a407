"""How long one override of the whole shop takes: 100,000 product-locations, 13 weeks, 9 quantiles, one core.

OMP_WAIT_POLICY=PASSIVE .venv/bin/python -m benchmarks.override_speed
"""

from __future__ import annotations

import time
from datetime import date, timedelta

import numpy as np

from forecasting.core.distribution import QUANTILES, DemandDistribution
from forecasting.core.overrides import Override, overrides_apply

SERIES, WEEKS, AS_OF = 100_000, 13, date(2026, 6, 28)


def main() -> None:
    rng = np.random.default_rng(0)
    mean = rng.gamma(0.5, 4, (SERIES, WEEKS)).astype(np.float32)
    quantiles = np.sort(rng.poisson(mean[..., None], (SERIES, WEEKS, len(QUANTILES))), axis=2)
    demand = DemandDistribution(
        unique_id=[str(number) for number in range(SERIES)],
        as_of=AS_OF,
        freq="W",
        ds=np.array([AS_OF + timedelta(days=7 * h) for h in range(1, WEEKS + 1)], dtype="datetime64[D]"),
        mean=mean,
        quantiles=quantiles,
        cum_quantiles=np.cumsum(quantiles, axis=1),
    )
    override = Override(
        key=1,
        kind="uplift",
        value=1000.0,
        first_day=AS_OF + timedelta(days=3),
        last_day=AS_OF + timedelta(days=22),
        rows=np.arange(SERIES),
    )
    start = time.process_time()
    overrides_apply(demand, [override])
    print(f"{SERIES:,} product-locations: {time.process_time() - start:.2f} CPU s")


if __name__ == "__main__":
    main()
