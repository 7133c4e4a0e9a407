"""A small shop with a history of sales."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from django.utils import timezone

from catalog.models import Location, Product, SalesRecord
from tests.cast import make_location, make_product

AS_OF = date(2026, 6, 28)


def make_sales(
    *, products: int = 4, weeks: int = 40, as_of: date = AS_OF, location: Location | None = None
) -> list[Product]:
    """Products that sold on most days of so many weeks up to `as_of`, at one location."""
    location = location or make_location()
    randomness = np.random.default_rng(7)
    made = [make_product() for _ in range(products)]
    recorded = timezone.now()
    SalesRecord.objects.bulk_create(
        [
            SalesRecord(
                product=product,
                location=location,
                day=as_of - timedelta(days=back),
                quantity=Decimal(int(units)),
                revenue=Decimal(3 * int(units)),
                recorded_at=recorded,
            )
            for rate, product in enumerate(made, 2)
            for back, units in enumerate(randomness.poisson(rate, 7 * weeks))
            if units
        ],
        batch_size=2000,
    )
    return made
