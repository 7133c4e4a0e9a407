"""Categories from photos: accuracy on held-out photos, with the trivial answers, memory and rate beside it.

    python benchmarks/categories.py ../shared/data

720 photos of clothes in ten categories (CC0), with their own split. Each of five seeds draws its folds and,
where fewer photos than all are learned from, its photos anew.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from catalog.core.pictures import picture_decode
from forecasting.core.categorise import Items, best_of, doubted, head_fit
from forecasting.core.pictures.models import Encoder, lite0_model
from forecasting.core.pictures.neighbours import neighbours_find
from forecasting.core.stages import peak_mib

SEEDS = range(5)
SWAPPED = 0.1


@dataclass(frozen=True)
class Clothes:
    """Photos (pixels), their categories and parts of the split, N of each."""

    pictures: list[NDArray[np.uint8]]
    categories: NDArray[Any]
    split: NDArray[Any]


def clothes_read(folder: Path, *, most_of_a_category: int | None = None) -> Clothes:
    """The photos of `images_clothing`; if asked for, only the first few of each category and part."""
    place = folder / "images_clothing"
    index = pl.read_csv(place / "index.csv")
    if most_of_a_category:
        index = index.group_by("split", "category", maintain_order=True).head(most_of_a_category)
    with zipfile.ZipFile(place / "clothing_small_160px.zip") as archive:
        pictures = [picture_decode(archive.read(path)).pixels for path in index["path"]]
    return Clothes(pictures, index["category"].to_numpy(), index["split"].to_numpy())


def main() -> None:
    clothes = clothes_read(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
    y, train, test = clothes.categories, clothes.split == "train", clothes.split == "test"
    more = train | (clothes.split == "validation")
    with TemporaryDirectory() as folder:
        encoder = Encoder(lite0_model(Path(folder)))
    start = time.perf_counter()
    vectors = encoder.encode(clothes.pictures)
    seconds = time.perf_counter() - start
    rate = len(y) / seconds
    print(f"{len(y)} photos in {seconds:.1f} s, one thread: {rate:.1f} a second, {peak_mib():.0f} MiB")
    print(f"most frequent category: {np.mean(y[test] == y[more][0]):.3f}")
    for name, part in (("train", train), ("train and validation", more)):
        print(f"5 nearest photos, {name}: {_nearest(vectors, y, part, test):.3f}")
        _report(f"head, {name}", [_accuracy(vectors, y, part, test, seed) for seed in SEEDS])
    for few in (5, 10, 20):
        found = [_accuracy(vectors, y, _few(y, train, few, seed), test, seed) for seed in SEEDS]
        _report(f"head, {few} photos a category", found)
    _report("head, five folds of train and validation", [_folds(vectors, y, more, seed) for seed in SEEDS])
    _errors(vectors, y, more)
    _calibration(vectors, y, more, test)
    _swapped(vectors, y)


def _report(name: str, found: list[float]) -> None:
    print(f"{name}: {np.mean(found):.3f} (seeds {', '.join(f'{one:.3f}' for one in found)})")


def _items(vectors: NDArray[np.float32]) -> Items:
    return Items(vectors, [""] * len(vectors))


def _accuracy(
    vectors: NDArray[np.float32], y: NDArray[Any], part: NDArray[np.bool_], test: NDArray[np.bool_], seed: int
) -> float:
    head = head_fit(_items(vectors[part]), y[part].tolist(), seed=seed)
    found = head.predict(_items(vectors[test])).argmax(axis=1)
    return float((np.array(head.categories)[found] == y[test]).mean())


def _folds(vectors: NDArray[np.float32], y: NDArray[Any], part: NDArray[np.bool_], seed: int) -> float:
    return head_fit(_items(vectors[part]), y[part].tolist(), seed=seed).accuracy or 0.0


def _errors(vectors: NDArray[np.float32], y: NDArray[Any], part: NDArray[np.bool_]) -> None:
    """Where the held-out folds go wrong: the two likeliest categories, and the pairs mixed up most often."""
    own = y[part]
    heads = [head_fit(_items(vectors[part]), own.tolist(), seed=seed) for seed in SEEDS]
    names = np.array(heads[0].categories)
    places = [best_of(head.held_out, 2) for head in heads]
    _report(
        "either of the two likeliest, five folds", [float((own == names[p].T).any(0).mean()) for p in places]
    )
    pairs = Counter(
        frozenset((true, names[first]))
        for p in places
        for true, first in zip(own, p[:, 0], strict=True)
        if true != names[first]
    )
    for pair, count in pairs.most_common(6):
        print(f"  {' / '.join(sorted(pair))}: {count / pairs.total():.0%} of the errors")


def _few(y: NDArray[Any], train: NDArray[np.bool_], few: int, seed: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(y), bool)
    for name in np.unique(y):
        chosen[rng.choice(np.flatnonzero(train & (y == name)), few, replace=False)] = True
    return chosen


def _nearest(
    vectors: NDArray[np.float32], y: NDArray[Any], part: NDArray[np.bool_], test: NDArray[np.bool_]
) -> float:
    places, _cosines = neighbours_find(vectors[part], vectors[test], 5)
    hits = 0
    for near, own in zip(y[part][places], y[test], strict=True):
        names, counts = np.unique(near, return_counts=True)
        # The nearest one decides between those that are there equally often.
        best = next(name for name in near if counts[names == name][0] == counts.max())
        hits += best == own
    return hits / int(test.sum())


def _calibration(
    vectors: NDArray[np.float32], y: NDArray[Any], part: NDArray[np.bool_], test: NDArray[np.bool_]
) -> None:
    head = head_fit(_items(vectors[part]), y[part].tolist())
    found = head.predict(_items(vectors[test]))
    sure, hit = found.max(axis=1), np.array(head.categories)[found.argmax(axis=1)] == y[test]
    bins = np.minimum((sure * 10).astype(int), 9)
    error = sum(
        abs(sure[bins == b].mean() - hit[bins == b].mean()) * np.mean(bins == b) for b in np.unique(bins)
    )
    print(f"calibration error on the test split, ten bins: {error:.3f} (mean probability {sure.mean():.3f})")


def _swapped(vectors: NDArray[np.float32], y: NDArray[Any]) -> None:
    """A tenth of all categories made wrong: how many of those that are doubted are wrong, and the reverse."""
    precision, recall = [], []
    names = np.unique(y)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        wrong = rng.random(len(y)) < SWAPPED
        given = y.copy()
        for row in np.flatnonzero(wrong):
            given[row] = rng.choice(names[names != y[row]])
        head = head_fit(_items(vectors), given.tolist(), seed=seed)
        own = np.searchsorted(head.categories, given)
        doubts = doubted(head.held_out, own)
        precision.append(float(wrong[doubts].mean()))
        recall.append(float(doubts[wrong].mean()))
    _report("doubted categories that are wrong, a tenth swapped (precision)", precision)
    _report("wrong categories that are doubted (recall)", recall)


if __name__ == "__main__":
    main()
