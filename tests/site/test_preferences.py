"""The language and the formats that a person reads, kept with their account."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import translation

from catalog.models import UserPreference
from catalog.selectors import language_of, preference_of
from catalog.services import preference_set
from inventory_site.readers import REGIONS, locale_of, region_choices, region_use
from inventory_site.templatetags.forestock import day, money, number
from tests.cast import PASSWORD
from tests.replenishment.world import make_plan, make_suggestion

pytestmark = pytest.mark.django_db
PAGE = "/accounts/preferences/"
HOME = "/"


@pytest.fixture(autouse=True)
def _usual_formats() -> None:
    region_use("")


def language(client: Client, address: str = HOME) -> str:
    page = client.get(address).content.decode()
    return page.split('<html lang="')[1].split('"')[0]


def test_the_language_follows_the_account_to_another_device(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert language(client) == "en"
    client.post(reverse("set_language"), {"language": "zh-hans", "next": HOME})
    assert UserPreference.objects.get().user == buyer
    elsewhere = Client()
    assert language(elsewhere, reverse("login")) == "en"
    elsewhere.post(reverse("login"), {"username": buyer.username, "password": PASSWORD})
    assert language(elsewhere) == "zh-hans"
    # And back: the other device's own cookie does not win over the account.
    elsewhere.post(reverse("set_language"), {"language": "en", "next": HOME})
    assert language(client) == "en"


def test_two_people_at_one_browser_each_read_their_own(client: Client, buyer: User, viewer: User) -> None:
    preference_set(user=buyer, language="zh-hans")
    preference_set(user=viewer, language="en")
    for user, spoken in ((buyer, "zh-hans"), (viewer, "en"), (buyer, "zh-hans")):
        client.force_login(user)
        assert language(client) == spoken


def test_a_language_that_there_is_not_is_not_kept(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    client.post(reverse("set_language"), {"language": "xx", "next": HOME})
    assert UserPreference.objects.count() == 0
    # One that was kept and is no longer offered does no harm.
    preference_set(user=buyer, language="xx")
    assert language(client) == "en"


def test_dates_and_numbers_are_written_as_the_person_chose(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert "1.234,50" not in client.get(HOME).content.decode()
    answer = client.post(PAGE, {"language": "en", "region": "DE"})
    assert answer["Location"] == PAGE
    assert "Your language and formats are kept." in client.get(PAGE).content.decode()
    plan = make_plan()
    make_suggestion(plan, order_quantity=2000.0)
    page = client.get(HOME).content.decode()
    assert "5.000" in page
    assert "5,000" not in page
    # Where a language is not written in a country, its own way stands.
    client.post(PAGE, {"language": "zh-hans", "region": ""})
    preference_set(user=buyer, region="DE")
    assert "5,000" in client.get(HOME).content.decode()


def test_the_page_shows_what_is_chosen_and_how_it_looks(client: Client, buyer: User) -> None:
    preference_set(user=buyer, language="en", region="GB")
    client.force_login(buyer)
    page = client.get(PAGE).content.decode()
    assert '<option value="GB" selected>United Kingdom: 31 Dec 2026' in page
    wrong = client.post(PAGE, {"language": "en", "region": "XX"})
    assert wrong.status_code == 422
    assert preference_of(buyer) == ("en", "GB")


def test_strangers_have_no_preferences(client: Client) -> None:
    assert client.get(PAGE)["Location"] == f"{reverse('login')}?next={PAGE}"


@pytest.mark.parametrize(
    ("region", "shown"),
    [
        ("", ("Dec 31, 2026", "1,234.5", "€1,234.50")),
        ("GB", ("31 Dec 2026", "1,234.5", "€1,234.50")),
        ("DE", ("31 Dec 2026", "1.234,5", "1.234,50\xa0€")),
        ("XX", ("Dec 31, 2026", "1,234.5", "€1,234.50")),
    ],
)
def test_a_country_writes_them_its_own_way(region: str, shown: tuple[str, str, str]) -> None:
    region_use(region)
    assert (day(date(2026, 12, 31)), number(1234.5, 1), money(1234.5, "EUR")) == shown


def test_every_country_offered_writes_the_language() -> None:
    for code in ("en", "zh-hans"):
        choices = region_choices(code, "EUR")
        assert choices[0].code == ""
        assert {choice.code for choice in choices[1:]} <= set(REGIONS)
        for choice in choices[1:]:
            assert str(locale_of(code, choice.code).territory) == choice.code
    assert str(locale_of("xx")) == "en"


def test_it_costs_no_query_of_its_own(client: Client, buyer: User, django_assert_num_queries: Any) -> None:
    client.force_login(buyer)
    client.get(PAGE)
    # Session, account with its preference, whether it is a partner's, permissions (two).
    for language_kept in ("", "en"):
        preference_set(user=buyer, language=language_kept)
        with django_assert_num_queries(5):
            client.get(PAGE)


def test_a_letter_is_in_the_language_of_whom_it_is_for(client: Client, buyer: User, viewer: User) -> None:
    preference_set(user=buyer, language="zh-hans")
    for user in (buyer, viewer):
        client.post(reverse("password_reset"), {"email": user.email})
    to_buyer, to_viewer = mail.outbox
    assert "用户名" in to_buyer.body
    assert "user name" in to_viewer.body
    with language_of(buyer):
        assert translation.get_language() == "zh-hans"
    with language_of(viewer):
        assert translation.get_language() == "en"


def test_an_export_is_in_the_language_of_the_account(client: Client, buyer: User) -> None:
    preference_set(user=buyer, language="zh-hans")
    make_suggestion(make_plan(), order_quantity=5.0)
    client.force_login(buyer)
    answer = client.get(reverse("replenishment:workbench-export", args=["csv"]))
    head = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()[0]  # type: ignore[attr-defined]
    assert "名称" in head
