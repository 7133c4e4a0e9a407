from __future__ import annotations

import numpy as np
import pytest

from forecasting.core.classify import abc_classes, adi_cv2, demand_patterns, xyz_classes


def test_it_sorts_the_four_patterns_of_syntetos_boylan_and_croston() -> None:
    smooth = [10, 11, 9, 10, 10, 11, 9, 10, 10, 10, 11, 9]
    erratic = [1, 30, 2, 1, 40, 1, 2, 35, 1, 2, 1, 30]
    intermittent = [0, 0, 5, 0, 0, 5, 0, 0, 6, 0, 0, 5]
    lumpy = [0, 0, 1, 0, 0, 40, 0, 0, 1, 0, 0, 2]
    y = np.array([smooth, erratic, intermittent, lumpy], dtype=float).T
    assert demand_patterns(y) == ["smooth", "erratic", "intermittent", "lumpy"]


def test_it_measures_adi_and_cv2_by_hand() -> None:
    y = np.array([[2, 0, 4, 0, 0, 6, np.nan, 0, 0]], dtype=float).T
    adi, cv2 = adi_cv2(y)
    assert adi[0] == pytest.approx(8 / 3)
    assert cv2[0] == pytest.approx((8 / 3) / 16)


def test_it_puts_the_cut_values_themselves_into_the_harder_class() -> None:
    # 33 periods, 25 with demand: ADI is 1.32 exactly; sizes 3 and 17 in equal number: CV2 is 0.49 exactly.
    y = np.zeros((33, 1))
    y[:25, 0] = 5
    assert demand_patterns(y) == ["intermittent"]
    assert demand_patterns(np.array([[3.0, 17.0] * 6]).T) == ["erratic"]


def test_it_calls_a_series_without_demand_intermittent_and_not_a_number_nowhere() -> None:
    adi, cv2 = adi_cv2(np.zeros((5, 1)))
    assert adi[0] == np.inf
    assert cv2[0] == 0
    assert demand_patterns(np.zeros((5, 1))) == ["intermittent"]


def test_it_ranks_abc_by_value_with_the_crossing_item_above_the_border() -> None:
    assert abc_classes([70, 20, 6, 4]) == ["A", "A", "B", "C"]
    assert abc_classes([4, 70, 6, 20, 0]) == ["C", "A", "B", "A", "C"]
    assert abc_classes([0, 0]) == ["C", "C"]


def test_it_ranks_xyz_by_the_coefficient_of_variation() -> None:
    y = np.array([[10, 10, 10, 12], [1, 9, 1, 9], [0, 0, 0, 8], [0, 0, 0, 0]], dtype=float).T
    assert xyz_classes(y) == ["X", "Y", "Z", "Z"]
