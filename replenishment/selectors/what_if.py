"""What other settings would do to the latest plan, or to a part of it. Nothing is written."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import PlanItems, PlanRun, Suggestion
from replenishment.selectors.suggestions import has_demand_passed_on, suggestions_list
from replenishment.selectors.what_if_kept import Planned, Read, demand_kept, outlook_kept

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import DemandDistribution
    from replenishment.core.items import Items
    from replenishment.core.what_if import Changes, Total

# Of a larger selection so many product-locations stand for all.
MOST_ITEMS, MOST_OF_A_CURVE = 20_000, 1_000
_KEY = ["product_id", "location_id"]
SORTS = ("total_cost", "stock_value", "order_quantity", "fill_rate")
_TERMS = ("unit_cost", "moq", "order_multiple", "lead_time_mean", "lead_time_sd", "review_days")


class WhatIfError(ValueError):
    """What keeps the question from being answered, in words for people."""


@dataclass(frozen=True)
class Selection:
    """Which suggestions of the latest plan: those that pass every filter that is given."""

    search: str = ""
    supplier_id: int | None = None
    location_id: int | None = None
    category_id: int | None = None
    product_id: int | None = None
    abc: str = ""
    xyz: str = ""

    @property
    def is_all(self) -> bool:
        """Whether nothing is filtered."""
        return self == Selection()

    def suggestions(self, plan: PlanRun) -> QuerySet[Suggestion]:
        """The plan's suggestions that pass."""
        found = suggestions_list(
            plan,
            search=self.search,
            supplier_id=self.supplier_id,
            location_id=self.location_id,
            abc=self.abc,
        )
        if self.category_id is not None:
            branch = catalog.categories_under([self.category_id])[self.category_id]
            found = found.filter(product__category__in=branch)
        given = {"product_id": self.product_id, "xyz": self.xyz}
        return found.filter(Q(**{name: value for name, value in given.items() if value}))


@dataclass(frozen=True, eq=False)
class Answer:
    """What the changes do. Sums stand for all `selected` product-locations, of which `taken` were reckoned.

    `rows`: product_id, location_id, and each column of `outlook` as it is, with `new_` before its name after
    the change, and with `more_` the difference; those first that change most. `left_out`: reasons why rows
    could not be reckoned, and how many. `without_terms`: rows that the other supplier has no terms for.
    """

    plan: PlanRun
    selected: int
    taken: int
    before: Total
    after: Total
    rows: pl.DataFrame
    left_out: dict[str, int]
    without_terms: int


@dataclass(frozen=True, eq=False)
class ServiceCurve:
    """Columns of `Total` by target (`core.what_if.service_curve`); where plan and changes stand beside it."""

    curve: pl.DataFrame
    before: Total
    after: Total


def what_if(
    plan: PlanRun,
    selection: Selection,
    changes: Changes,
    *,
    supplier_id: int | None = None,
    budget: float | None = None,
    sort: str = SORTS[0],
) -> Answer:
    """The selection as planned, and after the changes, with today's orders within `budget` (None: no limit).

    `supplier_id`: buy on that supplier's terms wherever it has any. Raises WhatIfError where there is nothing
    to reckon with; `core.what_if.ChangeError` for a change that makes no sense.
    """
    import polars as pl

    from replenishment.core.what_if import compared

    part = _Part.read(plan, selection, most=MOST_ITEMS)
    changed, without_terms = part.changed(changes, supplier_id)
    share = part.share
    found = compared(
        part.items,
        changed,
        part.demand,
        changed_demand=part.demand_at(changed),
        budget=_times(planned_budget(plan, selection), share),
        changed_budget=_times(budget, share),
        before=part.outlook(_times(planned_budget(plan, selection), share)),
    )
    numbers = [name for name in found.before.columns if name != "unique_id"]
    rows = pl.concat(
        [found.before, found.after.select(pl.col(numbers).name.prefix("new_"))], how="horizontal"
    ).with_columns(**{f"more_{name}": pl.col(f"new_{name}") - pl.col(name) for name in numbers})
    key = pl.col("unique_id").str.split_exact("@", 1)
    rows = rows.with_columns(
        product_id=key.struct[0].cast(pl.Int64), location_id=key.struct[1].cast(pl.Int64)
    )
    first = f"more_{sort if sort in SORTS else SORTS[0]}"
    return Answer(
        plan=plan,
        selected=part.selected,
        taken=part.taken,
        before=_total(found.before, share),
        after=_total(found.after, share),
        rows=rows.sort(pl.col(first).abs(), *_KEY, descending=[True, False, False]),
        left_out=dict(Counter([*part.left_out, *found.left_out.values()]).most_common()),
        without_terms=without_terms,
    )


def planned_budget(plan: PlanRun, selection: Selection) -> float | None:
    """The plan's own budget, where all of the plan is asked for."""
    return plan.spec.get("budget") if selection.is_all else None


def what_if_service(
    plan: PlanRun, selection: Selection, changes: Changes, *, supplier_id: int | None = None
) -> ServiceCurve:
    """What stock each overall fill rate takes, with the changed settings. As `what_if`."""
    import polars as pl

    from replenishment.core.what_if import SUMS, compared, service_curve

    part = _Part.read(plan, selection, most=MOST_OF_A_CURVE)
    changed, _without = part.changed(changes, supplier_id)
    demand = part.demand_at(changed)
    found = compared(part.items, changed, part.demand, changed_demand=demand)
    return ServiceCurve(
        curve=service_curve(changed, demand).with_columns(pl.col(SUMS) / part.share),
        before=_total(found.before, part.share),
        after=_total(found.after, part.share),
    )


def what_if_spending(
    plan: PlanRun, selection: Selection, changes: Changes, *, supplier_id: int | None = None
) -> pl.DataFrame:
    """Money spent on today's orders, the best packs first, and the expected margin that it saves.

    Columns spent, saved (`core.spending.spending_curve`), with the changed settings. As `what_if`.
    """
    from replenishment.core.spending import spending_curve

    part = _Part.read(plan, selection, most=MOST_ITEMS)
    changed, _without = part.changed(changes, supplier_id)
    return spending_curve(changed, part.demand_at(changed)) / part.share


@dataclass(frozen=True, eq=False)
class _Part:
    """The product-locations of a selection: their ITEMS as planned and their demand.

    `left_out` are reasons, one for each row that was not planned, or not by its forecast alone.
    """

    plan: PlanRun
    frame: pl.DataFrame
    items: Items
    demand: DemandDistribution
    selected: int
    taken: int
    left_out: list[str]

    @property
    def share(self) -> float:
        """Of what was selected, how much was taken."""
        return self.taken / self.selected

    @classmethod
    def read(cls, plan: PlanRun, selection: Selection, *, most: int) -> _Part:
        """Read what is needed, of so many rows at most. WhatIfError where there is nothing."""
        import polars as pl

        from replenishment.core.items import Items

        columns = (*_KEY, "currency", "reason")
        rows = list(selection.suggestions(plan).order_by("pk").values_list(*columns))
        if not rows:
            raise WhatIfError(_("The latest plan holds nothing of this selection."))
        schema = {"product_id": pl.Int64, "location_id": pl.Int64, "currency": pl.String, "reason": pl.String}
        chosen = pl.DataFrame(rows, schema=schema, orient="row")
        taken = _sampled(chosen, most)
        frame = taken.with_columns(unique_id=pl.format("{}@{}", *_KEY)).join(
            items_of_plan(plan), on="unique_id", how="left", maintain_order="left"
        )
        rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
        known = list(rates) or [settings.FORESTOCK_HOME_CURRENCY]
        has_rate = pl.col("currency").is_in(known)
        is_planned = pl.col("on_hand").is_not_null()
        is_own = ~pl.Series([has_demand_passed_on(reason) for reason in frame["reason"]], dtype=pl.Boolean)
        why = [
            *frame.filter(~is_planned)["reason"],
            *[_("with demand that other products or locations pass on")]
            * frame.filter(is_planned & ~is_own).height,
            *[_("no exchange rate")] * frame.filter(is_planned & is_own & ~has_rate).height,
        ]
        frame = frame.filter(is_planned & is_own & has_rate)
        if frame.is_empty():
            raise WhatIfError(_("Nothing of this selection could be planned by demand of its own."))
        # What curves are drawn of is little: it would take the place of what each question is asked of.
        read = demand_kept if most == MOST_ITEMS else demand_kept.__wrapped__
        try:
            demand = read(
                Read(
                    plan,
                    tuple(frame["product_id"].unique().sort().to_list()),
                    tuple(frame["location_id"].unique().sort().to_list()),
                )
            )
        except ValueError:
            raise WhatIfError(
                _("The numbers of the plan's forecast were cleared. Make a new plan.")
            ) from None
        return cls(
            plan=plan,
            frame=frame,
            items=Items.from_frame(frame),
            demand=demand,
            selected=chosen.height,
            taken=taken.height,
            left_out=why,
        )

    def outlook(self, budget: float | None) -> pl.DataFrame:
        """`core.what_if.outlook` of the items as planned, kept: each question compares with it."""
        return outlook_kept(Planned(self.plan, budget, self.items, self.demand))

    def changed(self, changes: Changes, supplier_id: int | None) -> tuple[Items, int]:
        """The items after the changes, and for how many the other supplier has no terms."""
        import polars as pl

        from replenishment.core.items import Items

        if supplier_id is None:
            return changes.applied(self.items), 0
        offers = _offers(self.plan, supplier_id)
        frame = self.frame.join(offers, on=_KEY, how="left", maintain_order="left")
        without = frame["offer_moq"].null_count()
        if without == frame.height:
            raise WhatIfError(_("This supplier has no terms for anything of the selection."))
        frame = frame.with_columns(
            # What a stock-out costs is the price less the cost: a price that had to be assumed stays.
            pl.Series("price", self.items.price),
            *(pl.coalesce(f"offer_{name}", name).alias(name) for name in _TERMS),
        )
        return changes.applied(Items.from_frame(frame)), without

    def demand_at(self, changed: Items) -> DemandDistribution:
        """The demand at the changed items' prices, by the elasticities that the forecast run stored."""
        import numpy as np

        from forecasting.core.overrides import Change, distribution_change
        from forecasting.core.response.series import price_factors

        if np.array_equal(changed.price, self.items.price):
            return self.demand
        elasticity = forecasting.elasticities_read(
            self.plan.forecast_run,
            self.demand.unique_id,
            product_ids=self.frame["product_id"].unique().to_list(),
            location_ids=self.frame["location_id"].unique().to_list(),
        )
        ratio = np.ones(len(self.demand.unique_id))
        places = {name: row for row, name in enumerate(self.demand.unique_id)}
        rows = [places[name] for name in self.items.unique_id]
        np.divide(
            changed.price, self.items.price, out=(own := np.ones(len(rows))), where=self.items.price > 0
        )
        ratio[rows] = own
        factor = np.repeat(price_factors(elasticity, ratio)[:, None], self.demand.mean.shape[1], axis=1)
        return distribution_change(self.demand, Change(self.demand.mean * factor, factor, []))


def _offers(plan: PlanRun, supplier_id: int) -> pl.DataFrame:
    """A supplier's terms by product and location, as ITEMS has them: landed cost in the home currency."""
    import polars as pl

    from replenishment.selectors.offers import landed_cost, offers_timed

    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    rate = pl.col("currency").replace_strict(
        rates or {settings.FORESTOCK_HOME_CURRENCY: 1.0}, default=None, return_dtype=pl.Float64
    )
    terms = offers_timed(as_of=plan.as_of).filter(pl.col("supplier_id") == supplier_id)
    return (
        terms.with_columns(unit_cost=landed_cost(rate))
        .filter(pl.col("unit_cost").is_not_null())
        .rename({"lead_time_days": "lead_time_mean", "lead_time_sd_days": "lead_time_sd"})
        .select(*_KEY, *(pl.col(name).alias(f"offer_{name}") for name in _TERMS))
    )


def items_of_plan(plan: PlanRun) -> pl.DataFrame:
    """ITEMS of a finished plan, which never change: read once and kept."""
    return _items(plan.pk, f"{plan.finished_at} {plan.claim}")


def item_of_plan(plan: PlanRun, unique_id: str) -> pl.DataFrame:
    """One row of `items_of_plan`; none where the plan kept none of it."""
    import polars as pl

    try:
        return items_of_plan(plan).filter(pl.col("unique_id") == unique_id)
    except WhatIfError:
        return pl.DataFrame()


# A table of 100,000 product-locations is about 20 MB.
@lru_cache(maxsize=2)
def _items(plan_id: int, _version: str) -> pl.DataFrame:
    import polars as pl

    table = PlanItems.objects.filter(plan_run_id=plan_id).values_list("table", flat=True).first()
    if not table:
        raise WhatIfError(_("The latest plan kept too little to ask this. Make a new plan."))
    return pl.read_parquet(io.BytesIO(bytes(table)))


def _sampled(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """About `most` of the rows, all or none of a product's: every k-th product, by its key."""
    import polars as pl

    if rows.height <= most:
        return rows
    rank = pl.col("product_id").rank("dense") - 1
    every = -(-rows.height // most)
    return rows.filter(rank % every == 0)


def _times(value: float | None, share: float) -> float | None:
    return None if value is None else value * share


def _total(rows: pl.DataFrame, share: float) -> Total:
    """Sums over all of the selection, of which the rows are a share."""
    from replenishment.core.what_if import SUMS, total

    found = total(rows)
    if share == 1.0:
        return found
    scaled: dict[str, Any] = {name: getattr(found, name) / share for name in SUMS}
    counts = {name: round(getattr(found, name) / share) for name in ("items", "order_lines")}
    return replace(found, **scaled, **counts)
