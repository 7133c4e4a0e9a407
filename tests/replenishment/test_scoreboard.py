"""Did edits of suggestions beat the system: which are scored, with what, and who may look."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Category, Location, Product, SalesRecord, StockLevel
from replenishment import selectors, services
from replenishment.models import EditScore, PlanItems, PlanRun, Suggestion
from replenishment.services.plan_items import items_pack
from tests.cast import make_category, make_location, make_product, make_user
from tests.replenishment.world import make_forecast, make_plan, make_suggestion

pytestmark = pytest.mark.django_db
PAGE, API = "/scoreboard/", "/api/v1/edit-scores/"
PLANNED = date(2024, 1, 31)
LAST = date(2024, 3, 3)
PAGE_QUERIES = 16


@pytest.fixture(autouse=True)
def _today(settings: Any) -> None:
    settings.FORESTOCK_TODAY = "last-data-date"


@pytest.fixture
def place() -> Location:
    return make_location()


def make_daily(place: Location, *, rate: int = 2, category: Category | None = None) -> Product:
    """A product of which so many units were sold on each day of the year up to `LAST`."""
    product = make_product(category=category)
    SalesRecord.objects.bulk_create(
        SalesRecord(
            product=product,
            location=place,
            day=LAST - timedelta(days=day),
            quantity=rate,
            revenue=Decimal(10) * rate,
            recorded_at=timezone.now(),
        )
        for day in range(200)
    )
    return product


def make_items(plan: PlanRun, *products: Product, place: Location, **terms: Any) -> None:
    """What the plan planned: 10 on hand, cost 4 at 25% a year, margin 6, a lead time of 7 days and a week."""
    plain = {
        "on_hand": 10.0,
        "on_order": 0.0,
        "allocated": 0.0,
        "unit_cost": 4.0,
        "price": 10.0,
        "holding_rate": 0.25,
        "order_cost": 0.0,
        "lead_time_mean": 7.0,
        "review_days": 7.0,
        "unmet": "lost",
    }
    frame = pl.DataFrame({"unique_id": [f"{product.pk}@{place.pk}" for product in products]})
    frame = frame.with_columns(**{name: pl.lit(value) for name, value in (plain | terms).items()})
    PlanItems.objects.create(plan_run=plan, table=items_pack(frame))


def make_edit(plan: PlanRun, product: Product, place: Location, by: User, **values: Any) -> Suggestion:
    """A suggestion of 18 units that was drafted with none."""
    return make_suggestion(
        plan,
        product=product,
        location=place,
        **{
            "order_quantity": 18.0,
            "order_up_to": 40.0,
            "lead_time_days": 7.0,
            "review_days": 7.0,
            "state": "drafted",
            "edited_quantity": 0.0,
            "edited_by": by,
            "edited_at": timezone.now(),
            "edit_reason": "slow",
        }
        | values,
    )


def test_it_compares_both_quantities_on_the_demand_that_came(place: Location, buyer: User) -> None:
    """Two a day: ten last for five days, so the stock is 0 when the order of 18 comes after a week. It closes
    at 16, 14 ... 4; without it 14 units are lost.
    """
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    edit = make_edit(plan, product, place, buyer)
    assert services.edits_score() == 1
    score = EditScore.objects.get()
    held = sum(18 - 2 * day for day in range(1, 8)) * 4 * 0.25 / 365
    assert (score.suggestion, score.quantity, score.demand) == (edit, 0, 14)
    assert (score.first_day, score.last_day) == (date(2024, 2, 8), date(2024, 2, 14))
    assert (score.system_lost_margin, score.edited_lost_margin) == (0, 14 * 6)
    assert score.system_holding == pytest.approx(held)
    assert score.edited_holding == 0
    assert score.saved == pytest.approx(held - 84)
    assert score.system_cost - score.edited_cost == pytest.approx(score.saved)
    # Nothing is scored twice.
    assert services.edits_score() == 0


def test_a_larger_quantity_that_was_needed_beats_the_system(place: Location, buyer: User) -> None:
    product, plan = make_daily(place, rate=5), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer, edited_quantity=35.0)
    services.edits_score()
    score = EditScore.objects.get()
    assert score.system_lost_margin == (35 - 18) * 6
    assert score.edited_lost_margin == 0
    assert score.saved > 100


def test_a_rejected_suggestion_is_one_of_nothing(place: Location, buyer: User) -> None:
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer, state="rejected", edited_quantity=30.0)
    services.edits_score()
    assert EditScore.objects.get().quantity == 0


@pytest.mark.parametrize(
    "values",
    [
        {"state": "open"},
        {"edited_quantity": 18.0},
        {"edited_quantity": None},
        {"state": "rejected", "order_quantity": 0.0},
        {"edited_by": None},
    ],
)
def test_what_led_to_no_other_order_is_not_judged(place: Location, buyer: User, values: Any) -> None:
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer, **values)
    assert services.edits_score() == 0
    assert selectors.edits_open() == selectors.EditsOpen(pending=0, unknown=0)


def test_rejected_day_after_day_is_one_decision_a_review(place: Location, buyer: User) -> None:
    product = make_daily(place)
    for day in (0, 1, 6, 7, 8):
        plan = make_plan(as_of=PLANNED + timedelta(days=day))
        make_items(plan, product, place=place)
        make_edit(plan, product, place, buyer, state="rejected", edited_quantity=None)
    assert services.edits_score() == 2
    days = set(EditScore.objects.values_list("suggestion__plan_run__as_of", flat=True))
    assert days == {PLANNED, PLANNED + timedelta(days=7)}


def test_an_edit_waits_until_its_days_are_over(place: Location, buyer: User) -> None:
    product = make_daily(place)
    plan = make_plan(as_of=LAST - timedelta(days=13))
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer)
    assert services.edits_score() == 0
    assert selectors.edits_open() == selectors.EditsOpen(pending=1, unknown=0)
    SalesRecord.objects.create(
        product=product, location=place, day=LAST + timedelta(days=1), quantity=2, recorded_at=timezone.now()
    )
    assert services.edits_score() == 1
    assert selectors.edits_open().pending == 0


def test_it_scores_again_what_was_edited_again(place: Location, buyer: User) -> None:
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    edit = make_edit(plan, product, place, buyer)
    services.edits_score()
    Suggestion.objects.filter(pk=edit.pk).update(edited_quantity=20.0, edited_at=timezone.now())
    assert services.edits_score() == 1
    assert EditScore.objects.get().quantity == 20


def test_what_can_not_be_judged_is_counted(place: Location, buyer: User) -> None:
    product, never = make_daily(place), make_product()
    without = make_plan(as_of=PLANNED)
    make_edit(without, product, place, buyer)
    plan = make_plan(as_of=PLANNED)
    make_items(plan, product, never, place=place)
    make_edit(plan, never, place, buyer)
    make_edit(plan, product, place, buyer, home_value=None)
    assert services.edits_score() == 0
    assert selectors.edits_open() == selectors.EditsOpen(pending=0, unknown=3)


@pytest.mark.parametrize("code", ["kit_demand", "successor_demand", "supplies"])
def test_what_others_pass_demand_on_to_is_not_judged_by_its_own_sales(
    place: Location, buyer: User, code: str
) -> None:
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer, reason=f"order; {code}")
    young = make_plan(as_of=LAST)
    make_edit(young, product, place, buyer, reason=f"order; {code}")
    assert services.edits_score() == 0
    # It waits for nothing either.
    assert selectors.edits_open() == selectors.EditsOpen(pending=0, unknown=2)


def test_a_stock_out_hides_no_demand(place: Location, buyer: User) -> None:
    """The shop ran out because of the edit: what would have sold is estimated."""
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer)
    out = [PLANNED + timedelta(days=day) for day in range(8, 15)]
    SalesRecord.objects.filter(product=product, day__in=out).update(quantity=0)
    StockLevel.objects.bulk_create(
        StockLevel(
            product=product,
            location=place,
            day=LAST - timedelta(days=day),
            on_hand=0 if LAST - timedelta(days=day) in out else 9,
        )
        for day in range(199)
    )
    services.edits_score()
    score = EditScore.objects.get()
    assert 9 < score.demand < 20
    assert score.edited_lost_margin == pytest.approx(score.demand * 6)


def test_a_plan_scores_what_is_over(place: Location, buyer: User) -> None:
    product, plan = make_daily(place), make_plan(as_of=PLANNED)
    make_items(plan, product, place=place)
    make_edit(plan, product, place, buyer)
    newer = services.plan_create(
        acting_user=None, forecast_run=make_forecast({(product, place): 14.0}, as_of=LAST)
    )
    assert services.plan_execute(plan_id=newer.pk).state == "done"
    assert EditScore.objects.count() == 1


def test_a_plan_is_done_even_where_edits_can_not_be_scored(
    place: Location, buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from replenishment.services import plans

    def fail(**options: Any) -> int:
        raise RuntimeError("no luck")

    monkeypatch.setattr(plans, "edits_score", fail)
    product = make_daily(place)
    plan = services.plan_create(
        acting_user=None, forecast_run=make_forecast({(product, place): 14.0}, as_of=LAST)
    )
    assert services.plan_execute(plan_id=plan.pk).state == "done"


# -- the page and the API -------------------------------------------------------------------------


def make_score(by: User, saved: float, **values: Any) -> EditScore:
    """A score with made-up costs."""
    category = values.pop("category", None)
    product = make_product(category=category)
    edit = make_edit(make_plan(as_of=PLANNED), product, make_location(), by, **values)
    return EditScore.objects.create(
        suggestion=edit,
        quantity=0,
        first_day=PLANNED + timedelta(days=8),
        last_day=PLANNED + timedelta(days=14),
        demand=14,
        system_holding=3,
        system_ordering=0,
        system_lost_margin=100,
        edited_holding=1,
        edited_ordering=0,
        edited_lost_margin=102 - saved,
        saved=saved,
    )


@pytest.fixture
def scored(buyer: User) -> User:
    """Of the buyer 30 saved, 10 lost and a tie; of another 5 saved."""
    tea = make_category(name="Tea", names={"zh-hans": "茶"})
    make_score(buyer, 30, category=tea)
    make_score(buyer, -10, category=tea, edit_reason="no room")
    make_score(buyer, 0, edit_reason="")
    other = make_user("other", "Buyer")
    make_score(other, 5)
    return buyer


def test_it_sums_up_by_person_reason_and_category(scored: User) -> None:
    scores = selectors.scores_list()
    total = selectors.scores_total(scores)
    assert (total.edits, total.better, total.worse, total.equal, total.saved) == (4, 2, 1, 1, 25)
    assert [(row.key, row.edits, row.saved) for row in selectors.scores_by(scores, "person")] == [
        (scored.username, 3, 20),
        ("other", 1, 5),
    ]
    assert [(row.key, row.saved) for row in selectors.scores_by(scores, "reason")] == [
        ("slow", 35),
        ("", 0),
        ("no room", -10),
    ]
    assert [row.saved for row in selectors.scores_by(scores, "category")] == [20, 5]


def test_the_page_shows_totals_boards_and_edits(client: Client, viewer: User, scored: User) -> None:
    client.force_login(viewer)
    answer = client.get(PAGE)
    page = answer.content.decode()
    assert "Edits have saved" in page
    assert [board.title for board in answer.context["boards"]] == ["By person", "By reason", "By category"]
    assert "Tea" in page
    assert "No reason given" in page
    assert len(answer.context["page"].object_list) == 4


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"person": "other"}, 1),
        ({"reason": "no room"}, 1),
        ({"reason": ""}, 1),
        ({"category": ""}, 2),
        ({"outcome": "better"}, 2),
        ({"outcome": "equal"}, 1),
        ({"outcome": "luck"}, 4),
        ({"person": "nobody"}, 0),
        ({"person": "other", "outcome": "worse"}, 0),
    ],
)
def test_the_address_filters(
    client: Client, viewer: User, scored: User, query: dict[str, str], number: int
) -> None:
    client.force_login(viewer)
    assert len(client.get(PAGE, query).context["page"].object_list) == number


@pytest.mark.parametrize("name", ["person", "reason", "category"])
@pytest.mark.parametrize("value", ["\0", "x" * 300])
def test_what_can_not_be_a_filter_is_as_none(
    client: Client, viewer: User, scored: User, name: str, value: str
) -> None:
    client.force_login(viewer)
    answer = client.get(PAGE, {name: value, "outcome": "better"})
    assert answer.context["chosen"] == []
    assert len(answer.context["page"].object_list) == 2


def test_it_says_so_where_nothing_was_judged(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "No edit to judge yet" in client.get(PAGE).content.decode()


def test_it_says_how_many_can_not_be_judged(
    client: Client, viewer: User, buyer: User, place: Location
) -> None:
    make_daily(place)
    make_edit(make_plan(as_of=PLANNED), make_product(), place, buyer, reason="order; supplies")
    client.force_login(viewer)
    assert "1 edit can&#x27;t be judged" in client.get(PAGE).content.decode().replace("'", "&#x27;")


def test_it_shows_categories_in_the_readers_language(client: Client, viewer: User, scored: User) -> None:
    client.force_login(viewer)
    page = client.get(PAGE, headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "茶" in page


@pytest.mark.parametrize("rows", [1, 40])
def test_the_page_takes_as_many_queries_for_many_edits(
    client: Client, viewer: User, buyer: User, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_score(buyer, 3)
    client.force_login(viewer)
    client.get(PAGE)
    with django_assert_num_queries(PAGE_QUERIES):
        client.get(PAGE)


def test_nobody_else_sees_it(client: Client, partner_of_supplier: User, scored: User) -> None:
    assert client.get(PAGE).status_code == 302
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        assert client.get(PAGE).status_code == 403
        api = APIClient()
        api.force_authenticate(user)
        assert api.get(API).status_code == 403
        assert api.get(f"{API}totals/").status_code == 403


def test_the_api_tells_edits_and_totals(viewer: User, scored: User) -> None:
    api = APIClient()
    api.force_authenticate(viewer)
    found = api.get(API, {"person": "other"}).json()["results"]
    assert [(row["person"], row["saved"], row["system_quantity"]) for row in found] == [("other", 5, 18)]
    totals = api.get(f"{API}totals/").json()
    assert (totals["total"]["saved"], totals["total"]["edits"], totals["pending"]) == (25, 4, 0)
    assert [row["key"] for row in totals["by_person"]] == [scored.username, "other"]
    assert api.get(f"{API}totals/", {"reason": "no room"}).json()["total"]["saved"] == -10
