"""Planners' overrides: which are in force, what they speak of, and how those that are over have done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from catalog.models import Product
from catalog.selectors import categories_under, products_search
from forecasting.models import ForecastOverride

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

# Up to so many series are looked up one by one, faster than as arrays: a page asks for one, of many scopes.
_FEW = 20


@dataclass(frozen=True)
class Scope:
    """The product-locations that an override speaks of; None stands for all products, all locations."""

    products: frozenset[int] | None
    location: int | None

    def meets(self, other: Scope) -> bool:
        """Whether some product-location could lie in both."""
        places = self.location is None or other.location is None or self.location == other.location
        if self.products is None or other.products is None:
            return places
        return places and not self.products.isdisjoint(other.products)

    def lies_in(self, products: Iterable[int] | None, locations: Iterable[int] | None) -> bool:
        """Whether all of it is among these (None: all)."""
        if products is not None and (self.products is None or not self.products <= set(products)):
            return False
        return locations is None or (self.location is not None and self.location in set(locations))

    def rows(self, products: Array, locations: Array) -> Array:
        """Positions of its product-locations among these ids (N,)."""
        import numpy as np

        inside = np.ones(len(products), dtype=np.bool_)
        if self.products is not None and len(products) <= _FEW:
            inside &= np.array([pk in self.products for pk in products.tolist()], dtype=np.bool_)
        elif self.products is not None:
            inside &= np.isin(products, np.fromiter(self.products, dtype=np.int64))
        if self.location is not None:
            inside &= locations == self.location
        return np.flatnonzero(inside)


@dataclass(frozen=True)
class ScoreSum:
    """Forecast value added by overrides whose days have passed: sums of units."""

    overrides: int
    actual: float
    model_error: float
    override_error: float

    @property
    def value_added(self) -> float:
        """Units of absolute error that the overrides took away; below 0: that they added."""
        return self.model_error - self.override_error

    @property
    def share(self) -> float | None:
        """The value added as a share of the model's error; None where it had none."""
        return self.value_added / self.model_error if self.model_error > 0 else None


def overrides_in_force(*, as_of: date, known_at: datetime | None = None) -> list[ForecastOverride]:
    """The overrides that count for a forecast as of a day, as they were known at a time, oldest first."""
    known_at = known_at or timezone.now()
    found = ForecastOverride.objects.filter(_in_force(as_of), created_at__lte=known_at).filter(
        Q(withdrawn_at=None) | Q(withdrawn_at__gt=known_at)
    )
    return list(found.order_by("created_at", "pk"))


def overrides_list(
    *,
    as_of: date,
    state: str = "",
    author_id: int | None = None,
    category_id: int | None = None,
    search: str = "",
) -> QuerySet[ForecastOverride]:
    """Overrides, newest first, with all that a list shows.

    `state`: "force", "past" (expired, or its days are over), "withdrawn", or all. A category finds those of
    its branch: of the category itself, of ones under it, and of their products.
    """
    found = ForecastOverride.objects.select_related(
        "product", "category", "location", "created_by", "withdrawn_by", "score"
    )
    if state == "withdrawn":
        found = found.exclude(withdrawn_at=None)
    elif state in {"force", "past"}:
        found = found.filter(_in_force(as_of) if state == "force" else ~_in_force(as_of), withdrawn_at=None)
    if author_id is not None:
        found = found.filter(created_by_id=author_id)
    if category_id is not None:
        branch = categories_under([category_id])[category_id]
        found = found.filter(Q(category__in=branch) | Q(product__category__in=branch))
    if text := search.strip():
        found = found.filter(
            Q(product__in=products_search(text).values("pk"))
            | Q(reason__icontains=text)
            | Q(category__name__icontains=text)
            | Q(location__code__icontains=text)
        )
    return found.order_by("-pk")


def overrides_scored(overrides: QuerySet[ForecastOverride]) -> ScoreSum:
    """The forecast value added by all of these overrides together."""
    row = (
        overrides.order_by()
        .filter(score__periods__gt=0)
        .aggregate(
            n=Count("pk"),
            actual=Sum("score__actual"),
            model=Sum("score__model_error"),
            own=Sum("score__override_error"),
        )
    )
    return ScoreSum(row["n"], row["actual"] or 0.0, row["model"] or 0.0, row["own"] or 0.0)


def override_scopes(overrides: Sequence[ForecastOverride]) -> list[Scope]:
    """The scope of each of these overrides, in their order: two queries at most."""
    roots = sorted({row.category_id for row in overrides if row.category_id is not None})
    branches = categories_under(roots) if roots else {}
    of_category: dict[int, list[int]] = {}
    if roots:
        wanted = frozenset().union(*branches.values())
        pairs = Product.objects.order_by().filter(category__in=wanted).values_list("category_id", "pk")
        for category, product in pairs:
            assert category is not None  # noqa: S101  # one of `wanted`
            of_category.setdefault(category, []).append(product)
    scopes = []
    for row in overrides:
        products: frozenset[int] | None = None
        if row.category_id is not None:
            own = branches[row.category_id]
            products = frozenset(pk for category in own for pk in of_category.get(category, ()))
        if row.product_id is not None:
            products = frozenset([row.product_id]) if products is None else products & {row.product_id}
        scopes.append(Scope(products, row.location_id))
    return scopes


def _in_force(as_of: date) -> Q:
    return Q(expires_on__gt=as_of, last_day__gt=as_of)
