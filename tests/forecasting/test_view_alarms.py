from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from catalog.models import Location, PartnerAccount
from forecasting.models import ForecastAlarm, ForecastRun
from tests.cast import make_location, make_product, make_supplier, make_user
from tests.forecasting.shop import AS_OF

LIST = "/forecasts/alarms/"
SPEC = {"freq": "W", "horizon": 13, "models": ["linear"], "seed": 0}
QUERIES = 6 + 3  # session and person, counts of kinds, count, alarms

pytestmark = pytest.mark.django_db


def make_run(**values: Any) -> ForecastRun:
    return ForecastRun.objects.create(
        **{"as_of": AS_OF, "known_at": timezone.now(), "spec": SPEC, "state": "done"} | values
    )


def make_alarm(run: ForecastRun, *, location: Location | None = None, **values: Any) -> ForecastAlarm:
    if "segment" not in values:
        values |= {"product": make_product(), "location": location or make_location()}
    given = {"kind": "bias", "value": 9.5, "limit": 8.0, "effect": -0.4, "opened_by": run, "seen_by": run}
    return ForecastAlarm.objects.create(**given | values)


def text_of(client: Client, path: str = LIST) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize("person", ["partner_of_supplier", "partner_of_channel", "nobody", "partner_buyer"])
def test_it_forbids_partners_and_people_without_the_permission(
    person: str, client: Client, request: pytest.FixtureRequest
) -> None:
    if person == "nobody":
        user = make_user("nobody")
    elif person == "partner_buyer":
        user = make_user("both", "Buyer")
        PartnerAccount.objects.create(user=user, supplier=make_supplier())
    else:
        user = request.getfixturevalue(person)
    client.force_login(user)
    assert client.get(LIST).status_code == 403


def test_it_asks_strangers_to_log_in(client: Client) -> None:
    assert client.get(LIST)["Location"].startswith(reverse("login"))


def test_it_says_in_words_what_is_off_and_by_how_much(client: Client, viewer: User) -> None:
    run = make_run()
    low = make_alarm(run)
    make_alarm(run, kind="drift", effect=2.14)
    make_alarm(run, kind="coverage", effect=0.45, steps=4)
    make_alarm(run, segment="lumpy", effect=0.2)
    client.force_login(viewer)
    text = text_of(client)
    assert low.product is not None
    assert low.product.sku in text
    for words in (
        "forecasts 40% of sales too low",
        "forecasts 20% of sales too high",
        "errors 2.1 times those expected",
        "outside the 90% band in 45% of the periods",
        "the next 4 weeks",
        "Lumpy demand",
    ):
        assert words in text
    assert reverse("replenishment:sku", args=[low.product_id, low.location_id]) in text


def test_it_filters_by_kind_product_and_state(client: Client, viewer: User) -> None:
    run, place = make_run(), make_location()
    bias, drift = make_alarm(run, location=place), make_alarm(run, location=place, kind="drift")
    closed = make_alarm(run, location=place, closed_at=timezone.now())
    skus = {
        name: alarm.product.sku
        for name, alarm in {"b": bias, "d": drift, "c": closed}.items()
        if alarm.product
    }
    client.force_login(viewer)

    def shown(query: str) -> set[str]:
        text = text_of(client, LIST + query)
        return {name for name, sku in skus.items() if f">{sku} ·" in text}

    assert shown("") == {"b", "d"}
    assert shown("?kind=drift") == {"d"}
    assert shown("?kind=nonsense") == {"b", "d"}
    assert shown(f"?q={skus['b']}") == {"b"}
    assert shown("?state=closed") == {"c"}
    assert "No alarm here" in text_of(client, LIST + "?kind=coverage")


def test_it_shows_a_runs_own_alarms_on_its_page(client: Client, viewer: User) -> None:
    runs = [make_run(as_of=AS_OF + timedelta(weeks=week)) for week in range(4)]
    make_alarm(runs[0], segment="overall", opened_by=runs[1], seen_by=runs[2], closed_at=timezone.now())
    repeat = make_run(same_as=runs[2])
    client.force_login(viewer)
    words = "forecasts 40% of sales too low"
    shown = [words in text_of(client, f"/forecasts/{run.pk}/") for run in (*runs, repeat)]
    assert shown == [False, True, True, False, True]
    assert f"Forecast {runs[2].pk}" in text_of(client, f"/forecasts/{repeat.pk}/")
    assert "Nothing had changed" in text_of(client, f"/forecasts/{repeat.pk}/")
    assert f"Same as {runs[2].pk}" in text_of(client, "/forecasts/")


def test_it_leads_from_the_runs_to_open_alarms(client: Client, viewer: User) -> None:
    run = make_run()
    client.force_login(viewer)
    page = text_of(client, "/forecasts/")
    assert f'href="{LIST}"' in page
    assert "1 alarm" not in page
    make_alarm(run)
    assert "1 alarm" in text_of(client, "/forecasts/")


@pytest.mark.parametrize("count", [1, 50])
def test_it_lists_alarms_with_the_same_few_queries(
    count: int, client: Client, viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run, place = make_run(), make_location()
    for _ in range(count):
        make_alarm(run, location=place)
    client.force_login(viewer)
    client.get(LIST)
    with django_assert_num_queries(QUERIES):
        client.get(LIST)


def test_it_lets_the_admin_look_and_nobody_write(client: Client, admin_user: User) -> None:
    alarm = make_alarm(make_run())
    client.force_login(admin_user)
    url = reverse("admin:forecasting_forecastalarm_change", args=[alarm.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"value": "1"}).status_code == 403
    assert client.get(reverse("admin:forecasting_forecastalarm_add")).status_code == 403
