"""How demand answers to price and promotion, as a run stored it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forecasting.models import ForecastDistribution, ForecastRun
from forecasting.selectors.stored import rows_read

if TYPE_CHECKING:
    import numpy.typing as npt

    from forecasting.core.response.series import SeriesResponse


def response_read(run: ForecastRun, *, product_id: int, location_id: int) -> SeriesResponse | None:
    """The response of one product-location; None where the run stored none of it."""
    row = (
        ForecastDistribution.objects.filter(
            run_id=run.same_as_id or run.pk, product_id=product_id, location_id=location_id
        )
        .only("response")
        .first()
    )
    return response_of(row)


def response_of(row: ForecastDistribution | None) -> SeriesResponse | None:
    """The response that a stored distribution holds, if any."""
    from forecasting.core.response.series import SeriesResponse

    return SeriesResponse.of(bytes(row.response)) if row else None


def elasticities_read(
    run: ForecastRun, unique_id: Sequence[str], *, product_ids: Sequence[int], location_ids: Sequence[int]
) -> npt.NDArray[Any]:
    """Own-price elasticities (N,) of series, -8 to 0; NaN where the run knows none."""
    import numpy as np

    from forecasting.core.response.series import unpack

    frame = rows_read("product_id, location_id, response", run, product_ids, location_ids)
    rows = [(f"{product}@{location}", blob) for product, location, blob in frame.iter_rows() if blob]
    values = unpack([blob for _name, blob in rows])[:, 0].tolist()
    found = dict(zip((name for name, _blob in rows), values, strict=True))
    return np.array([found.get(name, np.nan) for name in unique_id])
