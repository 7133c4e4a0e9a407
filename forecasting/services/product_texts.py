"""The step `texts` of a reading of signals: every product's title and attributes as a vector."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from catalog.models import Product
from catalog.services.heartbeat import hold
from forecasting.models import ProductVector, SignalRun

BATCH = 2_000


def texts_step(run: SignalRun, say: Any) -> dict[str, Any]:
    """Encode what is new or changed, or was encoded by another model."""
    from forecasting.core.text.cleaning import cleaned, text_sha
    from forecasting.core.text.encoders import encoder_default

    encoder = encoder_default()
    stored = {
        product: (model_id, sha)
        for product, model_id, sha in ProductVector.objects.filter(kind=ProductVector.Kind.TEXT)
        .values_list("product_id", "model_id", "content_sha")
        .iterator(chunk_size=10_000)
    }
    waiting: list[tuple[int, str, str]] = []
    products = Product.objects.filter(recorded_at__lte=run.known_at).order_by("pk")
    for pk, name, attributes in products.values_list("pk", "name", "attributes").iterator(chunk_size=10_000):
        words = cleaned(product_words(name, attributes))
        sha = text_sha(words)
        if stored.get(pk) != (encoder.model_id, sha):
            waiting.append((pk, words, sha))
    for first in range(0, len(waiting), BATCH):
        part = waiting[first : first + BATCH]
        vectors = encoder.encode([words for _, words, _ in part]).astype("<f2")
        with transaction.atomic():
            hold(run)
            ProductVector.objects.bulk_create(
                [
                    ProductVector(
                        product_id=pk,
                        kind=ProductVector.Kind.TEXT,
                        model_id=encoder.model_id,
                        content_sha=sha,
                        vector=vector.tobytes(),
                    )
                    for (pk, _, sha), vector in zip(part, vectors, strict=True)
                ],
                update_conflicts=True,
                unique_fields=["product", "kind"],
                update_fields=["model_id", "content_sha", "vector"],
            )
        say((first + len(part)) / len(waiting))
    return {"new": len(waiting), "model": encoder.model_id}


def product_words(name: str, attributes: dict[str, Any]) -> str:
    """A product's name and what its attributes say of it in words."""
    told = [str(value) for _, value in sorted(attributes.items()) if isinstance(value, str) and value.strip()]
    return ". ".join([name, *told])
