"""One of everything, for the tests of the API; and who calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import (
    BehaviourRecord,
    Category,
    ImportBatch,
    Indicator,
    IndicatorRecord,
    KitComponent,
    Location,
    PriceRecord,
    Product,
    ProductImage,
    Review,
    SalesRecord,
    ShopperEvent,
    StockLevel,
    Supplier,
    SupplierClosure,
    SupplyTerms,
)
from forecasting.models import (
    AccuracySnapshot,
    BehaviourReading,
    CategorySuggestion,
    ForecastAlarm,
    ForecastDistribution,
    ForecastOverride,
    ForecastRun,
    LookAlike,
    ProductVoice,
    SignalRun,
    SignalTrial,
    SignalVerdict,
    TrendReading,
)
from replenishment import services
from replenishment.models import (
    Budget,
    BulkAct,
    Comment,
    EditScore,
    ExceptionCase,
    PlanAction,
    PlanRun,
    PolicyRule,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    ReplayPolicy,
    ReplayRun,
    Suggestion,
    SuggestionChange,
)
from replenishment.services.plan_sums import sums_store
from replenishment.services.supply_values import supply_planned
from tests.cast import make_category, make_lane, make_location, make_product, make_supplier, make_terms

DAY = date(2026, 3, 2)
HORIZON, LEVELS = 13, 9
State = PurchaseOrder.State


def client_of(user: User | None) -> APIClient:
    """A client that calls as this user (None: nobody), with fresh throttles."""
    cache.clear()
    client = APIClient(raise_request_exception=True)
    if user is not None:
        client.force_authenticate(user)
    return client


def send_raw(
    client: APIClient, url: str, body: bytes, content_type: str = "application/json", **more: Any
) -> Any:
    """POST these very bytes."""
    request: Any = client.generic
    return request("POST", url, body, content_type, **more)


@dataclass
class World:
    """The rows of `make_world`; `own_` ones are the partners', the others somebody else's."""

    buyer: User
    approver: User
    own_supplier: Supplier
    own_location: Location
    supplier: Supplier = field(default_factory=make_supplier)
    location: Location = field(default_factory=make_location)
    category: Category = field(default_factory=make_category)

    def __post_init__(self) -> None:
        self.product: Product = make_product(category=self.category)
        self.other_product: Product = make_product()
        self.own_terms: SupplyTerms = make_terms(supplier=self.own_supplier, product=self.product)
        self.own_closure = SupplierClosure.objects.create(
            supplier=self.own_supplier, first_day=DAY, last_day=DAY
        )
        self.terms: SupplyTerms = make_terms(supplier=self.supplier, product=self.other_product)
        for location in (self.own_location, self.location):
            add_day(self.product, location)
        self.kit_component = KitComponent.objects.create(kit=make_product(), component=self.product)
        self.lane = make_lane(self.location, self.own_location)
        self.indicator = Indicator.objects.create(code="of-the-world", name="Of the world")
        self.review, self.indicator_value = add_signals(self.product, self.location, self.indicator)
        self.behaviour_reading = BehaviourReading.objects.get()
        self.batch = ImportBatch.objects.create(kind="sales", state="done", finished_at=timezone.now())
        self.run = make_run()
        self.forecast = add_forecast(self.run, self.product, self.location)
        self.image = add_image(self.product)
        self.category_suggestion = add_category_suggestion(self.other_product, self.category)
        self.alarm = add_alarm(self.run, self.product, self.location)
        self.signal_run = SignalRun.objects.create(as_of=DAY, known_at=timezone.now(), state="done")
        self.trend = add_trend(self.signal_run, self.product)
        self.trial = add_trial()
        self.override = add_override(self.buyer, self.product)
        self.look_alike = add_look_alike(self.product, self.other_product)
        self.voice = add_voice(self.product)
        self.plan = PlanRun.objects.create(forecast_run=self.run, as_of=DAY, state="done", spec={})
        self.suggestion = add_suggestion(self.plan, self.product, self.location, self.own_terms)
        self.rejected = add_suggestion(self.plan, self.other_product, self.location, self.terms)
        self.rejected.state = Suggestion.State.REJECTED
        self.rejected.save()
        self.asleep = add_suggestion(self.plan, make_product(), self.location, self.terms)
        self.change = add_snooze(self.asleep, self.buyer)
        self.moved = add_suggestion(self.plan, make_product(), self.location, self.terms)
        self.moved.planned_with = supply_planned(self.moved)
        self.moved.save()
        self.transfer = add_transfer(self.plan, self.product, self.location, self.own_location)
        self.replay = add_replay()
        self.bulk_act = add_bulk_act(self.plan, self.buyer)
        self.edit_score = add_edit_score(self.suggestion)
        self.comment = add_comment(self.product, self.location, self.buyer)
        self.rule = PolicyRule.objects.create(name="of the world", product=self.product)
        self.budget = Budget.objects.create(name="of the world", first_day=DAY, last_day=DAY)
        self.draft = self.order(State.DRAFT)
        self.submitted = self.order(State.SUBMITTED)
        self.approved = self.order(State.APPROVED)
        self.sent = self.order(State.SENT, supplier=self.own_supplier)
        self.foreign = self.order(State.SENT)
        self.action = add_action(self.plan, self.draft)
        self.exception = add_exception(self.plan, self.product, self.location)
        self.dismissed = add_action(self.plan, self.draft, state="dismissed")

    def order(self, state: str, supplier: Supplier | None = None) -> PurchaseOrder:
        """An order of two lines in this state, made by the buyer."""
        number = PurchaseOrder.objects.count() + 1
        order = PurchaseOrder.objects.create(
            number=f"TEST-{number}",
            supplier=supplier or self.supplier,
            location=self.location,
            currency="USD",
            state=state,
            created_by=self.buyer,
            submitted_by=None if state == State.DRAFT else self.buyer,
            approved_by=self.approver if state in {State.APPROVED, State.SENT} else None,
            home_value=Decimal(75),
        )
        for product in (self.product, self.other_product):
            PurchaseOrderLine.objects.create(
                order=order, product=product, quantity=Decimal(10), unit_cost=Decimal("3.75")
            )
        PurchaseOrderEvent.objects.create(order=order, action="draft", to_state=State.DRAFT, actor=self.buyer)
        return order


def add_trial() -> SignalTrial:
    """A finished trial that found one signal worth using."""
    trial = SignalTrial.objects.create(as_of=DAY, known_at=timezone.now(), state="done")
    SignalVerdict.objects.create(
        trial=trial, signal="carts", wape_without=0.5, wape_with=0.4, difference=-0.1, low=-0.15, high=-0.05,
        p_value=0.01, origins=8, used=True,
    )  # fmt: skip
    return trial


def add_day(product: Product, location: Location, day: date = DAY) -> None:
    """A day's sales, stock and price."""
    key = {"product": product, "location": location, "day": day}
    SalesRecord.objects.create(**key, quantity=Decimal(3), revenue=Decimal("11.97"), orders=2, buyers=2)
    StockLevel.objects.create(**key, on_hand=Decimal(40))
    PriceRecord.objects.create(**key, price=Decimal("3.99"))


def add_signals(product: Product, location: Location, indicator: Indicator) -> tuple[Review, IndicatorRecord]:
    """A review, an indicator's value, and a day's behaviour with an event."""
    key = {"product": product, "location": location, "day": DAY}
    number = str(product.pk)
    BehaviourRecord.objects.create(**key, views=20, carts=3)
    moment = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    ShopperEvent.objects.create(**key, source="shop", number=number, kind="view", occurred_at=moment)
    BehaviourReading.objects.create(product=product, location=location, as_of=DAY, views=20, conversion=0.1)
    review = Review.objects.create(source="shop", number=number, product=product, day=DAY, rating=4)
    value = IndicatorRecord.objects.create(indicator=indicator, **key, value=1.5, known_on=DAY)
    return review, value


def add_image(product: Product) -> ProductImage:
    """A photo's row, without its files."""
    return ProductImage.objects.create(
        product=product, file="products/x.webp", sha256="0" * 64, media_type="image/webp", width=4, height=3
    )


def add_category_suggestion(product: Product, category: Category) -> CategorySuggestion:
    """An open one."""
    return CategorySuggestion.objects.create(
        product=product,
        category=category,
        probability=0.9,
        basis="text",
        best=[[category.pk, 0.9]],
        content_sha="0" * 64,
        model_id="m",
    )


def make_run(**values: Any) -> ForecastRun:
    """A finished run of 13 weeks, with a score."""
    run = ForecastRun.objects.create(
        **{
            "as_of": DAY,
            "known_at": timezone.now(),
            "state": "done",
            "spec": {"freq": "W", "horizon": HORIZON, "models": ["moving_average"], "quantiles": "all"},
            "series": 1,
        }
        | values
    )
    AccuracySnapshot.objects.create(
        run=run,
        as_of=DAY,
        frequency="W",
        horizon=HORIZON,
        model="moving_average",
        segment="overall",
        series=1,
        scores={"wape": 0.4, "bias": None},
    )
    return run


def add_forecast(run: ForecastRun, product: Product, location: Location) -> ForecastDistribution:
    """A distribution: mean 2 a week, quantiles 1 to 9 in each, cumulative ones the running sum."""
    quantiles = np.tile(np.arange(1, LEVELS + 1, dtype="<f4"), (HORIZON, 1))
    return ForecastDistribution.objects.create(
        run=run,
        product=product,
        location=location,
        model="moving_average",
        segment="overall",
        pattern="smooth",
        mean=np.full(HORIZON, 2, "<f4").tobytes(),
        quantiles=quantiles.tobytes(),
        cum_quantiles=np.cumsum(quantiles, axis=0, dtype="<f4").tobytes(),
    )


def add_alarm(run: ForecastRun, product: Product, location: Location) -> ForecastAlarm:
    """An open alarm: the forecasts of a product-location are too low."""
    return ForecastAlarm.objects.create(
        kind="bias",
        product=product,
        location=location,
        segment="overall",
        value=9.0,
        limit=8.0,
        effect=-0.4,
        opened_by=run,
        seen_by=run,
    )


def add_look_alike(product: Product, neighbour: Product) -> LookAlike:
    return LookAlike.objects.create(product=product, neighbour=neighbour, weight=1.0, parts={"title": 0.5})


def add_comment(product: Product, location: Location, author: User) -> Comment:
    """Something that was said."""
    return Comment.objects.create(product=product, location=location, author=author, text="Ask first.")


def add_voice(product: Product) -> ProductVoice:
    """What reviews of a product say."""
    return ProductVoice.objects.create(
        product=product,
        as_of=DAY,
        reviews=9,
        level=0.8,
        low=0.6,
        high=0.9,
        aspects=[{"aspect": "size", "praised": 4, "blamed": 1, "quotes": []}],
    )


def add_trend(run: SignalRun, product: Product) -> TrendReading:
    """A product that goes up."""
    return TrendReading.objects.create(
        run=run, kind="product", product=product, trend="rising", confidence=0.7
    )


def add_override(by: User, product: Product) -> ForecastOverride:
    """Half as much again in the week after `DAY`."""
    return ForecastOverride.objects.create(
        product=product,
        kind="percent",
        value=Decimal(50),
        first_day=DAY + timedelta(days=1),
        last_day=DAY + timedelta(days=7),
        expires_on=DAY + timedelta(days=7),
        reason="a fair",
        created_by=by,
    )


def add_transfer(plan: PlanRun, product: Product, source: Location, destination: Location) -> PlanAction:
    """An open transfer of 5 units."""
    return PlanAction.objects.create(
        plan_run=plan,
        kind=PlanAction.Kind.TRANSFER,
        product=product,
        location=source,
        other_location=destination,
        quantity=5,
        details={"lane": 1, "lead_time_days": 2.0, "is_supply": True, "wanted": 8.0},
    )


def add_bulk_act(plan: PlanRun, by: User) -> BulkAct:
    """An act on many suggestions that was done in the background."""
    report = {"changed": 2, "passed_over": {"same": 1}, "value_before": 9.0, "value_after": 10.0}
    return BulkAct.objects.create(
        plan_run=plan, kind="scale", rows_count=3, report=report, state="done", created_by=by
    )


def add_replay() -> ReplayRun:
    """A finished replay of two policies."""
    run = ReplayRun.objects.create(
        state="done",
        first_day=DAY - timedelta(days=27),
        last_day=DAY,
        spec={"policies": ["engine", "minmax"]},
    )
    ReplayPolicy.objects.bulk_create(
        ReplayPolicy(
            replay=run,
            place=place,
            policy=policy,
            demand=100,
            served=95,
            fill_rate=0.95,
            average_stock_value=500,
            orders=4,
            ordered=90,
            holding_cost=10,
            order_cost=4,
            lost_margin=20,
            total_cost=34 + place,
        )
        for place, policy in enumerate(("engine", "minmax"))
    )
    return run


def add_action(plan: PlanRun, order: PurchaseOrder, **values: Any) -> PlanAction:
    """A proposal to cut 4 of the first line's 10 units."""
    line = order.lines.order_by("pk")[0]
    return PlanAction.objects.create(
        **{
            "plan_run": plan,
            "product": line.product,
            "location": order.location,
            "kind": "cut",
            "quantity": 4.0,
            "saving": 12.5,
            "act_by": DAY,
            "order_line": line,
            "details": {"outstanding": 10.0},
        }
        | values
    )


def add_exception(plan: PlanRun, product: Product, location: Location) -> ExceptionCase:
    """Nothing left of something that is wanted."""
    return ExceptionCase.objects.create(
        kind="out-of-stock",
        key=f"{product.pk}@{location.pk}",
        product=product,
        location=location,
        plan_run=plan,
        forecast_run=plan.forecast_run,
        impact=12.5,
        details={"daily": 2.0, "days": 7.0, "next_on": None, "on_order": 0.0, "quantity": 12.0},
    )


def add_edit_score(suggestion: Suggestion) -> EditScore:
    """What came of a suggestion that was edited to nothing."""
    return EditScore.objects.create(
        suggestion=suggestion,
        quantity=0,
        first_day=DAY - timedelta(days=7),
        last_day=DAY,
        demand=10,
        system_holding=3,
        system_ordering=0,
        system_lost_margin=0,
        edited_holding=0,
        edited_ordering=0,
        edited_lost_margin=60,
        saved=-57,
    )


def add_snooze(suggestion: Suggestion, by: User) -> SuggestionChange:
    """The suggestion snoozed."""
    acted = services.suggestions_act(
        suggestion_ids=[suggestion.pk],
        act=services.Act(SuggestionChange.Kind.SNOOZE, stock_level=1.0),
        acting_user=by,
    )
    assert acted.change is not None
    return acted.change


def add_suggestion(plan: PlanRun, product: Product, location: Location, terms: SupplyTerms) -> Suggestion:
    """An open suggestion of 12 units."""
    suggestion = Suggestion.objects.create(
        plan_run=plan,
        product=product,
        location=location,
        supplier=terms.supplier,
        terms=terms,
        on_hand=0.0,
        expected_demand=10.0,
        safety_stock=2.0,
        reorder_point=12.0,
        order_up_to=12.0,
        net_need=12.0,
        order_quantity=12.0,
        lead_time_days=7.0,
        review_days=7.0,
        unit_cost=terms.unit_cost,
        currency=terms.currency,
        home_unit_cost=float(terms.unit_cost),
        home_value=30.0,
        margin_at_risk=5.0,
    )
    sums_store(plan)
    return suggestion
