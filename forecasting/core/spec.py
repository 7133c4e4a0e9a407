"""What a forecast run is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from forecasting.core.distribution import FREQS, QUANTILES, Freq
from forecasting.core.models import model_names


@dataclass(frozen=True)
class ForecastSpec:
    """What a run is to do; the same spec, panel and seed give the same numbers.

    ``known`` columns have future values, ``static`` ones never change, ``signals`` are known up to the as-of
    date only and teach the models what leads demand. ``folds`` backtest origins choose the
    champion of each segment of at least ``min_segment`` series and calibrate the quantiles, on at most
    ``tested`` series, drawn at random. ``rows`` is about how many sampled rows the global models learn from,
    and no fewer than 16 per series. ``explain`` splits every mean into its contributions, and estimates how
    demand answers to price and promotion.
    """

    freq: Freq = "W"
    horizon: int = 13
    models: tuple[str, ...] = (
        "seasonal_naive",
        "moving_average",
        "ses",
        "tsb",
        "linear",
        "lightgbm",
        "forest",
    )
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    quantiles: Literal["all", "none"] = "all"
    seed: int = 0
    threads: int = 1
    folds: int = 3
    rows: int = 200_000
    min_segment: int = 30
    tested: int = 6_000
    explain: bool = False

    def __post_init__(self) -> None:
        for name in ("models", "known", "static", "signals"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.freq not in FREQS:
            raise ValueError(f"frequency must be one of {', '.join(FREQS)}, not {self.freq!r}")
        if self.quantiles not in ("all", "none"):
            raise ValueError(f"quantiles must be all or none, not {self.quantiles!r}")
        if not self.models:
            raise ValueError("name at least one model")
        for name in self.models:
            if name not in model_names():
                raise ValueError(f"no model {name!r}; there are {', '.join(model_names())}")
        for name in ("horizon", "threads", "folds", "rows", "min_segment", "tested"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more")

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantile levels of the result; none where only means are asked for."""
        return QUANTILES if self.quantiles == "all" else ()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Back from JSON; ValueError for a field that there is not."""
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"no such field in a forecast spec: {', '.join(sorted(unknown))}")
        return cls(**values)
