"""What planners' overrides make of a run's distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from forecasting.models import ForecastOverride, ForecastRun
from forecasting.selectors.overrides import Scope, override_scopes, overrides_in_force
from forecasting.selectors.stored import distribution_stored, means_stored, periods_of, run_with_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from forecasting.core.distribution import DemandDistribution
    from forecasting.core.overrides import Change, Effect, Override

    Array = npt.NDArray[Any]

UNSAVED = 0


@dataclass(frozen=True, eq=False)
class Overridden:
    """A run's distributions as people have changed them (`demand`), beside the model's own.

    `effects`: what each override that reaches one of these series did in the whole of its scope, oldest
    first; one without `days` changed nothing. `rows`: the positions of the series that each one reaches.
    """

    demand: DemandDistribution
    model: DemandDistribution
    effects: list[Effect]
    rows: dict[int, Array] = field(default_factory=dict)

    def of_series(self, row: int) -> list[int]:
        """Ids of those that had a part in the series at this position, oldest first."""
        return [key for key in self.applied if row in self.rows[key]]

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
class SeriesOverride:
    """An override in one product-location: units on its days, as the model has them and with all overrides.

    `effect` is what it does in the whole of its scope.
    """

    override: ForecastOverride
    effect: Effect
    model: float
    now: float


@dataclass(frozen=True)
class SeriesOverridden:
    """Expected units of one product-location from the as-of date to the horizon, and who changed them."""

    model: float
    now: float
    until: date
    lines: list[SeriesOverride]


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
    rows = [scope.rows(products, locations) for scope in scopes]
    reaching = [number for number in range(len(scopes)) if len(rows[number])]
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
        rows={overrides[number].pk: rows[number] for number in reaching},
    )


def series_overridden(*, run_id: int, product_id: int, location_id: int) -> SeriesOverridden | None:
    """One product-location's demand with the overrides in force now; None where the run does not hold it."""
    from forecasting.core.overrides import day_shares

    found = distribution_overridden(run_id=run_id, product_ids=[product_id], location_ids=[location_id])
    model, now = found.model, found.demand
    if not model.unique_id:
        return None
    rows = ForecastOverride.objects.select_related("product", "category", "location", "created_by").in_bulk(
        found.applied
    )
    lines = []
    for effect in found.effects:
        if effect.key not in rows:
            continue
        override = rows[effect.key]
        share = day_shares(model.ds, model.freq, override.first_day, override.last_day)
        lines.append(
            SeriesOverride(
                override=override,
                effect=effect,
                model=float(model.mean[0] @ share),
                now=float(now.mean[0] @ share),
            )
        )
    return SeriesOverridden(
        model=float(model.mean.sum()),
        now=float(now.mean.sum()),
        until=model.ds[-1].astype(object),
        lines=lines,
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
