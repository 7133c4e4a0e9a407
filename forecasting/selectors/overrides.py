"""Planners' overrides: which are in force, what they reach, and what they make of a run's distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from catalog.models import Category, Product
from forecasting.models import ForecastOverride, ForecastRun
from forecasting.selectors.stored import distribution_stored, means_stored, periods_of, run_with_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from forecasting.core.distribution import DemandDistribution
    from forecasting.core.overrides import Change, Effect, Override

    Array = npt.NDArray[Any]

UNSAVED = 0


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
        if self.products is not None:
            inside &= np.isin(products, np.fromiter(self.products, dtype=np.int64))
        if self.location is not None:
            inside &= locations == self.location
        return np.flatnonzero(inside)


@dataclass(frozen=True, eq=False)
class Overridden:
    """A run's distributions as people have changed them (`demand`), beside the model's own.

    `effects`: what each override that reaches one of these series did in the whole of its scope, oldest
    first; one without `days` changed nothing.
    """

    demand: DemandDistribution
    model: DemandDistribution
    effects: list[Effect]

    @property
    def applied(self) -> list[int]:
        """Ids of the overrides that had a part in it, oldest first."""
        return [effect.key for effect in self.effects if effect.days]


@dataclass(frozen=True)
class Reach:
    """What one override does to a run, in units: see `forecasting.core.overrides.Effect`."""

    effect: Effect
    series: int
    days: int

    @property
    def change(self) -> float:
        """Units that it adds to what the model and earlier overrides say; below 0: takes away."""
        return self.effect.after - self.effect.before


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
        from catalog.selectors import products_search

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


def categories_under(roots: Sequence[int]) -> dict[int, frozenset[int]]:
    """Each of these categories with all that are under it."""
    children: dict[int | None, list[int]] = {}
    for pk, parent in Category.objects.order_by().values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    result = {}
    for root in roots:
        branch, waiting = {root}, [root]
        while waiting:
            new = [child for child in children.get(waiting.pop(), []) if child not in branch]
            branch.update(new)
            waiting.extend(new)
        result[root] = frozenset(branch)
    return result


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


def distribution_overridden(
    *,
    run_id: int,
    product_ids: Sequence[int] | None = None,
    location_ids: Sequence[int] | None = None,
    known_at: datetime | None = None,
) -> Overridden:
    """A run's distributions with the overrides that were in force at `known_at` (default: now).

    As `forecasting.selectors.distribution_read`, and by the same rules. Where some series only are asked for,
    an override above them still spreads over all of its scope.
    """
    from catalog.selectors import unique_id_split
    from forecasting.core.overrides import distribution_change

    run = run_with_numbers(run_id)
    model = distribution_stored(run, product_ids, location_ids)
    overrides = overrides_in_force(as_of=run.as_of, known_at=known_at)
    if not overrides:
        return Overridden(model, model, [])
    products, locations = unique_id_split(model.unique_id)
    scopes = override_scopes(overrides)
    reaching = [number for number, scope in enumerate(scopes) if len(scope.rows(products, locations))]
    if not reaching:
        return Overridden(model, model, [])
    taking_part = _taking_part(overrides, scopes, reaching)
    whole = product_ids is None and location_ids is None
    inside = whole or all(
        scopes[number].lies_in(product_ids, location_ids)
        for number in taking_part
        if overrides[number].kind != ForecastOverride.Kind.PERCENT
    )
    if inside:
        change = _change(run, overrides, scopes, reaching, products, locations, model.mean)
    else:
        wide = means_stored(run, *_ids([scopes[number] for number in taking_part]))
        places = _positions(wide[0], wide[1], products, locations)
        change = _change(run, overrides, scopes, taking_part, *wide).take(places, model.mean)
    names = {overrides[number].pk for number in reaching}
    return Overridden(
        demand=distribution_change(model, change),
        model=model,
        effects=[effect for effect in change.effects if effect.key in names],
    )


def override_reaches(
    *, run: ForecastRun, overrides: Sequence[ForecastOverride], known_at: datetime | None = None
) -> list[Reach]:
    """What each of these overrides does to a run, in their order, given all that are in force.

    One that is not in force (not saved yet, say) is taken as the newest, alone with those in force.
    """
    held = run_with_numbers(run.pk)
    in_force = overrides_in_force(as_of=run.as_of, known_at=known_at)
    known = {row.pk for row in in_force}
    reaches: dict[int, Reach] = {}
    if wanted := [row for row in overrides if row.pk in known]:
        reaches = _reaches(held, in_force, {row.pk for row in wanted})
    return [
        reaches[row.pk]
        if row.pk in known
        else _reaches(held, [*in_force, row], {row.pk or UNSAVED})[row.pk or UNSAVED]
        for row in overrides
    ]


def _reaches(run: ForecastRun, overrides: list[ForecastOverride], wanted: set[int]) -> dict[int, Reach]:
    """What the wanted ones (keys) among these overrides, oldest first, do to a run."""
    scopes = override_scopes(overrides)
    asked = [number for number, row in enumerate(overrides) if (row.pk or UNSAVED) in wanted]
    # The sums over a scope take part too, so what changes a series of it counts.
    meeting = [
        number
        for number in range(len(overrides))
        if any(scopes[number].meets(scopes[other]) for other in asked)
    ]
    taking_part = _taking_part(overrides, scopes, meeting)
    products, locations, mean = means_stored(run, *_ids([scopes[number] for number in taking_part]))
    change = _change(run, overrides, scopes, taking_part, products, locations, mean)
    effects = {effect.key: effect for effect in change.effects}
    return {
        (overrides[number].pk or UNSAVED): Reach(
            effect=effects[overrides[number].pk or UNSAVED],
            series=len(scopes[number].rows(products, locations)),
            days=(overrides[number].last_day - overrides[number].first_day).days + 1,
        )
        for number in asked
    }


def _taking_part(
    overrides: Sequence[ForecastOverride], scopes: Sequence[Scope], start: Sequence[int]
) -> list[int]:
    """These overrides (positions) and all that change what they spread, in order.

    Units are spread by the means of a whole scope, so an override that meets it counts, and what that one is
    spread by in turn.
    """
    found, waiting = set(start), list(start)
    while waiting:
        number = waiting.pop()
        if overrides[number].kind == ForecastOverride.Kind.PERCENT:
            continue
        new = [
            other
            for other in range(len(scopes))
            if other not in found and scopes[other].meets(scopes[number])
        ]
        found.update(new)
        waiting.extend(new)
    return sorted(found)


def _ids(scopes: Sequence[Scope]) -> tuple[list[int] | None, list[int] | None]:
    """Product ids and location ids that hold all of these scopes; None: all."""
    products: set[int] | None = set()
    locations: set[int] | None = set()
    for scope in scopes:
        products = None if products is None or scope.products is None else products | scope.products
        locations = None if locations is None or scope.location is None else locations | {scope.location}
    return (None if products is None else sorted(products), None if locations is None else sorted(locations))


def _change(
    run: ForecastRun,
    overrides: Sequence[ForecastOverride],
    scopes: Sequence[Scope],
    numbers: Sequence[int],
    products: Array,
    locations: Array,
    mean: Array,
) -> Change:
    from forecasting.core.overrides import means_change

    given = [
        override_numbers(overrides[number], scopes[number].rows(products, locations)) for number in numbers
    ]
    return means_change(mean, periods_of(run), run.spec["freq"], given)


def override_numbers(override: ForecastOverride, rows: Array) -> Override:
    """An override as the numerics take it, for the series at these positions."""
    from forecasting.core.overrides import Override

    return Override(
        key=override.pk or UNSAVED,
        kind=override.kind,  # type: ignore[arg-type]  # the choices of the model are the kinds
        value=float(override.value),
        first_day=override.first_day,
        last_day=override.last_day,
        rows=rows,
    )


def _positions(products: Array, locations: Array, own_products: Array, own_locations: Array) -> Array:
    """Where each own product-location stands among these; -1 where it does not."""
    import numpy as np

    places = {
        pair: place for place, pair in enumerate(zip(products.tolist(), locations.tolist(), strict=True))
    }
    own = zip(own_products.tolist(), own_locations.tolist(), strict=True)
    return np.array([places.get(pair, -1) for pair in own], dtype=np.intp)


def _in_force(as_of: date) -> Q:
    return Q(expires_on__gt=as_of, last_day__gt=as_of)
