"""What was tried to tell categories from photos, beside what Forestock does; docs/images.md has the figures.

    .venv/bin/python -m benchmarks.categories_tried [--seeds 5]

The same photos, folds and seeds as `benchmarks.categories`: accuracy on five held-out folds of train and
validation, and on the test split after 10 photos a category. Other views of a photo, other vectors from the
same network, other learners on its vectors, and the classic answer without a network: histograms of colours
and of oriented gradients (Dalal and Triggs, *Histograms of oriented gradients for human detection*, CVPR
2005).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks.categories import _few, clothes_read
from benchmarks.forecast_sets import data_folder
from forecasting.core.categorise import Items, head_fit
from forecasting.core.pictures.models import Encoder, lite0_model, picture_views

Floats = NDArray[np.float32]
Learner = Callable[[Floats, NDArray[Any], Floats, int], NDArray[Any]]
FEW = 10
SIDE = 128


def boxed(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The whole picture in its own shape on a white square (letterbox)."""
    image = Image.fromarray(picture)
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def corners(picture: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """Four crops of seven eighths of the picture, one from each corner."""
    image = Image.fromarray(picture)
    width, height = (round(side * 7 / 8) for side in image.size)
    starts = [(x, y) for x in (0, image.width - width) for y in (0, image.height - height)]
    boxes = [(x, y, x + width, y + height) for x, y in starts]
    return [np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box)) for box in boxes]


def encoded(pictures: Sequence[NDArray[np.uint8]]) -> tuple[dict[str, Floats], Floats]:
    """Unit vectors (N, V, 1280) by kind of view; class probabilities (N, 1000), means of the usual four."""
    with TemporaryDirectory() as folder:
        model = lite0_model(Path(folder))
        embed, classify = Encoder(model), Encoder(replace(model, output="logits"))
    found: dict[str, list[Floats]] = {name: [] for name in ("whole", "middle", "letterbox", "corners")}
    classes = []
    for picture in tqdm(pictures, disable=None):
        usual, box = picture_views(picture, model.size), boxed(picture, model.size)
        views = [*usual, box, box[:, ::-1], *corners(picture, model.size)]
        vectors = unit(embed._run(np.stack(views)))
        for name, part in zip(found, (vectors[:2], vectors[2:4], vectors[4:6], vectors[6:]), strict=True):
            found[name].append(part)
        logits = classify._run(np.stack(usual)).astype(float)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        classes.append((powers / powers.sum(axis=1, keepdims=True)).mean(axis=0))
    return {name: np.stack(parts) for name, parts in found.items()}, np.stack(classes).astype(np.float32)


def unit(vectors: Floats) -> Floats:
    """Each of unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def gradients_and_colours(picture: NDArray[np.uint8]) -> Floats:
    """HOG of 9 directions in cells of 16 pixels and blocks of 2 x 2, and an 8 x 8 x 8 histogram of RGB."""
    pixels = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    down, right = np.gradient(pixels.mean(axis=2))
    turn = (np.degrees(np.arctan2(down, right)) % 180 / 20).astype(int) % 9
    layers = np.where(turn[:, :, None] == np.arange(9), np.hypot(down, right)[:, :, None], 0)
    cells = layers.reshape(SIDE // 16, 16, SIDE // 16, 16, 9).sum(axis=(1, 3))
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    blocks = blocks / np.sqrt((blocks**2).sum(axis=2, keepdims=True) + 1)
    codes = (pixels // 32).reshape(-1, 3) @ [64, 8, 1]
    colours = np.sqrt(np.bincount(codes, minlength=512) / len(codes))
    return np.concatenate([blocks.ravel(), colours]).astype(np.float32)


def head(X: Floats, y: NDArray[Any], held: Floats, seed: int) -> NDArray[Any]:
    """What Forestock learns."""
    fitted = head_fit(Items(X, [""] * len(X)), y.tolist(), seed=seed)
    found = fitted.predict(Items(held, [""] * len(held))).argmax(axis=1)
    return np.asarray(np.array(fitted.categories)[found])


def discriminant(X: Floats, y: NDArray[Any], held: Floats, seed: int) -> NDArray[Any]:
    """Linear discriminant analysis with Ledoit and Wolf's shrinkage."""
    return np.asarray(LinearDiscriminantAnalysis("lsqr", shrinkage="auto").fit(X, y).predict(held))


def support_vectors(X: Floats, y: NDArray[Any], held: Floats, seed: int) -> NDArray[Any]:
    """Support vectors with a Gaussian kernel on standardised columns."""
    return np.asarray(make_pipeline(StandardScaler(), SVC(C=10.0)).fit(X, y).predict(held))


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    clothes = clothes_read(data_folder("images_clothing").parent)
    views, classes = encoded(clothes.pictures)

    def mean(*names: str) -> Floats:
        return unit(np.concatenate([views[name] for name in names], axis=1).mean(axis=1))

    usual = mean("whole", "middle")
    tried: dict[str, tuple[Floats, Learner]] = {
        "whole and middle square (what Forestock does)": (usual, head),
        "whole alone": (mean("whole"), head),
        "middle square alone": (mean("middle"), head),
        "letterbox alone": (mean("letterbox"), head),
        "middle square and letterbox": (mean("middle", "letterbox"), head),
        "whole, middle square, four corners": (mean("whole", "middle", "corners"), head),
        "square roots of the vector": (unit(np.sqrt(np.abs(usual)) * np.sign(usual)), head),
        "the vector and the network's class probabilities": (np.hstack([usual, classes]), head),
        "the vector, discriminant analysis": (usual, discriminant),
        "the vector, support vectors": (usual, support_vectors),
        "gradients and colours, support vectors": (
            np.stack([gradients_and_colours(picture) for picture in clothes.pictures]),
            support_vectors,
        ),
    }
    y, train, test = clothes.categories, clothes.split == "train", clothes.split == "test"
    more = train | (clothes.split == "validation")
    print(f"{'':50} five folds   {FEW} photos a category (means of {arguments.seeds} seeds)")
    for name, (X, learner) in tried.items():
        folds, few = [], []
        for seed in range(arguments.seeds):
            split = StratifiedKFold(5, shuffle=True, random_state=seed).split(X[more], y[more])
            hits = [
                learner(X[more][learn], y[more][learn], X[more][held], seed) == y[more][held]
                for learn, held in split
            ]
            folds.append(np.concatenate(hits).mean())
            chosen = _few(y, train, FEW, seed)
            few.append((learner(X[chosen], y[chosen], X[test], seed) == y[test]).mean())
        print(f"{name:50} {np.mean(folds):.3f}        {np.mean(few):.3f}", flush=True)


if __name__ == "__main__":
    main()
