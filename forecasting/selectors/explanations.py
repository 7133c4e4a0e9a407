"""What a stored forecast of one product-location is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from forecasting.models import ForecastDistribution
from forecasting.selectors.stored import periods_of, run_with_numbers

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Explanation:
    """The model's mean (H,) of one product-location, in units, and its parts.

    `contributions` (H, G) has a column for each of `forecasting.core.explain.GROUPS` and adds up to the mean;
    None where the run made none. Planners' overrides come on top of it. `ds` are the periods' last days.
    """

    run_id: int
    as_of: date
    freq: str
    model: str
    ds: list[date]
    mean: npt.NDArray[Any]
    contributions: npt.NDArray[Any] | None


def explanation_read(*, run_id: int, product_id: int, location_id: int) -> Explanation | None:
    """What a run stored of one product-location; None where it holds no forecast of it.

    Raises `ForecastRun.DoesNotExist`; ValueError where the run holds no distributions (any more).
    """
    import numpy as np

    from forecasting.core.explain import GROUPS

    run = run_with_numbers(run_id)
    row = (
        ForecastDistribution.objects.filter(
            run_id=run.same_as_id or run.pk, product_id=product_id, location_id=location_id
        )
        .values_list("model", "mean", "contributions")
        .first()
    )
    if row is None:
        return None
    model, mean, parts = row
    ds = periods_of(run).tolist()
    contributions = np.frombuffer(bytes(parts), dtype="<f4")
    return Explanation(
        run_id=run.pk,
        as_of=run.as_of,
        freq=run.spec["freq"],
        model=model,
        ds=ds,
        mean=np.frombuffer(bytes(mean), dtype="<f4"),
        contributions=(
            contributions.reshape(len(ds), len(GROUPS))
            if contributions.size == len(ds) * len(GROUPS)
            else None
        ),
    )
