"""A support vector machine for the direction: a second opinion that bends where weighted signs can't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.trends.outlook import PastOrigins, direction_chances
from forecasting.core.trends.signs import Signs

Array = npt.NDArray[Any]

_LEAST_ROWS = 100
_MOST_ROWS = 20_000
_LANDMARKS = 100


@dataclass(frozen=True, eq=False)
class DirectionMachine:
    """Will a series gain or lose on its group? A linear SVM on a Gaussian kernel's landmarks.

    ``slope`` turns its margin into a log change. Sources: Cortes and Vapnik, Machine Learning 20 (1995),
    273-297; Williams and Seeger (NeurIPS 2000) for the landmarks; scikit-learn's ``Nystroem``, ``LinearSVC``.
    """

    pipeline: Any
    slope: float

    @classmethod
    def fit(cls, past: PastOrigins | None) -> DirectionMachine | None:
        """Learn from past origins; None where there are fewer than 100 rows, or all went one way."""
        from sklearn.kernel_approximation import Nystroem
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        if past is None or len(past.change) < _LEAST_ROWS:
            return None
        x = np.column_stack(past.stacked())
        gains = past.change > 0
        if gains.all() or not gains.any():
            return None
        # By what they say, so that the order of the series changes nothing.
        order = np.lexsort((*x.T, past.change))
        chosen = order[np.linspace(0, len(order) - 1, min(len(order), _MOST_ROWS)).astype(np.int64)]
        x, gains, change = x[chosen], gains[chosen], past.change[chosen]
        kernel = Nystroem(gamma=0.05, n_components=min(_LANDMARKS, len(x)), random_state=0)
        pipeline = make_pipeline(StandardScaler(), kernel, LinearSVC(C=0.1, dual=False, random_state=0))
        with threadpool_limits(1):
            pipeline.fit(x, gains)
            margin = pipeline.decision_function(x)
        return cls(pipeline, float(margin @ change / max(margin @ margin, 1e-12)))

    def directions(self, signs: Signs, spread: Array) -> Array:
        """-1, 0 or 1 for each series, (N,): the likeliest, with the season of its group and this spread."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            margin = self.pipeline.decision_function(np.column_stack([signs.x, signs.around]))
        return np.asarray(direction_chances(self.slope * margin + signs.season, spread).argmax(axis=1) - 1)
