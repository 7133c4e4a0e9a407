"""Which category an item belongs to, learned from a shop's own items: by photo, by title, or by both.

A multinomial logistic regression over photo vectors; over titles a ridge regression of each category's
indicator on the principal axes of their character n-grams (TF-IDF; latent semantic indexing as of Manning,
Raghavan and Schuetze, "Introduction to Information Retrieval", 2008, section 18.4), which is as accurate with
hundreds of categories and has a closed form. The regularisation of each is the one with the least log loss on
held-out folds, and its probabilities are calibrated by one temperature on the same folds (Guo et al., "On
Calibration of Modern Neural Networks", 2017, section 4.2). Where an item has both, the two are averaged as
logarithms (a logarithmic opinion pool; Genest and Zidek, "Combining Probability Distributions", 1986), with
the weight that is best on the held-out items that have both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

BEST = 5
_FOLDS = 5
_MOST_OF_A_CATEGORY = 300
_MOST_ROWS = 20_000
_IMAGE_C = (0.3, 1.0, 3.0, 10.0)
_TEXT_C = (1.0, 3.0, 10.0)
_TEXT_TERMS, _TEXT_AXES = 20_000, 512
# Scores of a ridge regression lie between 0 and 1: what they are multiplied by to be logits.
_SHARPNESS = 12.0
_TEMPERATURES = (0.2, 5.0)
_WEIGHTS = np.linspace(0, 1, 11)
_LEAST = 1e-9
# A category that an item has is doubted when another is at least so likely and its own at most so.
DOUBT_OTHER = 0.5
DOUBT_OWN = 0.1


@dataclass(frozen=True, slots=True)
class Items:
    """What is known of N items: photo vectors (N, D) of unit length, NaN for none; titles, '' for none."""

    vectors: NDArray[np.floating]
    titles: Sequence[str]

    @property
    def has_vector(self) -> NDArray[np.bool_]:
        """Which have a photo, (N)."""
        if not self.vectors.shape[1]:
            return np.zeros(len(self.titles), bool)
        return np.asarray(np.isfinite(self.vectors[:, 0]))

    @property
    def has_title(self) -> NDArray[np.bool_]:
        """Which have a title, (N)."""
        return np.array([bool(title.strip()) for title in self.titles], bool)

    def take(self, rows: NDArray[np.integer]) -> Items:
        """Some of them."""
        return Items(self.vectors[rows], [self.titles[row] for row in rows])


@dataclass(frozen=True, slots=True)
class _View:
    """One way to look at items: what it learns from, and the regularisations that it may choose from."""

    make: Callable[[Items], tuple[Callable[[Items], Any], Any]]
    fit: Callable[[Any, NDArray[np.integer], float], Any]
    choices: tuple[float, ...]
    has: Callable[[Items], NDArray[np.bool_]]


@dataclass(slots=True)
class _Part:
    """A fitted view: its features, its regression, and the temperature of its logits."""

    features: Callable[[Items], Any]
    regression: Any
    temperature: float
    regularisation: float

    def predict(self, items: Items, count: int) -> Floats:
        """Probabilities (N, count)."""
        return _cooled(_spread(self.regression, self.features(items), count), self.temperature)


@dataclass(slots=True)
class CategoryHead:
    """What was learned. `held_out` (N, K): each item by heads that had not seen it; NaN where none could.

    `accuracy` is the share of held-out items whose likeliest category is theirs.
    """

    categories: tuple[str, ...]
    prior: Floats
    image: _Part | None
    text: _Part | None
    weight: float
    held_out: Floats
    accuracy: float | None

    def predict(self, items: Items) -> Floats:
        """Probabilities (N, K) in the order of `categories`; of an item without anything, the prior."""
        count = len(self.categories)
        found = np.tile(self.prior, (len(items.titles), 1))
        parts = []
        for part, has in ((self.image, items.has_vector), (self.text, items.has_title)):
            rows = np.flatnonzero(has) if part is not None else np.zeros(0, int)
            part_found = np.full((len(found), count), np.nan)
            if part is not None and len(rows):
                part_found[rows] = part.predict(items.take(rows), count)
                found[rows] = part_found[rows]
            parts.append(part_found)
        both = np.isfinite(parts[0][:, 0]) & np.isfinite(parts[1][:, 0])
        found[both] = _pool(parts[0][both], parts[1][both], self.weight)
        return found


def head_fit(items: Items, categories: Sequence[str], *, seed: int = 0) -> CategoryHead:
    """Learn the categories of items (N of each), from at most 300 of a category and 20,000 in all."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    names, labels = np.unique(np.asarray(categories, dtype=object).astype(str), return_inverse=True)
    count = len(names)
    rng = np.random.default_rng(seed)
    rows = _sample(labels, rng)
    prior = (np.bincount(labels, minlength=count) / len(labels)).astype(float)
    held_out = np.full((len(labels), count), np.nan, np.float32)
    head = CategoryHead(tuple(names), prior, None, None, 0.5, held_out, None)
    if count < 2:
        return head
    some, truth = items.take(rows), labels[rows]
    folds = _folds(truth, rng)
    # Many small products of matrices: threads that share busy cores with others would wait for each other.
    with threadpool_limits(1):
        (head.image, image_out), (head.text, text_out) = (
            _part_fit(view, some, truth, folds, count)
            for view in (
                _View(_image_features, _logistic, _IMAGE_C, lambda some: some.has_vector),
                _View(_text_features, _Ridge, _TEXT_C, lambda some: some.has_title),
            )
        )
    both = np.isfinite(image_out[:, 0]) & np.isfinite(text_out[:, 0])
    if both.any():
        losses = [_loss(_pool(image_out[both], text_out[both], w), truth[both]) for w in _WEIGHTS]
        head.weight = float(_WEIGHTS[int(np.argmin(losses))])
    either = np.where(np.isfinite(image_out), image_out, text_out)
    either[both] = _pool(image_out[both], text_out[both], head.weight)
    held_out[rows] = either
    known = np.isfinite(held_out[:, 0])
    if known.any():
        head.accuracy = float((held_out[known].argmax(axis=1) == labels[known]).mean())
    return head


def doubted(held_out: Floats, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which items' own categories (N) their held-out probabilities (N, K) contradict."""
    own = np.take_along_axis(held_out, np.asarray(labels)[:, None], axis=1)[:, 0]
    with np.errstate(invalid="ignore"):
        return np.asarray((held_out.max(axis=1) >= DOUBT_OTHER) & (own <= DOUBT_OWN))


def best_of(probabilities: Floats, count: int = BEST) -> NDArray[np.int64]:
    """Places of the likeliest categories (N, at most count), the likeliest first."""
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :count].astype(np.int64)


def _sample(labels: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """Places to learn from: at random, no category with more than its share."""
    order = rng.permutation(len(labels))
    position = np.empty(len(labels), int)
    sorted_ = np.argsort(labels[order], kind="stable")
    starts = np.r_[0, np.cumsum(np.bincount(labels))[:-1]]
    position[order[sorted_]] = np.arange(len(labels)) - starts[labels[order[sorted_]]]
    kept = np.flatnonzero(position < _MOST_OF_A_CATEGORY)
    if len(kept) > _MOST_ROWS:
        # The first of every category stay: those of a small one are all that there is of it.
        kept = kept[np.argsort(position[kept], kind="stable")[:_MOST_ROWS]]
    return np.sort(kept)


def _folds(labels: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """A fold for each item, every category spread evenly over them."""
    order = rng.permutation(len(labels))
    sorted_ = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), int)
    folds[sorted_] = np.arange(len(labels)) % _FOLDS
    return folds


def _part_fit(
    view: _View,
    items: Items,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    count: int,
) -> tuple[_Part | None, Floats]:
    """The part of one view, and its held-out probabilities (N, count); None where it has nothing to learn.

    What features are made of is told by all items, whose categories it does not see.
    """
    out = np.full((len(labels), count), np.nan, np.float32)
    rows = np.flatnonzero(view.has(items))
    labels, folds = labels[rows], folds[rows]
    if len(np.unique(labels)) < 2:
        return None, out
    features, X = view.make(items.take(rows))
    tried = np.full((len(view.choices), len(rows), count), np.nan, np.float32)
    for fold in np.unique(folds):
        learn, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(np.unique(labels[learn])) < 2:
            continue
        for place, C in enumerate(view.choices):
            tried[place, held] = _spread(view.fit(X[learn], labels[learn], C), X[held], count)
    known = np.isfinite(tried[0, :, 0])
    best, temperature = len(view.choices) // 2, 1.0
    if known.any():
        fits = [_temperature(some[known], labels[known]) for some in tried]
        best = min(range(len(fits)), key=lambda place: fits[place][0])
        temperature = fits[best][1]
        out[rows[known]] = _cooled(tried[best][known], temperature)
    regression = view.fit(X, labels, view.choices[best])
    return _Part(features, regression, temperature, view.choices[best]), out


def _temperature(probabilities: Floats, labels: NDArray[np.integer]) -> tuple[float, float]:
    """The least log loss, and the temperature that has it; the loss is convex in its inverse."""
    from scipy.optimize import minimize_scalar

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        lambda log: _loss(_cooled(probabilities, float(np.exp(log))), labels),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 0.02},
    )
    return float(found.fun), float(np.exp(found.x))


def _image_features(items: Items) -> tuple[Callable[[Items], Any], Any]:
    mean = items.vectors.mean(axis=0)
    spread = float(np.linalg.norm(items.vectors - mean, axis=1).mean()) or 1.0

    def features(some: Items) -> Any:
        return (some.vectors - mean) * (3.0 / spread)

    return features, features(items)


def _text_features(items: Items) -> tuple[Callable[[Items], Any], Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.utils.extmath import randomized_svd

    words = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, max_features=_TEXT_TERMS, dtype=np.float32
    )
    X = words.fit_transform(items.titles)
    _left, _sizes, axes = randomized_svd(X, min(_TEXT_AXES, *X.shape), n_iter=2, random_state=0)

    def features(some: Items) -> Any:
        return words.transform(some.titles) @ axes.T

    return features, X @ axes.T


class _Ridge:
    """Ridge regression of the categories' indicators on features (N, D), solved by its normal equations."""

    def __init__(self, X: Any, labels: NDArray[np.integer], C: float) -> None:
        self.classes_, own = np.unique(labels, return_inverse=True)
        wanted = np.eye(len(self.classes_), dtype=X.dtype)[own]
        self._at, self._usual = X.mean(axis=0), wanted.mean(axis=0)
        X = X - self._at
        inner = (X.T @ X).astype(float) + np.eye(X.shape[1]) / C
        self._weights = np.linalg.solve(inner, X.T @ (wanted - self._usual))

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities (N, K), yet to be calibrated."""
        return _softmax(_SHARPNESS * ((X - self._at) @ self._weights + self._usual))


def _logistic(X: Any, labels: NDArray[np.integer], C: float) -> Any:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # Enough steps for the order of the categories, and the temperature sets their spread.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=C, max_iter=150, tol=1e-3).fit(X, labels)


def _spread(regression: Any, X: Any, count: int) -> Floats:
    """Probabilities over all categories: one that the regression never saw has that of the least likely."""
    seen = regression.predict_proba(X)
    found = np.repeat(seen.min(axis=1, keepdims=True), count, axis=1)
    found[:, regression.classes_] = seen
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _cooled(probabilities: Floats, temperature: float) -> Floats:
    logits = np.log(np.maximum(probabilities, _LEAST)) / temperature
    return _softmax(logits)


def _pool(first: Floats, second: Floats, weight: float) -> Floats:
    return _softmax(
        weight * np.log(np.maximum(first, _LEAST)) + (1 - weight) * np.log(np.maximum(second, _LEAST))
    )


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _loss(probabilities: Floats, labels: NDArray[np.integer]) -> float:
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    return float(-np.log(np.maximum(own, _LEAST)).mean())
