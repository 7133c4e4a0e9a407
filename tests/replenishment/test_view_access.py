"""Who may open the buyer's pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.defaults import server_error

from tests.cast import make_user
from tests.replenishment.replay_world import make_replay
from tests.replenishment.world import make_order, make_plan, make_suggestion

pytestmark = pytest.mark.django_db


def pages(buyer: User) -> dict[str, str]:
    order = make_order(buyer)
    suggestion = make_suggestion(make_plan())
    replay = make_replay()
    place = [suggestion.product_id, suggestion.location_id]
    return {
        "home": reverse("replenishment:home"),
        "workbench": reverse("replenishment:workbench"),
        "explain": reverse("replenishment:suggestion-explain", args=[suggestion.pk]),
        "menu": reverse("replenishment:suggestion-menu", args=[suggestion.pk]),
        "sku": reverse("replenishment:sku", args=place),
        **{
            f"sku-{part}": reverse(f"replenishment:sku-{part}", args=place)
            for part in ("chart", "numbers", "projected", "suppliers", "what-if", "changes")
        },
        "orders": reverse("replenishment:order-list"),
        "order": reverse("replenishment:order-detail", args=[order.pk]),
        "exceptions": reverse("replenishment:exception-list"),
        "plans": reverse("replenishment:plan-list"),
        "plan": reverse("replenishment:plan-detail", args=[suggestion.plan_run_id]),
        "rules": reverse("replenishment:rule-list"),
        "budgets": reverse("replenishment:budget-list"),
        "what-if": reverse("replenishment:what-if"),
        "what-if-chart": reverse("replenishment:what-if-chart", args=["service"]),
        "replays": reverse("replenishment:replay-list"),
        "replay": reverse("replenishment:replay-detail", args=[replay.pk]),
        "replay-chart": reverse("replenishment:replay-chart", args=[replay.pk, "costs"]),
    }


def posts(buyer: User) -> dict[str, str]:
    order = make_order(buyer)
    line = order.lines.get(product=order.lines.all()[0].product)
    suggestion = make_suggestion(make_plan())
    return {
        "plan-start": reverse("replenishment:plan-start"),
        "replay-start": reverse("replenishment:replay-start"),
        "drafts": reverse("replenishment:workbench-drafts"),
        "edit": reverse("replenishment:suggestion-edit", args=[suggestion.pk]),
        "reject": reverse("replenishment:suggestion-reject", args=[suggestion.pk]),
        "reopen": reverse("replenishment:suggestion-reopen", args=[suggestion.pk]),
        "receive": reverse("replenishment:order-receive", args=[order.pk]),
        "line-set": reverse("replenishment:order-line-set", args=[line.pk]),
        "line-remove": reverse("replenishment:order-line-remove", args=[line.pk]),
    }


def test_it_sends_strangers_to_the_log_in_page(client: Client, buyer: User) -> None:
    for name, address in pages(buyer).items():
        answer = client.get(address)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/accounts/login/"), name


def test_it_shows_every_page_to_a_buyer_and_a_viewer(client: Client, buyer: User, viewer: User) -> None:
    for user in (buyer, viewer):
        client.force_login(user)
        for name, address in pages(buyer).items():
            assert client.get(address).status_code == 200, (user, name)


def test_it_refuses_partners_and_people_without_permission(
    client: Client, buyer: User, partner_of_supplier: User, partner_of_channel: User
) -> None:
    for user in (partner_of_supplier, partner_of_channel, make_user("nobody")):
        client.force_login(user)
        for name, address in pages(buyer).items():
            assert client.get(address).status_code == 403, (user, name)
        for name, address in posts(buyer).items():
            assert client.post(address).status_code == 403, (user, name)


def test_it_refuses_a_partner_even_with_a_buyers_permissions(client: Client, buyer: User) -> None:
    from catalog.models import PartnerAccount
    from tests.cast import make_supplier

    user = make_user("two-hats", "Buyer")
    PartnerAccount.objects.create(user=user, supplier=make_supplier())
    client.force_login(user)
    for name, address in pages(buyer).items():
        assert client.get(address).status_code == 403, name


def test_it_lets_a_viewer_change_nothing(client: Client, buyer: User, viewer: User) -> None:
    client.force_login(viewer)
    for name, address in posts(buyer).items():
        assert client.post(address).status_code == 403, name
    order = make_order(buyer)
    for action in ("submit", "approve", "send", "close", "cancel", "return"):
        answer = client.post(reverse("replenishment:order-act", args=[order.pk, action]))
        assert answer.status_code == 403, action


def test_it_takes_no_get_where_something_changes(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    for name, address in posts(buyer).items():
        assert client.get(address).status_code == 405, name


def test_it_shows_only_what_the_user_may_open(client: Client, buyer: User, partner_of_supplier: User) -> None:
    client.force_login(buyer)
    page = client.get(reverse("replenishment:home")).content.decode()
    assert reverse("replenishment:workbench") in page
    assert 'href="/admin/"' not in page
    client.force_login(partner_of_supplier)
    refusal = client.get(reverse("replenishment:home")).content.decode()
    assert reverse("replenishment:workbench") not in refusal


def test_it_shows_a_page_of_its_own_after_too_many_wrong_passwords(
    client: Client, buyer: User, settings: Any
) -> None:
    settings.AXES_ENABLED = True
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(reverse("login"), {"username": buyer.username, "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_it_says_sorry_without_asking_the_database(rf: RequestFactory) -> None:
    answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()


def test_it_lets_a_stranger_choose_a_language(client: Client) -> None:
    answer = client.post(reverse("set_language"), {"language": "zh-hans", "next": reverse("login")})
    assert (answer.status_code, answer["Location"]) == (302, reverse("login"))
    assert 'lang="zh-hans"' in client.get(reverse("login")).content.decode()
