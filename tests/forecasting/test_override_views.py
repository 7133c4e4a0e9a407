from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.models import PartnerAccount
from forecasting import services
from forecasting.models import ForecastOverride, OverrideScore
from tests.cast import make_category, make_location, make_product, make_supplier, make_user
from tests.replenishment.world import AS_OF, later, make_forecast

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LIST = "/forecasts/overrides/"


class Shop:
    """One product at one place, 10 units a week."""

    def __init__(self) -> None:
        self.category = make_category(name="Bakeware")
        self.product = make_product(sku="CAKE-1", category=self.category)
        self.place = make_location(code="LEEDS")
        self.run = make_forecast({(self.product, self.place): 10.0})
        self.panel = reverse("forecasting:override-panel", args=[self.product.pk, self.place.pk])


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop()


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(**values: Any) -> dict[str, Any]:
    return {
        "kind": "uplift",
        "value": "35",
        "first_day": str(later(1)),
        "last_day": str(later(7)),
        "reason": "Cake week",
        "expires_on": "",
    } | values


def make(by: User, shop: Shop, **values: Any) -> ForecastOverride:
    return services.override_create(
        acting_user=by,
        **{
            "kind": "uplift",
            "value": Decimal(35),
            "first_day": later(1),
            "last_day": later(7),
            "reason": "Cake week",
            "product": shop.product,
            "location": shop.place,
        }
        | values,
    )


def person(kind: str, request: pytest.FixtureRequest) -> User:
    """Somebody who may not: a partner, one who is a buyer too, one without any permission."""
    if kind == "nobody":
        return make_user("nobody")
    if kind == "partner_buyer":
        user = make_user("both", "Buyer")
        PartnerAccount.objects.create(user=user, supplier=make_supplier())
        return user
    found: User = request.getfixturevalue(kind)
    return found


def calls(shop: Shop, override: ForecastOverride) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every call of these pages: method, address, what is sent."""
    wide = form(product="CAKE-1", value="7")
    return {
        "list": ("get", LIST, {}),
        "panel": ("get", shop.panel, {}),
        "preview": ("get", reverse("forecasting:override-preview"), wide),
        "create": ("post", reverse("forecasting:override-create"), wide),
        "panel-create": ("post", shop.panel, form()),
        "withdraw": ("post", reverse("forecasting:override-withdraw", args=[override.pk]), {}),
    }


PAGES = ["list", "panel", "preview", "create", "panel-create", "withdraw"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["partner_of_supplier", "partner_of_channel", "partner_buyer", "nobody"])
def test_it_keeps_partners_and_those_without_permission_out(
    shop: Shop, buyer: User, who: str, page: str, request: pytest.FixtureRequest
) -> None:
    override = make(buyer, shop, reason="another")
    method, url, data = calls(shop, override)[page]
    client = log_in(person(who, request))
    assert getattr(client, method)(url, data).status_code == 403
    assert ForecastOverride.objects.filter(withdrawn_at=None).count() == 1


@pytest.mark.parametrize("page", PAGES)
def test_it_lets_viewers_look_and_nothing_else(shop: Shop, buyer: User, viewer: User, page: str) -> None:
    override = make(buyer, shop, reason="another")
    method, url, data = calls(shop, override)[page]
    wanted = 200 if page in {"list", "panel"} else 403
    response = getattr(log_in(viewer), method)(url, data)
    assert response.status_code == wanted
    if wanted == 200:
        page_text = response.content.decode()
        assert "another" in page_text
        assert "<form" not in page_text.split('id="override-panel"')[-1] or page == "list"
        assert "withdraw/" not in page_text
    assert ForecastOverride.objects.filter(withdrawn_at=None).count() == 1


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_date_fields_are_filled_in_every_language(shop: Shop, buyer: User, language: str) -> None:
    page = log_in(buyer).get(LIST, headers={"Accept-Language": language}).content.decode()
    fields = [field for field in re.findall("<input [^>]*>", page) if 'type="date"' in field]
    values = [found[1] for field in fields if (found := re.search(r'value="([^"]*)"', field))]
    assert len(values) == 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values)


def test_it_asks_for_the_permission_of_each_step(shop: Shop, buyer: User) -> None:
    """One who may make overrides and not withdraw them, and the other way round."""
    override = make(buyer, shop, reason="another")
    viewers = Group.objects.get(name="Viewer")
    for own, wanted in (("add_forecastoverride", (302, 403)), ("withdraw_forecastoverride", (403, 302))):
        user = make_user(own)
        user.groups.add(viewers)
        user.user_permissions.add(Permission.objects.get(codename=own))
        client, pages = log_in(user), calls(shop, override)
        found = tuple(client.post(*pages[name][1:]).status_code for name in ("create", "withdraw"))
        assert found == wanted


def test_it_makes_one_on_any_level_and_shows_what_it_does(shop: Shop, buyer: User) -> None:
    client = log_in(buyer)
    response = client.post(
        reverse("forecasting:override-create"), form(category=shop.category.pk), follow=True
    )
    assert response.redirect_chain == [(LIST, 302)]
    override = ForecastOverride.objects.get()
    assert (override.category, override.product, override.location) == (shop.category, None, None)
    assert (override.created_by, override.value, override.expires_on) == (buyer, Decimal(35), later(7))
    [line] = response.context["lines"]
    assert line.reach.effect.after == pytest.approx(45)
    page = response.content.decode()
    assert "category Bakeware" in page
    assert "+35 units" in page


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"product": "NO-SUCH"}, "product"),
        ({"value": "many"}, "value"),
        ({"value": "1e40"}, "value"),
        ({"kind": "absolute", "value": "-1"}, "value"),
        ({"first_day": "soon"}, "first_day"),
        ({"last_day": str(AS_OF)}, "last_day"),
        ({"reason": " "}, "reason"),
        ({"category": "999999"}, "category"),
        ({"location": "x"}, "location"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    shop: Shop, buyer: User, values: dict[str, str], field: str
) -> None:
    response = log_in(buyer).post(reverse("forecasting:override-create"), form(**values))
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert "field__error" in response.content.decode()
    assert not ForecastOverride.objects.exists()


def test_it_makes_one_in_the_panel_and_takes_it_back(shop: Shop, buyer: User) -> None:
    client = log_in(buyer)
    assert "Override the forecast" in client.get(shop.panel).content.decode()
    # Whatever the hidden fields say, the address names the product-location.
    panel = client.post(shop.panel, form(product="OTHER", location="1"), headers=HTMX)
    assert panel.status_code == 200
    override = ForecastOverride.objects.get()
    assert (override.product, override.location) == (shop.product, shop.place)
    series = panel.context["series"]
    assert [series.model, series.now] == pytest.approx([130, 165])
    assert [series.lines[0].model, series.lines[0].now] == pytest.approx([10, 45])
    assert "Cake week" in panel.content.decode()
    again = client.post(shop.panel, form(), headers=HTMX)
    assert again.status_code == 422
    assert "The%20same%20override" in again["X-Message"]
    gone = client.post(
        reverse("forecasting:override-withdraw", args=[override.pk]),
        {"product": shop.product.pk, "location": shop.place.pk},
        headers=HTMX,
    )
    assert gone.context["series"].lines == []
    override.refresh_from_db()
    assert override.withdrawn_by == buyer
    twice = client.post(reverse("forecasting:override-withdraw", args=[override.pk]), headers=HTMX)
    assert twice.status_code == 409


def test_it_shows_in_the_panel_what_reaches_the_series_from_above(shop: Shop, buyer: User) -> None:
    make(buyer, shop, product=None, location=None, category=shop.category, reason="from above")
    other = make_product()
    page = log_in(buyer).get(shop.panel)
    assert "from above" in page.content.decode()
    elsewhere = log_in(buyer).get(reverse("forecasting:override-panel", args=[other.pk, shop.place.pk]))
    assert elsewhere.status_code == 200
    assert "There is no forecast" in elsewhere.content.decode()
    for product, place in ((10**18, shop.place.pk), (2**63, 1), (shop.product.pk, 10**18)):
        missing = reverse("forecasting:override-panel", args=[product, place])
        assert log_in(buyer).get(missing).status_code == 404


def test_it_shows_the_effect_while_one_types(shop: Shop, buyer: User) -> None:
    make(buyer, shop)
    client, url = log_in(buyer), reverse("forecasting:override-preview")

    def effect(**values: Any) -> Any:
        return client.get(url, form(product="CAKE-1", reason="") | values, headers=HTMX)

    whole = effect(kind="percent", value="100")
    found = whole.context["reach"].effect
    assert [found.model, found.before, found.after] == pytest.approx([10, 45, 90])
    assert ">90<" in whole.content.decode()
    assert "3 of its 10 days" in effect(first_day=str(later(89)), last_day=str(later(98))).content.decode()
    assert "does not reach" in effect(first_day=str(later(300)), last_day=str(later(301))).content.decode()
    assert "field__error" in effect(last_day=str(AS_OF)).content.decode()
    unsold = make_product(sku="UNSOLD")
    assert "no product-location" in effect(product=unsold.sku).content.decode()
    for unready in ({"value": ""}, {"first_day": "2"}, {"product": "CAKE"}, {"kind": "x"}):
        assert effect(**unready).content.decode().strip() == ""
    assert ForecastOverride.objects.count() == 1


def test_it_filters_the_list(shop: Shop, buyer: User, admin_user: User) -> None:
    force = make(buyer, shop, reason="in force")
    past = make(buyer, shop, value=Decimal(1))
    ForecastOverride.objects.filter(pk=past.pk).update(expires_on=AS_OF)
    gone = make(admin_user, shop, product=None, value=Decimal(2))
    services.override_withdraw(override_id=gone.pk, acting_user=buyer)
    client = log_in(buyer)

    def shown(**query: Any) -> list[int]:
        return [line.override.pk for line in client.get(LIST, query).context["lines"]]

    assert shown() == [force.pk]
    assert shown(state="past") == [past.pk]
    assert shown(state="withdrawn") == [gone.pk]
    assert shown(state="all") == [gone.pk, past.pk, force.pk]
    assert shown(state="all", author=admin_user.pk) == [gone.pk]
    assert shown(state="all", category=shop.category.pk) == [past.pk, force.pk]
    assert shown(state="all", category=make_category().pk) == []
    assert shown(state="all", q="IN FORCE") == [force.pk]
    assert shown(state="all", q="cake-1") == [past.pk, force.pk]
    # A wrong value is as none.
    assert shown(state="sideways", author="x", category="y") == [force.pk]


def test_it_shows_the_value_that_overrides_added(shop: Shop, buyer: User) -> None:
    override = make(buyer, shop)
    OverrideScore.objects.create(
        override=override, as_of=later(7), periods=1, actual=40, model_error=30, override_error=5
    )
    page = log_in(buyer).get(LIST)
    assert page.context["score"].share == pytest.approx(25 / 30)
    assert "83.3%" in page.content.decode()
    assert "of 30 units of error" in page.content.decode()


def test_it_is_linked_from_the_forecasts(shop: Shop, buyer: User) -> None:
    assert f'href="{LIST}"' in log_in(buyer).get("/forecasts/").content.decode()


def test_it_lists_50_overrides_with_as_many_queries_as_1(
    shop: Shop, buyer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = log_in(buyer)
    make(buyer, shop)
    client.get(LIST)
    with django_assert_num_queries(23):
        client.get(LIST)
    for number in range(49):
        make(buyer, shop, value=Decimal(number + 100))
    with django_assert_num_queries(23):
        assert len(client.get(LIST).context["lines"]) == 50
