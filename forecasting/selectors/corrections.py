"""Where the demand of a run's history differs from the sales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecasting.models import ForecastDistribution

if TYPE_CHECKING:
    from forecasting.core.cleaning import Corrections


def corrections_read(*, run_id: int, product_id: int, location_id: int) -> Corrections:
    """The corrected periods of one product-location as a run saw them; none where it holds no such row.

    They are counted back from the run's last period, the one that ends at its as-of date.
    """
    from forecasting.core.cleaning import unpack

    blob = (
        ForecastDistribution.objects.filter(run_id=run_id, product_id=product_id, location_id=location_id)
        .values_list("corrections", flat=True)
        .first()
    )
    return unpack(blob or b"")
