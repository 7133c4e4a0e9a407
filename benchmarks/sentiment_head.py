"""Fits the head that comes with Forestock: `python -m benchmarks.sentiment_head` writes
forecasting/core/text/sentiment.npz.

On Hu and Liu's product reviews, three times, and 16,000 of their pros and cons; on no other text. The scale
of the log-odds is fitted on products, and pros and cons, that the parts were not fitted on.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.sentiment_data import hu_liu, opinion_lexicon, pros_cons
from forecasting.core.text.builtin import WEIGHTS, WORDS, Builtin, Read, read_texts
from forecasting.core.text.encoders import Encoder, encoder_default
from forecasting.core.text.lexicon import Lexicon

SHARE = 0.7
TERMS = 4_000
LEXICAL = 3.0


def main() -> None:
    reviews, sides = hu_liu(), pros_cons().sample(16_000, seed=0)
    texts = pl.concat([reviews["text"], sides["text"]])
    labels = pl.concat([reviews["label"], sides["label"]]).to_numpy()
    weights = np.r_[np.full(reviews.height, 3.0), np.ones(sides.height)]
    encoder = encoder_default()
    good, bad = opinion_lexicon()
    read = read_texts(texts.to_list(), encoder, Lexicon(good, bad))
    # The scale: each product's reviews, and a share of the pros and cons, by a head that saw none of them.
    names = sorted(set(reviews["product"].to_list()))
    folds = np.r_[
        [names.index(product) for product in reviews["product"]], np.arange(sides.height) % len(names)
    ]
    log_odds = np.zeros(len(read))
    for fold in range(len(names)):
        out, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        head = fit(read.some(rest), labels[rest], weights[rest], encoder, good, bad, 1.0)
        log_odds[out] = head.log_odds(read.some(out))
    scale = best_scale(log_odds, labels)
    fit(read, labels, weights, encoder, good, bad, scale).save()
    print(f"scale {scale:.2f}; {WEIGHTS.name} is {WEIGHTS.stat().st_size / 1024:.0f} KB")


def fit(
    read: Read,
    labels: np.ndarray,
    weights: np.ndarray,
    encoder: Encoder,
    good: list[str],
    bad: list[str],
    scale: float,
) -> Builtin:
    """Both parts of the head."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    # The vectors are of unit length: this brings them to a regression's usual size.
    columns = np.c_[read.vectors * 20, read.balance * LEXICAL]
    meaning = LogisticRegression(C=0.003, max_iter=500).fit(columns, labels, sample_weight=weights)
    terms = None
    for _ in range(2):
        counter = TfidfVectorizer(
            ngram_range=(1, 2),
            binary=True,
            token_pattern=WORDS,
            min_df=1 if terms else 3,
            vocabulary=terms,
        )
        words = LogisticRegression(C=3, max_iter=500).fit(
            counter.fit_transform(read.texts), labels, sample_weight=weights
        )
        names = counter.get_feature_names_out()
        kept = np.sort(np.argsort(-np.abs(words.coef_[0]), kind="stable")[:TERMS])
        if terms is None:
            terms = names[kept].tolist()
    return Builtin(
        encoder_id=encoder.model_id,
        vector=(meaning.coef_[0, :-1] * 20).astype(np.float32),
        lexical=float(meaning.coef_[0, -1] * LEXICAL),
        bias=float(meaning.intercept_[0]),
        terms=list(names),
        idf=counter.idf_.astype(np.float32),
        weights=words.coef_[0].astype(np.float32),
        word_bias=float(words.intercept_[0]),
        share=SHARE,
        scale=scale,
        good=good,
        bad=bad,
    )


def best_scale(log_odds: np.ndarray, labels: np.ndarray) -> float:
    """What to multiply log-odds by for the least log loss."""
    scales = np.linspace(0.2, 1.5, 66)
    signed = log_odds * (2 * labels - 1)
    return float(min(scales, key=lambda scale: np.log1p(np.exp(-scale * signed)).mean()))


if __name__ == "__main__":
    main()
