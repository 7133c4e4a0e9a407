from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy.typing as npt
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.models import Category, Location, PartnerAccount, Product
from forecasting.core.accuracy import COLUMN
from forecasting.models import ForecastOverride, ForecastRun, OverrideScore
from forecasting.selectors import accuracy as reads
from forecasting.selectors.series_accuracy import accuracy_table
from forecasting.views import accuracy as view
from tests.cast import make_category, make_location, make_product, make_supplier, make_user
from tests.forecasting.held_out import MODELS, make_accuracy, make_tested_run
from tests.forecasting.shop import AS_OF

PAGE = "/forecasts/accuracy/"
Shop = tuple[ForecastRun, list[tuple[Product, Location]], npt.NDArray[Any]]


@pytest.fixture
def shop(db: None) -> Shop:
    """18 product-locations: nine products in three categories (one below another) at two locations."""
    tea = make_category(name="Tea", names={"zh-hans": "茶"})
    green = make_category(name="Green tea", parent=tea)
    cups = make_category(name="Cups")
    places = [make_location(code="DC"), make_location(code="SHOP")]
    products = [make_product(category=(tea, green, cups)[n % 3] if n else None) for n in range(9)]
    series = [(product, place) for product in products for place in places]
    run = make_tested_run(series=len(series))
    prices = [2.0 + n if n != 3 else None for n in range(len(series))]
    return run, series, make_accuracy(run, series, prices=prices)


def total(sums: npt.NDArray[Any], rows: list[int], name: str, bands: list[int] | None = None) -> float:
    return sum(float(sums[i, b, COLUMN[name]]) for i in rows for b in (bands or [0, 1, 2]))


def report(run: ForecastRun, **chosen: Any) -> reads.AccuracyReport:
    return reads.accuracy_report(
        accuracy_table(run), reads.AccuracyFilter(**chosen), reads.category_tree("en")
    )


def test_it_sums_up_what_is_stored(shop: Shop) -> None:
    run, series, sums = shop
    rows = list(range(len(series)))
    found = report(run)
    overall = found.overall
    sold = total(sums, rows, "actual")
    assert overall.series == 18
    assert overall.scores["wape"] == pytest.approx(total(sums, rows, "absolute_error") / sold)
    assert overall.scores["bias"] == pytest.approx(total(sums, rows, "error") / sold)
    assert overall.scores["mase"] == pytest.approx(
        total(sums, rows, "scaled_error") / total(sums, rows, "scaled_weight")
    )
    assert overall.left_out == round(total(sums, rows, "left_out"))
    priced = [i for i in rows if i != 3]
    money = sum((2.0 + i) * total(sums, [i], "absolute_error") for i in priced)
    worth = sum((2.0 + i) * total(sums, [i], "actual") for i in priced)
    assert overall.money == pytest.approx(money)
    assert overall.money_wape == pytest.approx(money / worth)
    # Every way to slice it adds up to the whole.
    for groups in (found.matrix.values(), found.categories, found.locations, found.models):
        assert sum(group.series for group in groups) == 18
        assert sum(group.money or 0.0 for group in groups) == pytest.approx(money)
        assert sum(group.left_out for group in groups) == overall.left_out
        assert sum(group.error_share or 0.0 for group in groups) == pytest.approx(1.0)


def test_it_slices_by_class_category_location_and_model(shop: Shop) -> None:
    run, series, sums = shop
    found = report(run)
    rows = [i for i in range(18) if "ABC"[i % 3] == "B" and "XYZ"[i // 3 % 3] == "Z"]
    assert found.matrix["B", "Z"].scores["wape"] == pytest.approx(
        total(sums, rows, "absolute_error") / total(sums, rows, "actual")
    )
    tea, green, cups = Category.objects.order_by("pk")
    by_category = {group.key: group for group in found.categories}
    assert {key: group.series for key, group in by_category.items()} == {tea.pk: 10, cups.pk: 6, None: 2}
    rows = [i for i, (product, _) in enumerate(series) if product.category_id in {tea.pk, green.pk}]
    assert by_category[tea.pk].scores["bias"] == pytest.approx(
        total(sums, rows, "error") / total(sums, rows, "actual")
    )
    below = {group.key: group.series for group in report(run, category_id=tea.pk).categories}
    assert below == {tea.pk: 4, green.pk: 6}
    assert {group.key: group.series for group in found.models} == {"lightgbm": 9, "linear": 9}
    money = [group.money or 0.0 for group in found.locations]
    assert money == sorted(money, reverse=True)


def test_it_filters_by_what_is_asked(shop: Shop) -> None:
    run, series, sums = shop
    place = series[0][1]
    chosen = {"abc": "A", "location_id": place.pk, "model": "lightgbm", "band": 1}
    rows = [i for i in range(18) if i % 3 == 0 and series[i][1] == place and MODELS[i % 2] == "lightgbm"]
    assert rows
    overall = report(run, **chosen).overall
    assert overall.series == len(rows)
    assert overall.scores["wape"] == pytest.approx(
        total(sums, rows, "absolute_error", [1]) / total(sums, rows, "actual", [1])
    )
    cups = Category.objects.get(name="Cups")
    branch = [i for i in rows if series[i][0].category_id == cups.pk]
    assert report(run, **chosen, category_id=cups.pk).overall.series == len(branch) < len(rows)


def test_it_names_the_twenty_whose_errors_cost_most(db: None) -> None:
    place = make_location()
    series = [(make_product(), place) for _ in range(25)]
    run = make_tested_run()
    sums = make_accuracy(run, series)
    worst = report(run).worst
    money = {series[i][0].pk: (2.0 + i) * total(sums, [i], "absolute_error") for i in range(25)}
    expected = sorted(money, key=lambda pk: -money[pk])[:20]
    assert [row.product_id for row in worst] == expected
    assert worst[0].group.money == pytest.approx(money[expected[0]])
    first = [pk for pk, _ in enumerate(series) if series[pk][0].pk == expected[0]]
    assert worst[0].group.scores["wape"] == pytest.approx(
        total(sums, first, "absolute_error") / total(sums, first, "actual")
    )


def test_it_reads_a_run_once(shop: Shop, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    run = shop[0]
    tree = reads.category_tree("en")
    with django_assert_num_queries(1):
        reads.accuracy_report(accuracy_table(run), reads.AccuracyFilter(), tree)
        reads.accuracy_report(accuracy_table(run), reads.AccuracyFilter(abc="A"), tree)


def test_it_draws_the_newest_run_of_each_day(shop: Shop) -> None:
    run, series, _sums = shop
    early = make_tested_run(as_of=AS_OF - timedelta(days=7))
    make_accuracy(early, series)
    newest = make_tested_run()
    make_accuracy(newest, series)
    other = make_tested_run(spec=run.spec | {"horizon": 4})
    points = reads.accuracy_drift(newest)
    days = [(point.run_id, point.as_of) for point in points]
    assert days == [(early.pk, AS_OF - timedelta(days=7)), (newest.pk, AS_OF)]
    # What was made later is no part of an older run's past.
    assert [point.run_id for point in reads.accuracy_drift(run)] == [run.pk]
    again = make_tested_run(as_of=AS_OF + timedelta(days=7))
    make_accuracy(again, series)
    points = reads.accuracy_drift(again)
    assert [point.run_id for point in points] == [early.pk, newest.pk, again.pk]
    assert points[0].naive["wape"] == pytest.approx(1.4 * (points[0].champions["wape"] or 0))
    assert reads.accuracy_drift(other) == []


# The page ---------------------------------------------------------------------------------------


def test_it_shows_scores_groups_and_links(client: Client, viewer: User, shop: Shop) -> None:
    run, _series, _sums = shop
    client.force_login(viewer)
    response = client.get(PAGE)
    page = response.content.decode()
    overall = report(run).overall
    assert response.status_code == 200
    assert f"{100 * (overall.scores['wape'] or 0):.1f}%" in page
    for text in ("Tea", "Cups", "Without a category", "DC", "SHOP", "Log-linear regression", "Switched"):
        assert text in page
    worst = report(run).worst[0]
    assert reverse("replenishment:sku", args=[worst.product_id, worst.location_id]) in page
    assert f"{overall.left_out} stock-out periods left out" in page
    assert page.count('class="lines__plot"') == 2
    assert 'aria-current="page"' in page


def test_it_keeps_the_filter_in_the_address(client: Client, viewer: User, shop: Shop) -> None:
    _run, series, _sums = shop
    client.force_login(viewer)
    tea = Category.objects.get(name="Tea")
    address = f"{PAGE}?abc=A&band=2&model=linear&location={series[0][1].pk}&category={tea.pk}&drift=bias"
    response = client.get(address)
    page = response.content.decode()
    assert response.context["chosen"] == reads.AccuracyFilter(
        band=1, abc="A", model="linear", location_id=series[0][1].pk, category_id=tea.pk
    )
    assert re.search(r"<option selected>A</option>", page)
    assert "4–6 weeks ahead" in page
    # A link to another score keeps what is chosen already.
    link = re.search(r'href="(\?[^"]*drift=pinball)#drift"', page)
    assert link is not None
    assert {"abc=A", "band=2", "model=linear", f"category={tea.pk}"} <= set(link.group(1)[1:].split("&amp;"))
    assert f'name="category" value="{tea.pk}"' in page


@pytest.mark.parametrize(
    "query",
    [
        "?abc=Q&xyz=1&band=0",
        "?band=99&location=abc&category=99999",
        "?model=oracle&drift=nothing",
        "?category=" + "9" * 30,
    ],
)
def test_it_ignores_filters_that_mean_nothing(client: Client, viewer: User, shop: Shop, query: str) -> None:
    client.force_login(viewer)
    response = client.get(PAGE + query)
    assert response.status_code == 200
    assert response.context["report"].overall.series == 18


def test_it_says_when_only_a_part_was_tested(client: Client, viewer: User, shop: Shop) -> None:
    client.force_login(viewer)
    assert "were tested" not in client.get(PAGE).content.decode()
    ForecastRun.objects.update(series=1234)
    assert "18 of 1,234 product-locations were tested" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("asked", ["999999", "x", "9" * 40])
def test_it_answers_404_for_a_run_without_accuracy(
    client: Client, viewer: User, shop: Shop, asked: str
) -> None:
    client.force_login(viewer)
    assert client.get(f"{PAGE}?run={asked}").status_code == 404
    bare = make_tested_run()
    assert client.get(f"{PAGE}?run={bare.pk}").status_code == 404
    assert client.get(f"{PAGE}?run={shop[0].pk}").status_code == 200
    assert client.get(PAGE).context["run"] == shop[0]  # the newest that has one


@pytest.mark.django_db
def test_it_says_when_there_is_nothing_to_show(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "No accuracy yet" in client.get(PAGE).content.decode()
    run = make_tested_run()
    make_accuracy(run, [(make_product(), make_location())], prices=[None])
    page = client.get(PAGE).content.decode()
    assert "No error has a price" in page
    assert "No override has been scored yet" in page
    page = client.get(f"{PAGE}?abc=B").content.decode()
    assert "No product-location passes the filter" in page


def test_it_shows_override_against_model(client: Client, viewer: User, buyer: User, shop: Shop) -> None:
    for kind, model_error, override_error in (("percent", 60.0, 45.0), ("uplift", 10.0, 30.0)):
        override = ForecastOverride.objects.create(
            kind=kind,
            value=5,
            first_day=AS_OF,
            last_day=AS_OF,
            reason="fair",
            expires_on=AS_OF,
            created_by=buyer,
        )
        OverrideScore.objects.create(
            override=override,
            as_of=AS_OF,
            periods=2,
            actual=200.0,
            model_error=model_error,
            override_error=override_error,
        )
    rows = view._overrides()
    assert [(row["name"], row["value_added"]) for row in rows] == [
        ("Percent", 15.0),
        ("Uplift", -20.0),
        ("All overrides", -5.0),
    ]
    assert rows[-1]["model_wape"] == pytest.approx(70 / 400)
    client.force_login(viewer)
    assert "All overrides" in client.get(PAGE).content.decode()


def test_it_shows_names_in_the_readers_language(client: Client, viewer: User, shop: Shop) -> None:
    client.force_login(viewer)
    page = client.get(PAGE, headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "茶" in page


@pytest.mark.django_db
def test_it_asks_strangers_to_log_in(client: Client) -> None:
    assert client.get(PAGE)["Location"].startswith(reverse("login"))


@pytest.mark.parametrize(
    "person", ["partner_of_supplier", "partner_of_channel", "nobody", "partner_buyer", "runs_only"]
)
def test_it_forbids_partners_and_people_without_the_permission(
    person: str, client: Client, request: pytest.FixtureRequest, shop: Shop
) -> None:
    if person == "nobody":
        user = make_user("nobody")
    elif person == "runs_only":
        user = make_user("runs-only")
        user.user_permissions.add(Permission.objects.get(codename="view_forecastrun"))
    elif person == "partner_buyer":
        user = make_user("both", "Buyer")
        PartnerAccount.objects.create(user=user, supplier=make_supplier())
    else:
        user = request.getfixturevalue(person)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 50])
def test_it_shows_the_page_with_the_same_few_queries(
    number: int, client: Client, viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    series = [(make_product(category=make_category()), make_location()) for _ in range(number)]
    for back in range(min(number, 5), 0, -1):
        make_accuracy(make_tested_run(as_of=AS_OF - timedelta(days=7 * back)), series)
    client.force_login(viewer)
    client.get(PAGE)
    # Session, user, permissions of user and groups, partner account (the view's and the menu's check); runs,
    # the chosen run's report, categories, locations, worst products, overrides, decisions, snapshots.
    with django_assert_num_queries(6 + 8):
        client.get(PAGE)


def test_it_shows_the_run_of_the_latest_day_not_the_one_made_last(
    client: Client, viewer: User, shop: Shop
) -> None:
    latest, series = shop[0], shop[1]
    backfilled = make_tested_run(as_of=AS_OF - timedelta(days=35))
    make_accuracy(backfilled, series)
    client.force_login(viewer)
    answer = client.get(PAGE)
    assert answer.context["run"] == latest
    assert [run.pk for run in answer.context["runs"]] == [latest.pk, backfilled.pk]
