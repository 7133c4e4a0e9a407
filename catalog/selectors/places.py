"""Where stock is held, and in which currency."""

from __future__ import annotations

import math
from datetime import date

import polars as pl

from catalog.selectors.frames import Read
from catalog.selectors.money import exchange_rates_frame


def locations_stocking(read: Read) -> pl.DataFrame:
    """Where each location's stock is held: location_id, stocking_id (itself, or who receives for it).

    Also `currency`, the location's own, and `stocking_currency`. Sorted by location_id.
    """
    places = read(
        "SELECT id, receiving_location_id, currency FROM catalog_location",
        schema={"id": pl.Int64(), "receiving_location_id": pl.Int64(), "currency": pl.String()},
    )
    receives = dict(places.select("id", "receiving_location_id").iter_rows())

    def root(place: int) -> int:
        seen = {place}
        while (following := receives.get(place)) is not None and following not in seen:
            place = following
            seen.add(place)
        return place

    return (
        places.select(location_id=pl.col("id"), currency=pl.col("currency"))
        .with_columns(
            stocking_id=pl.Series([root(place) for place in places["id"]], dtype=pl.Int64),
        )
        .join(places.select(stocking_id=pl.col("id"), stocking_currency=pl.col("currency")), on="stocking_id")
        .sort("location_id")
    )


def locations_converting(read: Read, *, as_of: date) -> pl.DataFrame:
    """`locations_stocking` with `factor`: from their currency to the stocking one; NaN without a rate."""
    places = locations_stocking(read)
    rates = {
        quote: exchange_rates_frame(quote=quote, day=as_of)
        for quote in places.filter(pl.col("currency") != pl.col("stocking_currency"))[
            "stocking_currency"
        ].unique()
    }
    factors = [
        1.0 if currency == quote else rates[quote].get(currency, math.nan)
        for currency, quote in places.select("currency", "stocking_currency").iter_rows()
    ]
    return places.with_columns(factor=pl.Series(factors, dtype=pl.Float64))
