"""Planners' overrides: made, withdrawn, and scored once their days have passed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from catalog.models import Category, Location, Product
from forecasting import selectors
from forecasting.models import ForecastOverride, ForecastRun, OverrideScore
from forecasting.selectors.overridden import override_numbers
from forecasting.selectors.overrides import Scope, override_scopes
from forecasting.selectors.overrides_due import next_day, overrides_due, run_before, runs_finished
from forecasting.selectors.stored import means_stored, periods_of
from forecasting.services.runs import ForecastError

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

logger = logging.getLogger(__name__)

MOST_UNITS = Decimal(10) ** 9
MOST_PERCENT = Decimal(10_000)
# A change of a mean below this many units is none.
_NO_CHANGE = 1e-6
# Sales of so many products are asked for by their ids; of more, all are read.
_MOST_IDS = 500


class OverrideError(ForecastError):
    """An override that can't be made or withdrawn. `fields`: what is wrong, by field; "" is the whole."""

    def __init__(self, **fields: str) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


def override_draft(
    *,
    kind: str,
    value: Decimal,
    first_day: date,
    last_day: date,
    reason: str | None,
    expires_on: date | None = None,
    product: Product | None = None,
    category: Category | None = None,
    location: Location | None = None,
) -> ForecastOverride:
    """An override that makes sense, not saved yet. `reason` None leaves it out, for a preview.

    Without `expires_on` it counts until its last day. Raises `OverrideError`.
    """
    errors: dict[str, str] = {}
    run = selectors.run_latest()
    passed = run.as_of if run else selectors.as_of_default()
    if kind not in ForecastOverride.Kind.values:
        errors["kind"] = _("There is no such kind of override.")
    if problem := _value_problem(kind, value):
        errors["value"] = problem
    if last_day < first_day:
        errors["last_day"] = _("The last day lies before the first.")
    elif passed is not None and last_day <= passed:
        errors["last_day"] = _("These days have passed: the latest data are of %s.") % date_format(passed)
    if passed is not None and expires_on is not None and expires_on <= passed:
        errors["expires_on"] = _("It would never count: the latest data are of %s.") % date_format(passed)
    if reason is not None and not reason.strip():
        errors["reason"] = _("Say why, so that the next one knows.")
    if product is not None and category is not None:
        errors["category"] = _("Choose a product or a category, not both.")
    if location is not None and location.receiving_location_id is not None:
        errors["location"] = _("Its demand counts where its stock is held: choose %s.") % (
            location.receiving_location
        )
    if errors:
        raise OverrideError(**errors)
    return ForecastOverride(
        product=product,
        category=category,
        location=location,
        kind=kind,
        value=value.quantize(Decimal("0.001")),
        first_day=first_day,
        last_day=last_day,
        reason=(reason or "").strip()[:300],
        expires_on=expires_on or last_day,
    )


def override_create(*, acting_user: AbstractBaseUser, **values: Any) -> ForecastOverride:
    """Make an override, with the arguments of `override_draft`.

    It is never edited: withdraw it, and make another. Raises `OverrideError`, also where the latest forecast
    has nothing for it to change, and where the same one is in force already: a form that is sent twice must
    not raise demand twice.
    """
    override = override_draft(**values)
    run = selectors.run_latest()
    if run is not None:
        [reach] = selectors.override_reaches(run=run, overrides=[override])
        if not reach.series:
            field = "category" if override.category_id else "product" if override.product_id else "location"
            raise OverrideError(**{field: _("The latest forecast has no product-location there.")})
    with transaction.atomic():
        same = ForecastOverride.objects.filter(
            product=override.product,
            category=override.category,
            location=override.location,
            kind=override.kind,
            value=override.value,
            first_day=override.first_day,
            last_day=override.last_day,
            expires_on=override.expires_on,
            withdrawn_at=None,
        )
        if same.exists():
            raise OverrideError(value=_("The same override is there already."))
        override.created_by_id = acting_user.pk
        override.save()
    return override


def override_withdraw(*, override_id: int, acting_user: AbstractBaseUser) -> ForecastOverride:
    """Take an override back: forecasts are read without it from now on, and its row stays.

    Raises `ForecastOverride.DoesNotExist`; `OverrideError` where somebody has done so already.
    """
    with transaction.atomic():
        override = ForecastOverride.objects.select_for_update().get(pk=override_id)
        if override.withdrawn_at is not None:
            raise OverrideError(override=_("It was withdrawn already."))
        override.withdrawn_at = timezone.now()
        override.withdrawn_by_id = acting_user.pk
        override.save(update_fields=["withdrawn_at", "withdrawn_by"])
    return override


def _value_problem(kind: str, value: Decimal) -> str:
    if not value.is_finite():
        return _("A number is needed.")
    if kind == ForecastOverride.Kind.PERCENT:
        if value < -100:
            return _("Less than nothing can't be sold: enter -100 or more.")
        return _("The number is too large.") if value > MOST_PERCENT else ""
    if kind == ForecastOverride.Kind.ABSOLUTE and value < 0:
        return _("Units are 0 or more.")
    return _("The number is too large.") if abs(value) > MOST_UNITS else ""


def overrides_score(*, as_of: date | None = None) -> int:
    """Score the overrides whose days have passed, in whole or in part; how many scores were moved on.

    Day by day as sales come in, each period is scored once: by the frozen run that was the latest when the
    period began, the model's mean and the mean with this override alone against what was sold, over the
    product-locations that it changed and that were in stock. Periods are left out in which the override did
    not count: it had expired, was withdrawn before the period's sales were known, or made after. `as_of` is
    the last day with sales that are complete (default: what the data say). Safe to call again.
    """
    as_of = as_of or selectors.as_of_default()
    if as_of is None:
        return 0
    runs = runs_finished()
    moved = 0
    for pk in overrides_due(as_of).values_list("pk", flat=True):
        with transaction.atomic():
            moved += _score(pk, as_of, runs)
    return moved


@dataclass(frozen=True)
class _Sums:
    periods: int = 0
    actual: float = 0.0
    model_error: float = 0.0
    override_error: float = 0.0

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.periods + other.periods,
            self.actual + other.actual,
            self.model_error + other.model_error,
            self.override_error + other.override_error,
        )


def _score(pk: int, as_of: date, runs: list[ForecastRun]) -> bool:
    """Score what can be scored of one override by now; whether that was anything."""
    from forecasting.core.overrides import period_bounds

    override = ForecastOverride.objects.select_for_update().get(pk=pk)
    score = OverrideScore.objects.filter(override=override).first()
    [scope] = override_scopes([override])
    day = next_day(override, score)
    sums, reached = _Sums(), None
    while day <= min(override.last_day, as_of):
        run = run_before(day, runs)
        if run is None:
            # No forecast was there for these days: go on where the next one begins.
            later = [run.as_of for run in runs if day <= run.as_of < as_of and run.pruned_at is None]
            if not later:
                break
            day = min(later) + timedelta(days=1)
            continue
        firsts, lasts = period_bounds(periods_of(run), run.spec["freq"])
        period = int((lasts.astype(object) < day).sum())
        first, last = firsts[period].astype(object), lasts[period].astype(object)
        if last > as_of:
            break
        if _counted(override, run, first, runs):
            sums += _period_sums(override, scope, run, period, first, last)
        reached, day = last, last + timedelta(days=1)
    if reached is None:
        return False
    before = _Sums() if score is None else _sums_of(score)
    sums += before
    OverrideScore.objects.update_or_create(
        override=override,
        defaults={
            "as_of": reached,
            "periods": sums.periods,
            "actual": sums.actual,
            "model_error": sums.model_error,
            "override_error": sums.override_error,
        },
    )
    return True


def _sums_of(score: OverrideScore) -> _Sums:
    return _Sums(score.periods, score.actual, score.model_error, score.override_error)


def _counted(override: ForecastOverride, run: ForecastRun, first: date, runs: list[ForecastRun]) -> bool:
    """Whether the override was in force from before the period's sales were known until they were."""
    if override.expires_on <= run.as_of:
        return False
    # By the order in which things happened, not by the calendar: a replay of old data has its own.
    known = min((later.created_at for later in runs if later.as_of >= first), default=None)
    if known is None:
        return override.withdrawn_at is None
    return override.created_at <= known and (override.withdrawn_at is None or override.withdrawn_at >= known)


def _period_sums(
    override: ForecastOverride, scope: Scope, run: ForecastRun, period: int, first: date, last: date
) -> _Sums:
    import numpy as np

    from forecasting.core.overrides import means_change

    products, locations, mean = means_stored(
        run,
        None if scope.products is None else sorted(scope.products),
        None if scope.location is None else [scope.location],
    )
    rows = scope.rows(products, locations)
    if not len(rows):
        return _Sums()
    given = [override_numbers(override, rows)]
    changed = means_change(mean, periods_of(run), run.spec["freq"], given).mean[:, period]
    model = mean[:, period].astype(np.float64)
    own = np.flatnonzero(np.abs(changed - model) > _NO_CHANGE)
    actual = _sold(products[own], locations[own], first, last)
    known = np.isfinite(actual)
    model, changed, actual = model[own][known], changed[own][known], actual[known]
    return _Sums(
        periods=len(actual),
        actual=float(actual.sum()),
        model_error=float(np.abs(model - actual).sum()),
        override_error=float(np.abs(changed - actual).sum()),
    )


def _sold(products: Array, locations: Array, first: date, last: date) -> Array:
    """Units sold (N,) from `first` to `last`; NaN where that is not known, or was cut by a stock-out."""
    import numpy as np
    import polars as pl

    from catalog.selectors import demand_panel, unique_id_split

    if not len(products):
        return np.empty(0)
    own_products = np.unique(products).tolist()
    panel = demand_panel(
        as_of=last,
        freq="D",
        history_days=(last - first).days + 1,
        product_ids=own_products if len(own_products) <= _MOST_IDS else None,
        location_ids=np.unique(locations).tolist(),
    )
    sums = panel.group_by("unique_id").agg(
        y=pl.col("y").sum(),
        known=pl.col("y").is_not_null().all() & pl.col("in_stock").fill_null(True).all(),
    )
    of_product, of_location = unique_id_split(sums["unique_id"].to_list())
    found = {
        pair: units if known else np.nan
        for pair, units, known in zip(
            zip(of_product.tolist(), of_location.tolist(), strict=True), sums["y"], sums["known"], strict=True
        )
    }
    own = zip(products.tolist(), locations.tolist(), strict=True)
    return np.array([found.get(pair, np.nan) for pair in own], dtype=np.float64)
