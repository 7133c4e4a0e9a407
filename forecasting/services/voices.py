"""The step `reviews` of a reading of signals: what each review says, and what they add up to."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.db import transaction

from catalog.models import Review
from catalog.services.heartbeat import hold
from forecasting.models import ProductVoice, ReviewReading, SignalRun
from forecasting.selectors.voices import review_words

BATCH = 1_000
PRAISED, BLAMED = 0.6, 0.4
"""Probabilities from which a part of a review counts as praise, and up to which as blame."""
MOST_ASPECTS, MOST_QUOTES = 12, 3
YEAR = 365
RELEARN = 0.05
"""Share of the labels that a model learned from, beyond which their change makes another model."""
_FIELDS = ("p_positive", "language", "left_out", "aspects", "model_id", "text_sha")


@dataclass(frozen=True)
class Line:
    """A review as the step reads it."""

    pk: int
    product_id: int
    rating: int | None
    language: str
    words: str
    sha: str


def reviews_step(run: SignalRun, say: Any) -> dict[str, Any]:
    """Read the reviews that are new, changed, or were read by another model; then sum up each product's."""
    from forecasting.core.text.screening import screened

    known = Review.objects.filter(day__lte=run.as_of, recorded_at__lte=run.known_at).order_by("day", "pk")
    lines = [
        _line(pk, product, rating, language, review_words(title, text))
        for pk, product, rating, language, title, text in known.values_list(
            "pk", "product_id", "rating", "language", "title", "text"
        ).iterator(chunk_size=10_000)
    ]
    left_out = dict(zip([line.pk for line in lines], screened([line.words for line in lines]), strict=True))
    say(0.1)
    counted = [line for line in lines if not left_out[line.pk]]
    make, model_id = _model(counted)
    stored = {
        pk: (read_by, sha, reason)
        for pk, read_by, sha, reason in ReviewReading.objects.values_list(
            "review_id", "model_id", "text_sha", "left_out"
        ).iterator(chunk_size=10_000)
    }
    waiting = [line for line in lines if stored.get(line.pk) != (model_id, line.sha, left_out[line.pk])]
    if waiting:
        model = make()
        more = _mined(counted)
        for done, batch in _batches(waiting):
            readings = _read(batch, left_out, model, model_id, more)
            with transaction.atomic():
                hold(run)
                ReviewReading.objects.bulk_create(
                    readings, update_conflicts=True, unique_fields=["review"], update_fields=_FIELDS
                )
            say(0.1 + 0.8 * done / len(waiting))
    products = voices_sum_up(run)
    return {
        "new": len(waiting),
        "left_out": sum(map(bool, left_out.values())),
        "products": products,
        "model": model_id,
    }


def voices_sum_up(run: SignalRun) -> int:
    """Write every product's voice from what was read of its reviews; returns how many there are."""
    import numpy as np

    from forecasting.core.text import voice as core

    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    readings = ReviewReading.objects.filter(
        review__day__lte=run.as_of, review__recorded_at__lte=run.known_at
    ).order_by("review__day", "review_id")
    for row in readings.values_list(
        "review__product_id", "review__day", "p_positive", "left_out", "aspects", "review_id"
    ).iterator(chunk_size=10_000):
        rows[row[0]].append(row)
    counted = {
        product: [row for row in found if not row[3] and row[2] is not None]
        for product, found in rows.items()
    }
    values = {product: np.array([row[2] for row in found]) for product, found in counted.items()}
    total = sum(map(len, values.values()))
    usual = float(sum(one.sum() for one in values.values()) / total) if total else 0.5
    order = sorted(rows)
    changes = [core.change(values[product], [row[1] for row in counted[product]]) for product in order]
    told = core.told(changes)
    voices = []
    for product, change, is_told in zip(order, changes, told, strict=True):
        found = counted[product]
        days = [row[1] for row in found]
        level = None
        if found:
            ages = np.array([(run.as_of - day).days for day in days], dtype=np.float64)
            level = core.level(values[product], ages, usual=usual)
        shown = change if is_told else None
        voices.append(
            ProductVoice(
                product_id=product,
                as_of=run.as_of,
                reviews=len(found),
                left_out=len(rows[product]) - len(found),
                level=level.level if level else None,
                low=level.low if level else None,
                high=level.high if level else None,
                before=shown.before if shown else None,
                change=shown.after - shown.before if shown else None,
                changed_on=shown.day if shown else None,
                aspects=_summed_up([row for row in found if run.as_of - row[1] <= timedelta(days=YEAR)]),
                months=[
                    [month.isoformat(), count, None if share is None else round(share, 3)]
                    for month, count, share in core.months(values[product], days, run.as_of)
                ],
            )
        )
    fields = [field.name for field in ProductVoice._meta.concrete_fields if field.name != "product"]
    with transaction.atomic():
        hold(run)
        ProductVoice.objects.exclude(product_id__in=ReviewReading.objects.values("review__product")).delete()
        ProductVoice.objects.bulk_create(
            voices, batch_size=BATCH, update_conflicts=True, unique_fields=["product"], update_fields=fields
        )
    return len(voices)


def _model(counted: Sequence[Line]) -> tuple[Any, str]:
    """How to make the model that the shop's own rated reviews teach, and its id.

    It learns from the first reviews that were rated 4 or 5, or 1 or 2; from how many grows in steps of a
    fifth. Its id stays (and so do the readings) until there is such a step, or more than `RELEARN` of what it
    learned was changed or taken away, or the encoder or the built-in head is another.
    """
    from forecasting.core.text.builtin import builtin_default, builtin_id
    from forecasting.core.text.encoders import encoder_default
    from forecasting.core.text.sentiment import LEAST, MOST, SentimentModel

    rated = sorted(
        (line for line in counted if line.rating is not None and line.rating != 3), key=lambda line: line.pk
    )
    size = 0
    step = LEAST
    while step <= min(len(rated), MOST):
        size = step
        step += step // 5
    method = f"{encoder_default().model_id}+{builtin_id()}"
    last = _taught_last()
    if last and last["method"] == method and _holds(last["labels"], rated, size, LEAST):
        taught, model_id = rated[: len(last["labels"])], last["model"]
    else:
        taught = rated[:size]
        labels = _labels(taught)
        digest = hashlib.sha256(f"{method}{''.join(labels.values())}".encode()).hexdigest()[:12]
        model_id = f"{encoder_default().model_id}+{size}-{digest}"
        if labels:
            _taught_write({"model": model_id, "method": method, "labels": labels})

    def make() -> SentimentModel:
        return SentimentModel(encoder_default(), builtin_default()).fit(
            [line.words for line in taught], [int((line.rating or 0) > 3) for line in taught]
        )

    return make, model_id


def _labels(taught: Sequence[Line]) -> dict[str, str]:
    """By the review's id, what it teaches: a short hash of its text, and 1 for praise."""
    return {str(line.pk): f"{line.sha[:16]}{int((line.rating or 0) > 3)}" for line in taught}


def _holds(labels: dict[str, str], rated: Sequence[Line], size: int, least: int) -> bool:
    """Whether a model that learned from these labels is still the one to read with."""
    if size > len(labels) or len(rated) < least:
        return False
    now = _labels(rated[: len(labels)])
    return sum(now.get(pk) != label for pk, label in labels.items()) <= RELEARN * len(labels)


def _taught_path() -> Path:
    return Path(settings.ARTIFACT_ROOT) / "review-model.json"


def _taught_last() -> dict[str, Any] | None:
    """What the last model learned from; None where it is not known."""
    try:
        found = json.loads(_taught_path().read_text(encoding="ascii"))
        return found if found.keys() == {"model", "method", "labels"} else None
    except (OSError, ValueError, AttributeError):
        return None


def _taught_write(taught: dict[str, Any]) -> None:
    path = _taught_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, encoding="ascii", delete=False) as file:
        json.dump(taught, file)
    Path(file.name).replace(path)


def _line(pk: int, product_id: int, rating: int | None, language: str, words: str) -> Line:
    from forecasting.core.text.cleaning import text_sha

    return Line(pk, product_id, rating, language, words, text_sha(words))


def _mined(counted: Sequence[Line]) -> dict[str, str]:
    from forecasting.core.text.aspects import mined

    return mined([line.words for line in counted])


def _read(
    batch: Sequence[Line], left_out: dict[int, str], model: Any, model_id: str, more: dict[str, str]
) -> list[ReviewReading]:
    """Readings of some reviews; those left out have no probability and no aspects."""
    import math

    from forecasting.core.text.aspects import mentions

    counted = [line for line in batch if not left_out[line.pk]]
    found = model.predict([line.words for line in counted])
    named = mentions([line.words for line in counted], more)
    clauses = list(dict.fromkeys(counted[one.row].words[one.start : one.end] for one in named))
    shares = dict(zip(clauses, model.predict(clauses).p_positive.tolist(), strict=True))
    aspects: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in named:
        share = shares[counted[one.row].words[one.start : one.end]]
        aspects[one.row].append(
            {"aspect": one.aspect, "p_positive": round(share, 3), "start": one.start, "end": one.end}
        )
    spoken = {line.pk: row for row, line in enumerate(counted)}
    readings = []
    for line in batch:
        row = spoken.get(line.pk)
        share = float("nan") if row is None else float(found.p_positive[row])
        readings.append(
            ReviewReading(
                review_id=line.pk,
                p_positive=None if math.isnan(share) else share,
                language=line.language or ("" if row is None else found.languages[row]),
                left_out=left_out[line.pk],
                aspects=[] if row is None else aspects[row],
                model_id=model_id,
                text_sha=line.sha,
            )
        )
    return readings


def _summed_up(rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The aspects that reviews (of a product, within a year) speak of the most: how many praise, how many
    blame, and parts of reviews that show it, as [review, start, end, probability].
    """
    lines: dict[str, dict[str, Any]] = {}
    for *_, mentions, review in rows:
        for one in mentions:
            line = lines.setdefault(
                one["aspect"], {"aspect": one["aspect"], "praised": 0, "blamed": 0, "quotes": []}
            )
            if one["p_positive"] >= PRAISED:
                line["praised"] += 1
            elif one["p_positive"] <= BLAMED:
                line["blamed"] += 1
            else:
                continue
            line["quotes"].append([review, one["start"], one["end"], one["p_positive"]])
    told = sorted(lines.values(), key=lambda line: -(line["praised"] + line["blamed"]))
    kept = [line for line in told if line["quotes"]][:MOST_ASPECTS]
    for line in kept:
        # The quotes of the commoner side, the clearest first.
        side = 1 if line["praised"] >= line["blamed"] else -1
        line["quotes"] = sorted(line["quotes"], key=lambda quote: (-side * quote[3], -quote[0]))[:MOST_QUOTES]
    return kept


def _batches(lines: Sequence[Line]) -> Iterator[tuple[int, list[Line]]]:
    rest = iter(lines)
    done = 0
    while batch := list(islice(rest, BATCH)):
        done += len(batch)
        yield done, batch
