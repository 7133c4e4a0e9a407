"""The step that suggests categories, and what people make of its suggestions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from catalog.models import Category, Product
from catalog.services import products_categorise
from catalog.services.heartbeat import hold
from forecasting.models import CategorySuggestion, ProductVector, SignalRun
from forecasting.selectors.vectors import Vectors, vectors_read

if TYPE_CHECKING:
    from forecasting.core.categorise import CategoryHead, Items
    from forecasting.services.signals import Say

METHOD = "categorise-1"
LEAST = 0.3
"""A likeliest category that is less likely than this is not suggested."""

_FEWEST_LABELLED = 20
_BLOCK = 4000
_State = CategorySuggestion.State
_Basis = CategorySuggestion.Basis


@dataclass(frozen=True, slots=True)
class _Shop:
    """All products: ids, names, category ids (0: none), content; the row of each one's vector (-1: none)."""

    ids: NDArray[np.int64]
    names: list[str]
    categories: NDArray[np.int64]
    content: list[str]
    pictures: Vectors
    picture_rows: NDArray[np.int64]

    def items(self, rows: NDArray[np.integer]) -> Items:
        """What the head sees of some products."""
        from forecasting.core.categorise import Items

        dimensions = self.pictures.vectors.shape[1]
        vectors = np.full((len(rows), dimensions), np.nan, np.float32)
        places = self.picture_rows[rows]
        vectors[places >= 0] = self.pictures.vectors[places[places >= 0]]
        return Items(vectors, [self.names[row] for row in rows])


def categories_suggest(run: SignalRun, say: Say) -> dict[str, Any]:
    """Learn the shop's categories from photos and names, suggest one where there is none, doubt wrong ones.

    What a person decided stays, unless the product's name or photo changed since. Nothing is suggested by a
    shop with fewer than 20 products in categories, or all in one.
    """
    from forecasting.core.categorise import head_fit

    shop = _shop(run)
    labelled = np.flatnonzero(shop.categories > 0)
    if len(labelled) < _FEWEST_LABELLED or len(set(shop.categories[labelled].tolist())) < 2:
        CategorySuggestion.objects.filter(state=_State.OPEN).delete()
        return {"products": len(labelled), "suggested": 0, "contradicted": 0}
    head = head_fit(shop.items(labelled), [str(pk) for pk in shop.categories[labelled]])
    say(0.5)
    found = list(_found(shop, labelled, head, say))
    _write(run, found)
    return {
        "products": len(labelled),
        "categories": len(head.categories),
        "suggested": sum(not one.contradicts for one in found),
        "contradicted": sum(one.contradicts for one in found),
        "accuracy": None if head.accuracy is None else round(head.accuracy, 4),
    }


def suggestions_accept(*, product_ids: Sequence[int], acting_user: AbstractBaseUser) -> int:
    """Put products into the categories that open suggestions name; how many were.

    A suggestion whose product got a category meanwhile (or another one) is left out: it is stale.
    """
    with transaction.atomic():
        locked = _open(product_ids)
        fresh = [one for one in locked if _is_fresh(one)]
        products_categorise(categories={one.product_id: one.category_id for one in fresh})
        return _decide(fresh, _State.ACCEPTED, acting_user)


def suggestions_dismiss(*, product_ids: Sequence[int], acting_user: AbstractBaseUser) -> int:
    """Set open suggestions aside; how many were."""
    with transaction.atomic():
        return _decide(_open(product_ids), _State.DISMISSED, acting_user)


def _open(product_ids: Sequence[int]) -> list[CategorySuggestion]:
    rows = CategorySuggestion.objects.select_for_update(of=("self",)).select_related("product")
    return list(rows.filter(product_id__in=product_ids, state=_State.OPEN).order_by("product_id"))


def _is_fresh(one: CategorySuggestion) -> bool:
    present = one.product.category_id
    return present is not None and present != one.category_id if one.contradicts else present is None


def _decide(rows: Sequence[CategorySuggestion], state: str, acting_user: AbstractBaseUser) -> int:
    return CategorySuggestion.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=state, decided_by_id=acting_user.pk, decided_at=timezone.now()
    )


def _shop(run: SignalRun) -> _Shop:
    pictures = vectors_read(ProductVector.Kind.IMAGE)
    rows = list(
        Product.objects.filter(recorded_at__lte=run.known_at)
        .order_by("pk")
        .values_list("pk", "name", "category_id")
    )
    ids = np.array([pk for pk, _name, _category in rows], np.int64)
    place_of = {int(pk): place for place, pk in enumerate(pictures.product_ids)}
    picture_rows = np.array([place_of.get(pk, -1) for pk, _name, _category in rows], np.int64)
    content = [
        hashlib.sha256(f"{name}\n{pictures.content[place] if place >= 0 else ''}".encode()).hexdigest()
        for (_pk, name, _category), place in zip(rows, picture_rows, strict=True)
    ]
    return _Shop(
        ids,
        [name for _pk, name, _category in rows],
        np.array([category or 0 for _pk, _name, category in rows], np.int64),
        content,
        pictures,
        picture_rows,
    )


def _found(
    shop: _Shop, labelled: NDArray[np.integer], head: CategoryHead, say: Say
) -> Iterator[CategorySuggestion]:
    from forecasting.core.categorise import best_of, doubted

    keys = np.array([int(name) for name in head.categories], np.int64)
    place_of = {int(key): place for place, key in enumerate(keys)}
    held_out = np.full((len(shop.ids), len(keys)), np.nan, np.float32)
    held_out[labelled] = head.held_out
    for start in range(0, len(shop.ids), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(shop.ids)))
        probabilities = held_out[rows].astype(float)
        # Those that the head has not learned from are judged by the head itself.
        unseen = ~np.isfinite(probabilities[:, 0])
        items = shop.items(rows[unseen])
        probabilities[unseen] = head.predict(items)
        has_any = np.ones(len(rows), bool)
        has_any[unseen] = items.has_vector | items.has_title
        own = np.array([place_of.get(int(pk), -1) for pk in shop.categories[rows]])
        wrong = doubted(probabilities, np.maximum(own, 0)) & (own >= 0)
        missing = (shop.categories[rows] == 0) & (probabilities.max(axis=1) >= LEAST)
        best = best_of(probabilities)
        for place in np.flatnonzero((wrong | missing) & has_any):
            row = rows[place]
            likely = [[int(keys[k]), round(float(probabilities[place, k]), 4)] for k in best[place]]
            yield CategorySuggestion(
                product_id=int(shop.ids[row]),
                category_id=likely[0][0],
                probability=likely[0][1],
                contradicts=bool(wrong[place]),
                basis=_basis(head, shop.picture_rows[row] >= 0, bool(shop.names[row].strip())),
                best=likely,
                content_sha=shop.content[row],
                model_id=METHOD,
                state=_State.OPEN,
            )
        say(0.5 + 0.5 * (start + len(rows)) / len(shop.ids))


def _basis(head: CategoryHead, has_picture: bool, has_name: bool) -> str:
    by_picture = has_picture and head.image is not None
    by_name = has_name and head.text is not None
    if by_picture and by_name:
        return _Basis.BOTH
    return _Basis.IMAGE if by_picture else _Basis.TEXT


def _write(run: SignalRun, found: Iterable[CategorySuggestion]) -> None:
    """Replace the open suggestions. A decided one is replaced only where the product is another by now."""
    with transaction.atomic():
        hold(run)
        decided = dict(
            CategorySuggestion.objects.exclude(state=_State.OPEN).values_list("product_id", "content_sha")
        )
        categories = set(Category.objects.values_list("pk", flat=True))
        products = set(Product.objects.values_list("pk", flat=True))
        rows = [
            one
            for one in found
            if decided.get(one.product_id) != one.content_sha
            and one.category_id in categories
            and one.product_id in products
        ]
        CategorySuggestion.objects.filter(state=_State.OPEN).delete()
        CategorySuggestion.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["product"],
            update_fields=[
                "category",
                "probability",
                "contradicts",
                "basis",
                "best",
                "content_sha",
                "model_id",
                "state",
                "decided_by",
                "decided_at",
            ],
            batch_size=500,
        )
