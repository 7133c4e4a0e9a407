"""What series have in common: their department, category, product or location, where that groups them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from forecasting.models import ForecastRun


def static_columns(
    panel: pl.DataFrame, *, smallest: int, trained: ForecastRun | None = None
) -> tuple[str, ...]:
    """Which attributes of a demand panel's series models are to learn from, the coarsest first.

    Those that make groups: two values or more, at least `smallest` series to a value on average (smaller
    groups say little that a series' own past does not, and are learned by heart), and not the groups of a
    coarser one over again: categories without a tree are their own departments. An update takes those that
    its models (`trained`) were given, whatever groups have come since.
    """
    import polars as pl

    from catalog.selectors import SERIES_ATTRIBUTES

    given = trained.report.get("columns") if trained else None
    if given is not None:
        return tuple(name for name in SERIES_ATTRIBUTES if name in given)
    counts = panel.select(
        pl.col("unique_id").rle_id().last() + 1, *(pl.col(name).n_unique() for name in SERIES_ATTRIBUTES)
    ).row(0, named=True)
    chosen: list[str] = []
    for name in SERIES_ATTRIBUTES:
        # Products make up categories, and those departments: as many groups are the same groups.
        again = name != "location" and chosen and counts[chosen[-1]] == counts[name]
        if 1 < counts[name] <= counts["unique_id"] // smallest and not again:
            chosen.append(name)
    return tuple(chosen)
