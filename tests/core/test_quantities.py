"""Many quantities at once: packs, shares, covers."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.quantities import packed, scaled, to_cover

thousandths = st.integers(1, 50_000).map(lambda n: n / 1000)


@given(st.integers(0, 10**7).map(lambda n: n / 1000), thousandths, thousandths, thousandths)
def test_it_packs_up_as_one_row_by_itself_does(
    quantity: float, moq: float, multiple: float, size: float
) -> None:
    step = math.lcm(round(multiple * 1000), round(size * 1000))
    wanted = max(round(quantity * 1000), round(moq * 1000))
    expected = -(-wanted // step) * step / 1000 if quantity > 0 else 0.0
    found = packed(
        np.array([quantity]), moq=np.array([moq]), multiple=np.array([multiple]), unit_size=np.array([size])
    )
    assert found[0] == expected


def test_it_takes_the_nearest_pack_and_never_none() -> None:
    quantity = np.array([0.0, 1.0, 17.9, 18.0, 30.0, 5.0])
    found = packed(
        quantity,
        moq=np.array([0.0, 0, 0, 0, 0, 24]),
        multiple=np.full(6, 12.0),
        unit_size=np.full(6, 6.0),
        to="nearest",
    )
    assert found.tolist() == [0, 12, 12, 24, 36, 24]


def test_it_scales_and_covers() -> None:
    assert scaled(np.array([10.0, 0.0]), -30).tolist() == [7.0, 0.0]
    assert scaled(np.array([10.0]), -100).tolist() == [0.0]
    assert to_cover(np.array([5.0, 100.0]), np.array([2.0, 1.0]), 30).tolist() == [55.0, 0.0]
