"""How likely a text praises: the built-in head, or what a shop's own labelled texts add to it.

From `LEAST` labels up, three readings are compared on folds that they were not fitted on: the built-in
head, a logistic regression on the encoder's vectors, and one on character n-grams; and a blend of the
three, a logistic regression on their log-odds (Wolpert, "Stacked Generalization", 1992). The most accurate
is used, if it beats the built-in head by two points and by two standard errors of the paired difference.
Its log-odds are calibrated on the same folds, as in Platt, "Probabilistic Outputs for Support Vector
Machines" (1999). A language of which there are too few labels keeps the built-in head.

Many texts of a foreign language can teach without labels: see `SentimentModel.adapted`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.text.builtin import Builtin, Read, builtin_default, read_texts
from forecasting.core.text.cleaning import cleaned
from forecasting.core.text.encoders import Encoder, encoder_default

Array = npt.NDArray[Any]

LEAST = 200
"""Labels, of both kinds and each text once, below which nothing is learned from them."""
LEAST_OF_A_KIND = 20
LEAST_OF_A_LANGUAGE = 50
LEAST_GAIN = 0.02
"""By how much of accuracy a shop's own labels must beat the built-in head: a smaller gain may be these
texts' alone, and the built-in head holds for others.
"""
MOST = 20_000
"""Labels that are learned from; of more, a sample."""
LEAST_TO_ADAPT = 500
"""Texts of a language from which it can teach itself."""
SELF_TAUGHT = 300
"""Own labels that count as much as what a language has taught itself."""
FOLDS = 5
READINGS = ("builtin", "blend", "meaning", "characters")
_PARTS = ("builtin", "meaning", "characters")
_EDGE = 8.0
# Self-training learns from labels surer than the head is, and is itself as sure as this; by held-out
# Chinese texts (docs/sentiment.md).
_SURER = 3.0
_SELF_TRAINED = 1.2


@dataclass(frozen=True)
class Sentiment:
    """Probabilities of praise (n,), NaN where a text is empty of words and signs; and the languages."""

    p_positive: Array
    languages: list[str]


@dataclass(frozen=True)
class SentimentModel:
    """Reads texts; `fit` learns from labelled ones. ``chosen`` is one of `READINGS`, ``scores`` the accuracy
    of each on held-out folds, ``labels`` how many texts taught it.
    """

    encoder: Encoder
    builtin: Builtin
    own: Own | None = None
    chosen: str = "builtin"
    scores: dict[str, float] | None = None
    labels: int = 0

    @classmethod
    def default(cls) -> SentimentModel:
        """The built-in head alone."""
        return cls(encoder_default(), builtin_default())

    @property
    def model_id(self) -> str:
        """What the probabilities of the built-in head depend on."""
        return f"{self.encoder.model_id}+{self.chosen}"

    def fit(self, texts: Sequence[str], labels: Sequence[int], *, seed: int = 0) -> SentimentModel:
        """A model that has learned from labelled texts (1 praises, 0 does not); this one where they are too
        few, or of one kind.
        """
        once, marks = distinct(texts, labels)
        if len(once) > MOST:
            rows = np.sort(np.random.default_rng(seed).permutation(len(once))[:MOST])
            once, marks = [once[row] for row in rows], marks[rows]
        if len(once) < LEAST or min(marks.sum(), (1 - marks).sum()) < LEAST_OF_A_KIND:
            return self
        read = self.read(once)
        scores, own = Own.fitted(read, marks, self.builtin, seed)
        chosen = own.chosen if own else "builtin"
        return SentimentModel(self.encoder, self.builtin, own, chosen, scores, len(once))

    def read(self, texts: Sequence[str]) -> Read:
        """Texts as the models see them."""
        return read_texts(texts, self.encoder, self.builtin.lexicon)

    def predict(self, texts: Sequence[str]) -> Sentiment:
        """Probabilities and languages; each text's depend on that text alone."""
        read = self.read(texts)
        log_odds = self.log_odds(read, self.builtin.log_odds(read))
        return Sentiment(_probabilities(read, log_odds), read.languages)

    def adapted(self, texts: Sequence[str]) -> Sentiment:
        """As `predict`, but where a language has `LEAST_TO_ADAPT` texts or more, character n-grams learn from
        the built-in head's probabilities of the other texts which words go with praise: self-training with
        soft labels (Zagibalov and Carroll, "Unsupervised Classification of Sentiment and Objectivity in
        Chinese Text", 2008, begin from seed words in the same way). It counts as much as `SELF_TAUGHT` labels
        beside own ones. A text's probability then depends on its company.
        """
        read = self.read(texts)
        builtin = self.builtin.log_odds(read)
        log_odds = self.log_odds(read, builtin)
        for name, count in Counter(read.languages).items():
            if count >= LEAST_TO_ADAPT and name not in ("", "en"):
                rows = np.array([place for place, other in enumerate(read.languages) if other == name])
                itself = _self_trained([read.texts[row] for row in rows], builtin[rows])
                labels = self.labels if self.own is not None and name in self.own.languages else 0
                share = SELF_TAUGHT / (labels + SELF_TAUGHT)
                log_odds[rows] = share * itself + (1 - share) * log_odds[rows]
        return Sentiment(_probabilities(read, log_odds), read.languages)

    def log_odds(self, read: Read, builtin: Array) -> Array:
        """Of texts already read, each by itself (n,); ``builtin`` (n,) are the built-in head's."""
        log_odds = builtin.copy()
        if self.own is not None:
            known = np.array([name in self.own.languages for name in read.languages], dtype=bool)
            rows = np.flatnonzero(known)
            if len(rows):
                log_odds[rows] = self.own.log_odds(read.some(rows), log_odds[rows])
        return log_odds


@dataclass(frozen=True)
class Own:
    """What labelled texts taught: the readings, how they are blended, and for which languages it holds."""

    languages: frozenset[str]
    chosen: str
    meaning: Any
    vectorizer: Any
    characters: Any
    last: Any

    @classmethod
    def fitted(
        cls, read: Read, labels: Array, builtin: Builtin, seed: int
    ) -> tuple[dict[str, float], Own | None]:
        """The accuracy of each reading on held-out folds, and the best fitted on all: None where the
        built-in head is as good.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold

        held_out = np.zeros((len(read), 3))
        held_out[:, 0] = builtin.log_odds(read)
        split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        for inside, outside in split.split(labels, labels):
            parts = _fitted_parts(read.some(inside), labels[inside], held_out[inside, 0])
            held_out[outside, 1:] = _part_log_odds(parts, read.some(outside), held_out[outside, 0])
        held_out = np.clip(held_out, -_EDGE, _EDGE)
        columns = {name: [place] for place, name in enumerate(_PARTS)} | {"blend": [0, 1, 2]}
        right = {"builtin": (held_out[:, 0] > 0) == (labels == 1)}
        for name in READINGS[1:]:
            found = np.zeros(len(read))
            for inside, outside in split.split(labels, labels):
                last = LogisticRegression(C=1.0).fit(held_out[inside][:, columns[name]], labels[inside])
                found[outside] = last.predict_proba(held_out[outside][:, columns[name]])[:, 1]
            right[name] = (found > 0.5) == (labels == 1)
        scores = {name: round(float(right[name].mean()), 4) for name in READINGS}
        chosen = max(READINGS, key=lambda name: scores[name])
        better = right[chosen].astype(float) - right["builtin"]
        if better.mean() < max(LEAST_GAIN, 2 * better.std() / np.sqrt(len(better))):
            return scores, None
        last = LogisticRegression(C=1.0).fit(held_out[:, columns[chosen]], labels)
        counts = Counter(read.languages)
        return scores, cls(
            frozenset(name for name, count in counts.items() if count >= LEAST_OF_A_LANGUAGE),
            chosen,
            *_fitted_parts(read, labels, held_out[:, 0]),
            last,
        )

    def log_odds(self, read: Read, builtin: Array) -> Array:
        """Calibrated log-odds of praise (n,); ``builtin`` (n,) are the built-in head's."""
        parts = (self.meaning, self.vectorizer, self.characters)
        columns = np.c_[builtin, _part_log_odds(parts, read, builtin)]
        if self.chosen != "blend":
            columns = columns[:, [_PARTS.index(self.chosen)]]
        return np.asarray(self.last.decision_function(np.clip(columns, -_EDGE, _EDGE)))


def distinct(texts: Sequence[str], labels: Sequence[int]) -> tuple[list[str], Array]:
    """Texts that differ once cleaned, each with the label that most of its copies have; as many of both, or
    blank: left out.
    """
    votes: dict[str, int] = {}
    for text, label in zip(texts, labels, strict=True):
        key = cleaned(text)
        if key:
            votes[key] = votes.get(key, 0) + (1 if label else -1)
    kept = {text: vote for text, vote in votes.items() if vote}
    return list(kept), np.array([int(vote > 0) for vote in kept.values()], dtype=np.int64)


def _fitted_parts(read: Read, labels: Array, builtin: Array) -> tuple[Any, Any, Any]:
    from sklearn.linear_model import LogisticRegression

    meaning = LogisticRegression(C=0.01, max_iter=300).fit(_columns(read, builtin), labels)
    vectorizer, grams = _grams(read.texts)
    characters = LogisticRegression(C=5.0, max_iter=300).fit(grams, labels)
    return meaning, vectorizer, characters


def _grams(texts: list[str]) -> tuple[Any, Any]:
    """A vectorizer of character n-grams fitted to texts, and what it makes of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2, max_features=200_000
    )
    try:
        return vectorizer, vectorizer.fit_transform(texts)
    except ValueError:  # no n-gram is in two texts
        vectorizer.set_params(min_df=1)
        return vectorizer, vectorizer.fit_transform(texts)


def _part_log_odds(parts: tuple[Any, Any, Any], read: Read, builtin: Array) -> Array:
    meaning, vectorizer, characters = parts
    columns: Array = np.c_[
        meaning.decision_function(_columns(read, builtin)),
        characters.decision_function(vectorizer.transform(read.texts)),
    ]
    return columns


def _self_trained(texts: list[str], log_odds: Array) -> Array:
    """The log-odds with what character n-grams learned from them, each text's from the other folds; spread
    as far as they were.
    """
    from scipy.sparse import vstack
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    if log_odds.std() == 0:
        return log_odds
    grams = _grams(texts)[1]
    soft = _probability(_SURER * log_odds)
    learned = np.zeros(len(texts))
    for inside, outside in KFold(FOLDS, shuffle=True, random_state=0).split(soft):
        rows = np.sort(np.random.default_rng(0).permutation(inside)[:MOST])
        both = vstack([grams[rows], grams[rows]])
        sides = np.repeat([1, 0], len(rows))
        head = LogisticRegression(C=1.0, max_iter=200).fit(
            both, sides, sample_weight=np.r_[soft[rows], 1 - soft[rows]]
        )
        learned[outside] = head.decision_function(grams[outside])
    if learned.std() == 0:
        return log_odds
    together = log_odds / log_odds.std() + 2 * learned / learned.std()
    return np.asarray(together * _SELF_TRAINED * log_odds.std() / together.std())


def _columns(read: Read, builtin: Array) -> Array:
    # Vectors are of unit length: this brings them to a regression's usual size.
    columns: Array = np.c_[read.vectors * 20, read.balance, np.clip(builtin, -_EDGE, _EDGE)]
    return columns


def _probabilities(read: Read, log_odds: Array) -> Array:
    """NaN where there is nothing to read."""
    blank = np.array([not text for text in read.texts], dtype=bool)
    return np.where(blank, np.nan, _probability(log_odds))


def _probability(log_odds: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(log_odds))
