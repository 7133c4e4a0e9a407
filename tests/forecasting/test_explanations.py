"""Why a forecast is what it is: the sentence, the rows, the part of the SKU page, the API."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.models import PartnerAccount
from forecasting.core.explain import GROUPS
from forecasting.explanations import part_rows, period_rows, sentence
from forecasting.models import ForecastDistribution
from forecasting.selectors.explanations import Explanation, explanation_read
from tests.cast import make_location, make_product, make_supplier, make_user
from tests.site.api_world import DAY, HORIZON, add_forecast, client_of, make_run


def make_explanation(freq: str = "W", /, **weekly: float) -> Explanation:
    """Four periods of the same parts each."""
    parts = np.zeros((4, len(GROUPS)), dtype=np.float32)
    for group, units in weekly.items():
        parts[:, GROUPS.index(group)] = units
    ds = [date(2026, 3, 9) + timedelta(days=7 * week) for week in range(4)]
    return Explanation(1, date(2026, 3, 2), freq, "lightgbm", ds, parts.sum(axis=1), parts)


def store(parts: dict[str, float], **values: Any) -> ForecastDistribution:
    """A stored forecast of 2 a week, made of these parts."""
    row = add_forecast(make_run(**values), make_product(), make_location())
    contributions = np.zeros((HORIZON, len(GROUPS)), dtype="<f4")
    for group, units in parts.items():
        contributions[:, GROUPS.index(group)] = units
    row.contributions = contributions.tobytes()
    row.save()
    return row


def address(row: ForecastDistribution, query: str = "") -> str:
    return reverse("forecasting:explanation", args=[row.product_id, row.location_id]) + query


@pytest.mark.parametrize(
    ("freq", "parts", "text"),
    [
        (
            "W",
            {"level": 38, "season": 6, "price": -2},
            "About 42 units a week: the recent level makes 38, the season adds 6, the price takes 2.",
        ),
        (
            "D",
            {"level": 3.26, "trend": -0.5, "promotion": 1.04},
            "About 3.8 units a day: the recent level makes 3.3, promotions add 1, a falling trend takes 0.5.",
        ),
        ("M", {"level": 1234.4}, "About 1,234 units a month: the recent level makes 1,234."),
        (
            "W",
            {"level": 0.8, "trend": 0.2},
            "About 1 unit a week: the recent level makes 0.8, a rising trend adds 0.2.",
        ),
        (
            "W",
            {"level": 100, "season": 30, "price": -20, "promotion": -10, "signals": 4, "location": 3},
            (
                "About 107 units a week: the recent level makes 100, the season adds 30, the price takes 20, "
                "all else takes 3."
            ),
        ),
        ("W", {"level": 0.002, "season": 0.001}, "No demand is expected."),
    ],
)  # fmt: skip
def test_it_says_in_one_sentence_what_makes_the_forecast(
    freq: str, parts: dict[str, float], text: str
) -> None:
    assert sentence(make_explanation(freq, **parts)) == text


def test_it_says_it_in_chinese() -> None:
    with translation.override("zh-hans"):
        text = sentence(make_explanation(level=38, season=6, price=-2))
    assert text == "每周约 42 件：近期水平贡献 38 件，季节因素增加 6 件，价格减少 2 件。"


@pytest.mark.parametrize("units", [9, -9])
@pytest.mark.parametrize("group", [*GROUPS, "rest"])
@pytest.mark.parametrize("freq", ["D", "W", "M"])
def test_it_has_chinese_for_every_part_of_the_sentence(freq: str, group: str, units: int) -> None:
    parts = {"level": 40} | (
        {"price": 8, "season": 8, "signals": units / 9} if group == "rest" else {group: units}
    )
    with translation.override("zh-hans"):
        said = make_explanation(freq, **parts)
        texts = [sentence(said), *(str(row.label) for row in part_rows(said))]
    assert not [text for text in texts if re.search("[A-Za-z]", text)]


@given(parts=arrays(np.float32, (4, len(GROUPS)), elements=st.floats(-60, 90, width=32)))
@settings(max_examples=150, deadline=None)
def test_it_shows_figures_that_add_up(parts: np.ndarray[Any, Any]) -> None:
    parts[:, 0] += np.maximum(0, -parts.sum(axis=1))
    days = [date(2026, 3, 9) + timedelta(days=week) for week in range(4)]
    found = Explanation(1, date(2026, 3, 2), "D", "lightgbm", days, parts.sum(axis=1), parts)
    *rows, whole = part_rows(found)
    assert sum(row.total for row in rows) == whole.total
    assert sum(row.next for row in rows) == whole.next
    assert abs(float(whole.total) - parts.sum()) <= 0.06
    # Bars follow one another: each begins or ends where the one before ended.
    assert all(0 <= row.start <= 100 and row.start + row.width <= 100.5 for row in [*rows, whole])
    for period, mean in zip(period_rows(found, GROUPS), parts.sum(axis=1), strict=True):
        assert sum(period.parts) == period.mean
        assert abs(float(period.mean) - mean) <= 0.06


@given(
    values=st.lists(st.floats(-30, 60), min_size=6, max_size=6),
    level=st.floats(1, 400),
)
@settings(max_examples=150, deadline=None)
def test_it_names_numbers_that_add_up_in_the_sentence(values: list[float], level: float) -> None:
    found = make_explanation(**dict(zip(GROUPS, [level + 180, *values], strict=True)))
    head, parts = sentence(found).rstrip(".").split(": ")
    total = Decimal(head.split()[1].replace(",", ""))
    words = [part.rsplit(" ", 1) for part in parts.replace(",000", "000").split(", ")]
    assert len(words) <= 4
    named = sum(
        (-1 if " take" in f" {text}" else 1) * Decimal(number.replace(",", "")) for text, number in words
    )
    assert named == total


@pytest.mark.django_db
def test_it_reads_what_a_run_stored() -> None:
    row = store({"level": 1.5, "season": 0.5})
    found = explanation_read(run_id=row.run_id, product_id=row.product_id, location_id=row.location_id)
    assert found is not None
    assert found.contributions is not None
    assert found.ds[0] == DAY + timedelta(days=7)
    np.testing.assert_allclose(found.contributions.sum(axis=1), found.mean)
    again = make_run(same_as_id=row.run_id)
    repeated = explanation_read(run_id=again.pk, product_id=row.product_id, location_id=row.location_id)
    assert repeated is not None
    np.testing.assert_array_equal(repeated.mean, found.mean)
    assert explanation_read(run_id=row.run_id, product_id=row.product_id, location_id=10**9) is None


@pytest.mark.django_db
def test_it_shows_the_sentence_and_a_row_for_each_part(client: Client, buyer: User) -> None:
    row = store({"level": 1.6, "season": 0.5, "price": -0.1})
    make_run()
    client.force_login(buyer)
    answer = client.get(address(row, f"?run={row.run_id}"))
    page = answer.content.decode()
    assert (
        "About 2 units a week: the recent level makes 1.6, the season adds 0.5, the price takes 0.1." in page
    )
    assert [shown.key for shown in answer.context["rows"]] == ["level", "season", "price", "mean"]
    assert "= 26" in page  # 13 weeks of 2
    assert page.count("<rect") == 4
    assert len(answer.context["periods"]) == HORIZON
    brief = client.get(address(row, f"?brief=1&run={row.run_id}")).content.decode()
    assert "the season adds 0.5" in brief
    assert "<table" not in brief


@pytest.mark.django_db
def test_it_says_where_there_is_nothing_to_explain(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    missing = "There is no forecast for this SKU here yet."
    assert missing in client.get("/forecasts/why/1/1/").content.decode()
    bare = add_forecast(make_run(), make_product(), make_location())
    assert "This run did not split its forecasts" in client.get(address(bare)).content.decode()
    assert client.get(address(bare, "?brief=1")).content.decode().strip() == ""
    for run in (make_run(state="running"), make_run(pruned_at="2026-01-01T00:00Z")):
        assert missing in client.get(address(bare, f"?run={run.pk}")).content.decode()
    assert missing in client.get(address(bare, "?run=999999")).content.decode()
    for path in (f"/forecasts/why/{2**63}/1/", address(bare, "?run=x"), address(bare, f"?run={10**20}")):
        assert client.get(path).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("person", ["partner_of_supplier", "partner_of_channel", "nobody", "partner_buyer"])
def test_it_refuses_partners_and_people_without_the_permission(
    person: str, client: Client, request: pytest.FixtureRequest
) -> None:
    row = store({"level": 2})
    if person == "nobody":
        user = make_user("nobody")
    elif person == "partner_buyer":
        user = make_user("both", "Buyer")
        PartnerAccount.objects.create(user=user, supplier=make_supplier())
    else:
        user = request.getfixturevalue(person)
    client.force_login(user)
    assert client.get(address(row)).status_code == 403
    assert client.get(address(row, "?brief=1")).status_code == 403
    assert client_of(user).get(f"/api/v1/forecasts/{row.pk}/").status_code == 403


@pytest.mark.django_db
def test_it_asks_strangers_to_log_in(client: Client) -> None:
    answer = client.get("/forecasts/why/1/1/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("login"))


@pytest.mark.django_db
def test_it_explains_a_single_forecast_in_the_api(viewer: User) -> None:
    row = store({"level": 2.5, "price": -0.5})
    client = client_of(viewer)
    found = client.get(f"/api/v1/forecasts/{row.pk}/").json()
    assert list(found["contributions"]) == list(GROUPS)
    assert found["contributions"]["price"] == [-0.5] * HORIZON
    sums = np.sum(list(found["contributions"].values()), axis=0)
    np.testing.assert_allclose(sums, found["mean"])
    assert found["explanation"] == "About 2 units a week: the recent level makes 2.5, the price takes 0.5."
    (listed,) = client.get("/api/v1/forecasts/").json()["results"]
    assert "contributions" not in listed
    bare = add_forecast(make_run(), make_product(), make_location())
    empty = client.get(f"/api/v1/forecasts/{bare.pk}/").json()
    assert (empty["contributions"], empty["explanation"]) == (None, "")


@pytest.mark.django_db
def test_it_has_a_place_on_the_sku_page_for_those_who_may_see_forecasts(client: Client, buyer: User) -> None:
    row = store({"level": 2})
    page = reverse("replenishment:sku", args=[row.product_id, row.location_id])
    client.force_login(buyer)
    assert f'hx-get="{address(row)}?run={row.run_id}"' in client.get(page).content.decode()
    planner = make_user("planner")
    planner.user_permissions.add(Permission.objects.get(codename="view_suggestion"))
    client.force_login(planner)
    answer = client.get(page)
    assert answer.status_code == 200
    assert address(row) not in answer.content.decode()
