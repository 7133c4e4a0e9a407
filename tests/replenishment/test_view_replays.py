"""The pages of replays."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from replenishment.models import ReplayRun
from replenishment.words import POLICIES, REPLAY_ROWS, REPLAY_STEPS
from tests.cast import make_location, make_user
from tests.replenishment.replay_world import (
    FIRST,
    LAST,
    make_opening,
    make_replay,
    make_sold,
    run_replay,
    start_replay,
)

pytestmark = pytest.mark.django_db
LIST = "/replays/"
START = "/replays/start/"
LIST_QUERIES = 11
DETAIL_QUERIES = 13
FORM = {
    "target_kind": "fill",
    "target": "0.95",
    "holding_rate": "0.25",
    "order_cost": "2",
    "forecast_weeks": "4",
    "policies": ["minmax", "ses"],
}


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def test_it_names_every_policy_and_step() -> None:
    from replenishment.core.replay import POLICIES as OURS

    assert set(POLICIES) == set(OURS)
    assert set(REPLAY_STEPS) == {"read", "forecasts", "replay", "store"}


def test_it_says_what_to_do_where_there_is_nothing(at_work: Client) -> None:
    page = at_work.get(LIST).content.decode()
    assert "No sales yet" in page
    assert START not in page
    make_sold(make_location())
    page = at_work.get(LIST).content.decode()
    assert "No replay yet" in page
    assert START in page


def test_it_offers_no_start_to_those_who_may_not(client: Client, viewer: User) -> None:
    make_sold(make_location())
    client.force_login(viewer)
    assert START not in client.get(LIST).content.decode()


def test_it_tells_nobody_else_how_far_it_is(client: Client, partner_of_supplier: User) -> None:
    address = reverse("job", args=["replay", make_replay().pk])
    assert client.get(address).status_code == 302
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        assert client.get(address, headers={"HX-Request": "true"}).status_code == 403
    client.force_login(make_user("somebody", "Viewer"))
    assert client.get(address).status_code == 200


def test_it_starts_a_replay_and_shows_its_progress(at_work: Client, buyer: User) -> None:
    place = make_location()
    make_sold(place)
    answer = at_work.post(START, FORM | {"first_day": FIRST, "last_day": LAST, "location": place.pk})
    run = ReplayRun.objects.get()
    assert answer["Location"] == reverse("replenishment:replay-detail", args=[run.pk])
    assert (run.first_day, run.last_day, run.location, run.created_by) == (FIRST, LAST, place, buyer)
    assert (run.spec["policies"], run.spec["order_cost"]) == (["minmax", "ses"], 2.0)
    progress = reverse("job", args=["replay", run.pk])
    assert progress in at_work.get(answer["Location"]).content.decode()
    ReplayRun.objects.filter(pk=run.pk).update(state="running", step="forecasts", progress=0.4)
    asked = at_work.get(progress, headers={"HX-Request": "true"})
    assert str(REPLAY_STEPS["forecasts"]) in asked.content.decode()
    assert "40%" in asked.content.decode()
    ReplayRun.objects.filter(pk=run.pk).update(state="done")
    assert at_work.get(progress, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    "wrong",
    [
        {"policies": []},
        {"policies": ["oracle"]},
        {"target": "2"},
        {"forecast_weeks": "0"},
        {"first_day": LAST, "last_day": FIRST},
        {"last_day": LAST + timedelta(days=1)},
        {"first_day": LAST},
        {"location": "999999"},
        {"freq": "Y"},
        {"deliveries": "luck"},
        {"first_share": "2"},
        {"rest_days": "-1"},
    ],
)
def test_it_shows_the_form_again_with_what_is_wrong(at_work: Client, wrong: dict[str, Any]) -> None:
    make_sold(make_location())
    answer = at_work.post(START, FORM | wrong)
    assert answer.status_code == 422
    assert not ReplayRun.objects.exists()
    page = answer.content.decode()
    assert "field__error" in page or "alert--error" in page


def test_it_marks_the_least_cost_and_links_the_items_that_differ(at_work: Client) -> None:
    place = make_location()
    product = make_sold(place, rate=20)
    make_opening(product, place, 20)
    from tests.replenishment.world import make_forecast

    for weeks in (8, 4):
        make_forecast({(product, place): 20.0}, as_of=LAST - timedelta(weeks=weeks))
    run = run_replay(spec={"policies": ("engine", "minmax")})
    answer = at_work.get(reverse("replenishment:replay-detail", args=[run.pk]))
    page = answer.content.decode()
    best = min(run.policies.all(), key=lambda row: row.total_cost)
    assert answer.context["best"] == best
    assert page.count("Least cost") == 1
    assert reverse("replenishment:sku", args=[product.pk, place.pk]) in page
    assert "Loading the chart" in page


def test_it_says_what_was_backcast_assumed_and_left_out(at_work: Client) -> None:
    run = make_replay(
        report={
            "backcasts": ["2024-01-14", "2024-02-11"],
            "runs": [],
            "opening_assumed": 3,
            "skipped": {"no forecast": 2, "phase_out": 1},
        }
    )
    page = at_work.get(reverse("replenishment:replay-detail", args=[run.pk])).content.decode()
    assert "2 forecasts were made afterwards (backcast)" in page
    assert "3 product-locations have no stock record" in page
    assert "2: no forecast; 1: being phased out" in page


def test_it_shows_why_a_replay_failed(at_work: Client) -> None:
    run = start_replay_failed()
    page = at_work.get(reverse("replenishment:replay-detail", args=[run.pk])).content.decode()
    assert "Nothing was sold there up to the last day." in page


def start_replay_failed() -> ReplayRun:
    from replenishment import services

    make_sold(make_location())
    return services.replay_execute(replay_id=start_replay(location=make_location()).pk)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["320", "1200", "x"])
def test_it_draws_the_costs_of_each_policy(at_work: Client, theme: str, width: str) -> None:
    run = make_replay("engine", "minmax", "ses")
    for name in ("costs", "frontier"):
        address = reverse("replenishment:replay-chart", args=[run.pk, name])
        chart = at_work.get(address, {"theme": theme, "width": width}).json()
        assert {"doc", "root_id"} <= set(chart)
        words = json.dumps(chart)
        assert str(POLICIES["ses"]) in words
    run.policies.all().delete()
    assert "empty" in at_work.get(address).json()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["320", "1200"])
def test_it_draws_the_course_of_what_is_compared(at_work: Client, theme: str, width: str) -> None:
    run = make_replay("ses", "engine", "minmax", compared=True)
    for name in ("stock", "service", "frontier"):
        address = reverse("replenishment:replay-chart", args=[run.pk, name])
        words = json.dumps(at_work.get(address, {"theme": theme, "width": width}).json())
        for policy in ("engine", "actual"):
            assert str(REPLAY_ROWS[policy]) in words
        assert (str(REPLAY_ROWS["ses"]) in words) == (name == "frontier")
    ReplayRun.objects.filter(pk=run.pk).update(course_table=b"")
    address = reverse("replenishment:replay-chart", args=[run.pk, "stock"])
    assert "empty" in at_work.get(address).json()


def test_it_says_at_the_top_what_the_engine_would_have_saved(at_work: Client) -> None:
    run = make_replay(compared=True)
    answer = at_work.get(reverse("replenishment:replay-detail", args=[run.pk]))
    page = answer.content.decode()
    saving = answer.context["saving"]
    # The made-up costs are 34 for the engine, 36 for what was done.
    assert (saving.is_actual, saving.money) == (True, 2)
    assert "Forestock would have saved you $2" in page
    assert "against what you really did, for 2 product-locations" in page
    assert "Compared with what you really did" in page
    assert "Against “Min/max, set once”, for 3 product-locations: $1" in page
    assert "All product-locations, policies side by side" in page
    run.policies.filter(policy="engine").update(total_cost=40)
    page = at_work.get(reverse("replenishment:replay-detail", args=[run.pk])).content.decode()
    assert "Forestock would have cost you $4.00 more" in page


def test_it_compares_with_min_max_where_nothing_is_known(at_work: Client) -> None:
    run = make_replay("engine", "minmax")
    answer = at_work.get(reverse("replenishment:replay-detail", args=[run.pk]))
    assert (answer.context["saving"].is_actual, answer.context["saving"].money) == (False, 1)
    assert "against “Min/max, set once”, for 3 product-locations" in answer.content.decode()
    run = make_replay("ses", "minmax")
    assert at_work.get(reverse("replenishment:replay-detail", args=[run.pk])).context["saving"] is None


def test_the_form_asks_for_periods_and_deliveries(at_work: Client) -> None:
    make_sold(make_location())
    more = {"freq": "D", "deliveries": "happened", "first_share": "0.6", "rest_days": "10"}
    at_work.post(START, FORM | more | {"first_day": FIRST, "last_day": LAST})
    spec = ReplayRun.objects.get().spec
    assert [spec[name] for name in more] == ["D", "happened", 0.6, 10.0]


def test_it_knows_no_replay_that_there_is_not(at_work: Client) -> None:
    for number in (7, 2**63):
        assert at_work.get(reverse("replenishment:replay-detail", args=[number])).status_code == 404
        assert at_work.get(reverse("job", args=["replay", number])).status_code == 404
        for name in ("costs", "stock"):
            chart = reverse("replenishment:replay-chart", args=[number, name])
            assert at_work.get(chart).status_code == 404
    other = reverse("replenishment:replay-chart", args=[make_replay().pk, "luck"])
    assert at_work.get(other).status_code == 404


@pytest.mark.parametrize("rows", [1, 25])
def test_it_lists_with_as_many_queries_for_many_replays(
    at_work: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_replay()
    at_work.get(LIST)
    with django_assert_num_queries(LIST_QUERIES):
        assert len(at_work.get(LIST).context["lines"]) == rows


@pytest.mark.parametrize("items", [1, 12])
def test_it_shows_a_replay_with_as_many_queries_for_many_items(
    at_work: Client, items: int, django_assert_num_queries: Any
) -> None:
    import io

    import polars as pl

    place = make_location()
    products = [make_sold(place, history=1) for _ in range(items)]
    table = io.BytesIO()
    pl.DataFrame(
        [
            {
                "policy": policy,
                "product_id": product.pk,
                "location_id": place.pk,
                "demand": 10.0,
                "served": 9.0,
                "total_cost": 5.0 + extra,
            }
            for product in products
            for policy, extra in (("engine", 0.0), ("minmax", 2.0))
        ]
    ).write_parquet(table)
    run = make_replay(items_table=table.getvalue())
    address = reverse("replenishment:replay-detail", args=[run.pk])
    at_work.get(address)
    with django_assert_num_queries(DETAIL_QUERIES):
        assert len(at_work.get(address).context["differences"]) == items
