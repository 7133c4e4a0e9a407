"""The response of one series, as it is stored and used: factors on demand with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from forecasting.core.response.estimate import Responses

Array = npt.NDArray[Any]

# Of log(price / usual price), either way: a price beyond counts as this far.
MOST_LOG_PRICE = 1.5
# An elasticity above 0 is not believed, nor that a promotion sells less.
LEAST_ELASTICITY, MOST_UPLIFT = -8.0, 3.0
# Of log(demand factor), either way: nothing sells 20 times as much, or a twentieth.
MOST_LOG_FACTOR = 3.0
# Intervals hold 80%: from the 10% to the 90% quantile of a normal.
Z = 1.2815515655446004


class Span(NamedTuple):
    """A factor on demand with the ends of its 80% interval."""

    low: float
    middle: float
    high: float

    @property
    def more(self) -> Span:
        """As shares that come on top of demand: below 0, less."""
        return Span(*(factor - 1 for factor in self))


@dataclass(frozen=True)
class SeriesResponse:
    """``elasticity`` (-8 to 0; percent of demand for a percent of price) and ``uplift``, the log factor of a
    promotion at an unchanged price (0 to 3), with standard errors and their ``correlation``; NaN where the
    shop told nothing of it. ``changes`` of the price and ``promoted`` periods were seen in the series itself;
    of the estimates, ``own_price`` and ``own_promotion`` (0..1) are the shares that its own data have.
    """

    elasticity: float
    elasticity_se: float
    uplift: float
    uplift_se: float
    correlation: float
    changes: float
    promoted: float
    own_price: float
    own_promotion: float

    @property
    def has_price(self) -> bool:
        """Whether an elasticity is known."""
        return math.isfinite(self.elasticity)

    @property
    def has_promotion(self) -> bool:
        """Whether an uplift is known."""
        return math.isfinite(self.uplift)

    @property
    def seen_changes(self) -> int:
        """Price changes seen in the series itself."""
        return int(self.changes)

    @property
    def seen_promoted(self) -> int:
        """Promoted periods seen in the series itself."""
        return int(self.promoted)

    def price(self, ratio: float) -> Span:
        """What demand is multiplied by at a price of ``ratio`` (0 or more) times that of now."""
        step = _log_ratio(ratio)
        ends = [_elasticity(self.elasticity + z * self.elasticity_se) * step for z in (-Z, 0, Z)]
        return Span(*(_factor(value) for value in sorted(ends)))

    def promotion(self, discount: float = 0.0) -> Span:
        """What a promotion multiplies demand by, with ``discount`` (0..1) off the price. Never below 1."""
        step = _log_ratio(1 - discount) if self.has_price else 0.0
        slope, slope_se = (self.elasticity, self.elasticity_se) if self.has_price else (0.0, 0.0)
        flag, flag_se = (self.uplift, self.uplift_se) if self.has_promotion else (0.0, 0.0)
        middle = _uplift(flag) + _elasticity(slope) * step
        both = 2 * step * slope_se * flag_se * (self.correlation if self.has_price else 0.0)
        spread = math.sqrt(max((step * slope_se) ** 2 + flag_se**2 + both, 0.0))
        low, high = max(middle - Z * spread, 0.0), middle + Z * spread
        return Span(*(_factor(value) for value in (low, middle, high)))

    @classmethod
    def of(cls, blob: bytes | memoryview) -> Self | None:
        """What `pack` stored; None for nothing. ValueError for bytes that are no whole record."""
        values = np.frombuffer(blob, dtype="<f4")
        if not len(values):
            return None
        if len(values) != len(FIELDS):
            raise ValueError("no response of a series")
        return cls(*values.astype(np.float64).tolist())


FIELDS = tuple(SeriesResponse.__dataclass_fields__)


def pack(responses: Responses | None, count: int) -> list[bytes]:
    """36 bytes for each of the first series, little-endian float32; b"" for the rest of ``count``."""
    data, stride = b"", 4 * len(FIELDS)
    if responses is not None:
        table = np.stack([getattr(responses, name) for name in FIELDS], axis=1)
        data = table.astype("<f4").tobytes()
    return [data[at : at + stride] for at in range(0, count * stride, stride)]


def unpack(blobs: Sequence[bytes]) -> Array:
    """(N, 9) of `FIELDS`, from what `pack` stored of N series that have a response."""
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(-1, len(FIELDS))


def price_factors(elasticity: Array, ratio: Array) -> Array:
    """What demand of many series is multiplied by; 1 where no elasticity is known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.clip(np.log(ratio), -MOST_LOG_PRICE, MOST_LOG_PRICE)
    logs = np.clip(np.nan_to_num(elasticity) * step, -MOST_LOG_FACTOR, MOST_LOG_FACTOR)
    return np.asarray(np.exp(logs))


def _log_ratio(ratio: float) -> float:
    if ratio <= 0:
        return -MOST_LOG_PRICE
    return min(max(math.log(ratio), -MOST_LOG_PRICE), MOST_LOG_PRICE)


def _factor(log: float) -> float:
    return math.exp(min(max(log, -MOST_LOG_FACTOR), MOST_LOG_FACTOR))


def _elasticity(value: float) -> float:
    return min(max(value, LEAST_ELASTICITY), 0.0)


def _uplift(value: float) -> float:
    return min(max(value, 0.0), MOST_UPLIFT)
