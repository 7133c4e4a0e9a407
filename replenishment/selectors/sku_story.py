"""What happened to a product at a location, and what is expected: all that the SKU page's chart tells."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, Sum

from catalog import selectors as catalog
from catalog.models import CalendarEvent, Location, PromotionRecord, StockLevel
from forecasting import selectors as forecasting
from forecasting.models import ForecastRun
from replenishment.models import Receipt, Suggestion
from replenishment.selectors.dated import DatedPlan, dated_plan

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.cleaning import Corrections
    from forecasting.core.distribution import DemandDistribution, Freq

HISTORY_DAYS = 3 * 365


@dataclass(frozen=True)
class PromotionSpan:
    """Days in a row on which the same promotion runs, both included; `discount` is a share of the price."""

    first: date
    last: date
    kind: str
    discount: float


@dataclass(frozen=True)
class Period:
    """One period of the forecast's grid, from its `first` to its `last` day, in units; None: not known.

    Of the past: `sold`, the demand that was estimated instead (`estimate`, with a code of
    `forecasting.core.cleaning.Reason` as `why`), the asked `price`, and the `stock` at its close. Of what is
    ahead: `mean` and the forecast's `quantiles` by level; `stock`, as expected with the orders to come, its
    80% band `stock_low` to `stock_high`. `coming` is what comes in, `came` what did.
    """

    first: date
    last: date
    is_ahead: bool
    sold: float | None = None
    estimate: float | None = None
    why: int | None = None
    price: float | None = None
    mean: float | None = None
    quantiles: dict[float, float] | None = None
    stock: float | None = None
    stock_low: float | None = None
    stock_high: float | None = None
    came: float = 0.0
    coming: float = 0.0
    promotions: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SkuStory:
    """One product at one location, up to `as_of` and beyond.

    `history` is its demand panel (`ds`, `y`, `in_stock`, `price`, ...) at the forecast's frequency, `demand`
    the forecast with the overrides in force (None: there is none), `corrections` are of its run. `stock` and
    `receipts` are rows of a day and units, the stock at its close, rising. `events` are of the location's
    country. `dated` is the plan's projection (None: there is none).
    """

    as_of: date
    freq: Freq
    history: pl.DataFrame
    demand: DemandDistribution | None
    corrections: Corrections
    stock: list[tuple[date, float]]
    receipts: list[tuple[date, float]]
    promotions: list[PromotionSpan]
    events: list[tuple[date, str]]
    dated: DatedPlan | None
    reorder_point: float | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.history.is_empty() and self.demand is None and not self.stock

    @property
    def first_day(self) -> date:
        """The first day that anything is known of."""
        found = [self.as_of, *(day for day, _units in self.stock[:1])]
        if not self.history.is_empty():
            found.append(_starts([self.history["ds"][0]], self.freq)[0])
        return min(found)

    @property
    def last_day(self) -> date:
        """The end of the forecast, or of the projection."""
        found = [self.as_of]
        if self.demand is not None:
            found.append(self.demand.ds[-1].astype(object))
        if self.dated is not None:
            found.append(self.dated.days[-1])
        return max(found)

    def periods(self) -> list[Period]:
        """Each period's numbers, the earliest first."""
        return [*self._past(), *self._ahead()]

    def _past(self) -> Iterator[Period]:
        rows = self.history.select("ds", "y", "price").rows()
        estimates = {
            len(rows) - 1 - int(back): (int(why), float(units))
            for back, why, units in zip(
                self.corrections.back, self.corrections.reason, self.corrections.demand, strict=True
            )
        }
        lasts = [row[0] for row in rows]
        stock_days = [day for day, _units in self.stock]
        for at, (first, (last, sold, price)) in enumerate(zip(_starts(lasts, self.freq), rows, strict=True)):
            why, estimate = estimates.get(at, (None, None))
            known = bisect_left(stock_days, last + timedelta(days=1)) - 1
            is_known = known >= 0 and stock_days[known] >= first
            yield Period(
                first=first,
                last=last,
                is_ahead=False,
                sold=sold,
                estimate=None if estimate is None or estimate != estimate else estimate,
                why=why,
                price=price,
                stock=self.stock[known][1] if is_known else None,
                came=sum(units for day, units in self.receipts if first <= day <= last),
                promotions=self._promotions(first, last),
                events=self._events(first, last),
            )

    def _ahead(self) -> Iterator[Period]:
        if self.demand is None:
            return
        lasts = self.demand.ds.astype(object).tolist()
        coming: dict[date, float] = defaultdict(float)
        if self.dated is not None:
            for arrival in self.dated.arrivals:
                coming[arrival.day] += arrival.quantity
            for order in self.dated.orders:
                coming[order.arrives] += order.quantity
        for at, (first, last) in enumerate(zip(_starts(lasts, self.freq, self.as_of), lasts, strict=True)):
            stock: tuple[float | None, ...] = (None, None, None)
            if self.dated is not None and last <= self.dated.days[-1]:
                row = (last - self.dated.days[0]).days
                bands = self.dated.with_orders[row]
                stock = (float(self.dated.expected[row]), float(bands[0]), float(bands[-1]))
            yield Period(
                first=first,
                last=last,
                is_ahead=True,
                mean=float(self.demand.mean[0, at]),
                quantiles=dict(
                    zip(self.demand.levels, self.demand.quantiles[0, at].astype(float).tolist(), strict=True)
                ),
                stock=stock[0],
                stock_low=stock[1],
                stock_high=stock[2],
                coming=sum(units for day, units in coming.items() if first <= day <= last),
                promotions=self._promotions(first, last),
                events=self._events(first, last),
            )

    def _promotions(self, first: date, last: date) -> tuple[str, ...]:
        found = (span.kind for span in self.promotions if span.first <= last and span.last >= first)
        return tuple(dict.fromkeys(found))

    def _events(self, first: date, last: date) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for day, name in self.events if first <= day <= last))


def _starts(lasts: Sequence[date], freq: Freq, before: date | None = None) -> list[date]:
    """First days of periods that end on these days; `before` is the last day before the first of them."""
    if not lasts:
        return []
    if before is None or freq != "D":
        length = {"D": 1, "W": 7, "M": lasts[0].day}[freq]
        before = lasts[0] - timedelta(days=length)
    return [day + timedelta(days=1) for day in (before, *lasts[:-1])]


@catalog.small_reads()
def sku_story(
    *, product_id: int, location: Location, run: ForecastRun | None, suggestion: Suggestion | None
) -> SkuStory:
    """Read the story: of this product and location, the markets that it serves among it, and of nothing else.

    `run` is the forecast of the latest plan, `suggestion` that plan's row (with its terms, plan and run).
    """
    as_of = run.as_of if run else catalog.today()
    freq: Freq = run.spec.get("freq", "W") if run else "W"
    begin = as_of - timedelta(days=HISTORY_DAYS - 1)
    demand = _demand(run, product_id, location.pk)
    dated = dated_plan(suggestion) if suggestion else None
    end = max(
        as_of + timedelta(days=1),
        demand.ds[-1].astype(object) if demand is not None else as_of,
        dated.days[-1] if dated is not None else as_of,
    )
    places = list(
        Location.objects.filter(Q(pk=location.pk) | Q(receiving_location=location.pk))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    here = {"product": product_id, "location__in": places}
    levels = (
        StockLevel.objects.filter(**here, day__range=(begin, as_of))
        .order_by("day")
        .values_list("day")
        .annotate(units=Sum("on_hand"))
    )
    receipts = (
        Receipt.objects.filter(
            line__product=product_id, line__order__location__in=places, received_on__range=(begin, as_of)
        )
        .order_by("received_on")
        .values_list("received_on")
        .annotate(units=Sum("quantity"))
    )
    events = (
        CalendarEvent.objects.filter(country__in={"", location.country}, day__range=(begin, end))
        .order_by("day", "name")
        .values_list("day", "name")
    )
    promotions = PromotionRecord.objects.filter(**here, day__range=(begin, end)).values_list(
        "day", "kind", "discount"
    )
    return SkuStory(
        as_of=as_of,
        freq=freq,
        history=forecasting.history_read(
            product_id=product_id, location_id=location.pk, as_of=as_of, days=HISTORY_DAYS, freq=freq
        ),
        demand=demand,
        corrections=forecasting.corrections_read(
            run_id=(run.same_as_id or run.pk) if run else 0, product_id=product_id, location_id=location.pk
        ),
        stock=[(day, float(units)) for day, units in levels],
        receipts=[(day, float(units)) for day, units in receipts],
        promotions=_spans(sorted({(kind, float(cut), day) for day, kind, cut in promotions})),
        events=list(events),
        dated=dated,
        reorder_point=suggestion.reorder_point if suggestion else None,
    )


def _demand(run: ForecastRun | None, product_id: int, location_id: int) -> DemandDistribution | None:
    if run is None or run.pruned_at is not None or run.state != ForecastRun.State.DONE:
        return None
    found = forecasting.distribution_read(run_id=run.pk, product_ids=[product_id], location_ids=[location_id])
    return found if found.unique_id else None


def _spans(days: Sequence[tuple[str, float, date]]) -> list[PromotionSpan]:
    """Rows of a kind, a discount and a day, sorted, as spans."""
    found: list[PromotionSpan] = []
    for kind, discount, day in days:
        last = found[-1] if found else None
        if last and (last.kind, last.discount) == (kind, discount) and (day - last.last).days == 1:
            found[-1] = PromotionSpan(last.first, day, kind, discount)
        else:
            found.append(PromotionSpan(day, day, kind, discount))
    return sorted(found, key=lambda span: (span.first, span.kind))
