"""What a forecast is made from: the demand panel with all that is known beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from forecasting.selectors.signal_columns import Signal, signal_columns
from forecasting.selectors.static import static_columns
from forecasting.services.known import known_append
from forecasting.services.runs import ForecastError

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.spec import ForecastSpec
    from forecasting.models import ForecastRun


def panel_read(
    *,
    as_of: date,
    known_at: datetime,
    spec: ForecastSpec,
    signals: Collection[str] | None,
    trained: ForecastRun | None = None,
    sample: bool = False,
) -> tuple[pl.DataFrame, ForecastSpec, tuple[Signal, ...]]:
    """The demand panel, the spec with the names of its columns, and the signals that are among them.

    ``signals`` are those wanted (None: all of which anything is known). An update asks for the static columns
    of the run that ``trained`` its models; a trial for the ``sample`` of series that it is
    held on. Raises ForecastError when nothing was sold yet.
    """
    from catalog.selectors import SERIES_ATTRIBUTES, demand_panel

    panel = demand_panel(as_of=as_of, known_at=known_at, freq=spec.freq)
    if panel.is_empty():
        raise ForecastError(_("No sales up to %s: import some, or choose a later day.") % as_of)
    static = static_columns(panel, smallest=spec.min_segment, trained=trained)
    panel = panel.drop(set(SERIES_ATTRIBUTES) - set(static))
    if sample:
        from forecasting.core.trials import trial_sample

        panel = trial_sample(panel, spec)
    panel, found = signal_columns(panel, known_at=known_at, names=signals)
    panel, known = known_append(panel, as_of=as_of, known_at=known_at, freq=spec.freq, horizon=spec.horizon)
    return panel, replace(spec, known=known, static=static, signals=tuple(s.name for s in found)), found
