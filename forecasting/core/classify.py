"""Classes of series that two apps need: ABC by value, XYZ by variability, demand pattern by ADI and CV2."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks

Array = npt.NDArray[Any]

PATTERNS = ("smooth", "erratic", "intermittent", "lumpy")
_CHUNK = 512
ADI_CUT = 1.32
CV2_CUT = 0.49


def abc_classes(value: npt.ArrayLike, *, a: float = 0.8, b: float = 0.95) -> list[str]:
    """ABC by share of total value (units x price over a window), (N,): A the items that make the first 80%.

    The item that crosses a border still belongs to the class above it; items without value are C.
    Source: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (2017), section 2.4.
    """
    worth = np.nan_to_num(np.asarray(value, dtype=np.float64)).clip(min=0)
    total = worth.sum()
    if total <= 0:
        return ["C"] * len(worth)
    order = np.argsort(-worth, kind="stable")
    before = (np.cumsum(worth[order]) - worth[order]) / total
    names = np.where(before < a, "A", np.where(before < b, "B", "C"))
    names[worth[order] == 0] = "C"
    result = np.empty(len(worth), dtype=names.dtype)
    result[order] = names
    return [str(name) for name in result]


def xyz_classes(y: Array, *, x: float = 0.5, y_cut: float = 1.0) -> list[str]:
    """XYZ by the coefficient of variation of demand per period, ``y`` (T, N), NaN unknown.

    X up to 0.5, Y up to 1, Z above, or without demand.
    """
    seen = np.isfinite(y)
    count = np.maximum(seen.sum(axis=0), 1)
    values = np.where(seen, y, 0).astype(np.float64)
    mean = values.sum(axis=0) / count
    variance = (np.where(seen, (values - mean) ** 2, 0)).sum(axis=0) / count
    variation = np.where(mean > 0, np.sqrt(variance) / np.where(mean > 0, mean, 1), np.inf)
    return [str(name) for name in np.where(variation <= x, "X", np.where(variation <= y_cut, "Y", "Z"))]


def xyz_by_error(
    squared_error: Array, actual: Array, count: Array, *, x: float = 0.5, y_cut: float = 1.0
) -> list[str]:
    """XYZ by how well a series can be forecast, from its held-out periods, (N,) sums and their number.

    As `xyz_classes`, with the root mean squared error in place of the standard deviation: a season or a
    promotion that is foreseen does not make a series hard. Z also where nothing was sold; "" where nothing
    was held out.
    """
    number = np.maximum(count, 1)
    mean = actual / number
    error = np.sqrt(squared_error / number)
    known = (count > 0) & (mean > 0)
    ratio = np.where(known, error / np.where(known, mean, 1), np.inf)
    names = np.where(ratio <= x, "X", np.where(ratio <= y_cut, "Y", "Z"))
    return [str(name) for name in np.where(count > 0, names, "")]


def adi_cv2(y: Array) -> tuple[Array, Array]:
    """Average demand interval and squared coefficient of variation of demand sizes; ``y`` is (T, N), NaN
    unknown.

    ADI is known periods / periods with demand (infinite without demand); CV2 is the population variance of
    the non-zero demands over their squared mean (0 without demand).
    """
    count = y.shape[1]
    adi, cv2 = np.full(count, np.inf), np.zeros(count)

    def measure(part: slice) -> None:
        seen = np.isfinite(y[:, part])
        size = np.where(seen, y[:, part], 0).astype(np.float64)
        sold = size > 0
        size *= sold
        number = sold.sum(axis=0)
        some = np.maximum(number, 1)
        mean = size.sum(axis=0) / some
        size -= mean
        size *= sold
        variance = np.einsum("tn,tn->n", size, size) / some
        adi[part] = np.where(number > 0, seen.sum(axis=0) / some, np.inf)
        cv2[part] = np.where(mean > 0, variance / np.where(mean > 0, mean, 1) ** 2, 0.0)

    in_chunks(measure, count, _CHUNK)
    return adi, cv2


def demand_patterns(y: Array) -> list[str]:
    """Smooth, erratic, intermittent or lumpy, for ``y`` (T, N), NaN unknown.

    Cut at ADI 1.32 and CV2 0.49. Source: Syntetos, Boylan and Croston, On the categorization of demand
    patterns, Journal of the Operational Research Society 56 (2005), 495-503.
    """
    adi, cv2 = adi_cv2(y)
    code = 2 * (adi >= ADI_CUT) + (cv2 >= CV2_CUT)
    return [PATTERNS[int(index)] for index in code]
