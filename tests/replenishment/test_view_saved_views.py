"""Views of the workbench that people keep and share."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from replenishment import services
from replenishment.models import SavedView
from replenishment.services import saved_views
from tests.cast import make_user
from tests.replenishment.world import make_plan, make_suggestion

pytestmark = pytest.mark.django_db
WORKBENCH = reverse("replenishment:workbench")
SAVE = reverse("replenishment:view-save")


def at_work(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def keep(client: Client, name: str, query: str, **values: Any) -> Any:
    return client.post(SAVE, {"name": name, "query": query} | values)


def test_it_keeps_filters_tab_and_order_and_nothing_else(buyer: User) -> None:
    make_suggestion(make_plan(), abc="A", order_quantity=0.0)
    answer = keep(at_work(buyer), "  My  A items ", "abc=A&state=waiting&sort=-value&page=7&evil=1&q=")
    view = SavedView.objects.get()
    assert (view.name, view.query, view.is_shared) == ("My A items", "abc=A&state=waiting&sort=-value", False)
    assert answer.url == f"{WORKBENCH}?{view.query}"
    page = at_work(buyer).get(answer.url)
    assert len(page.context["page"].object_list) == 1
    assert 'aria-current="true">My A items' in page.content.decode()


def test_a_view_of_the_same_name_is_replaced(buyer: User) -> None:
    client = at_work(buyer)
    keep(client, "Mine", "abc=A")
    keep(client, "Mine", "abc=B")
    assert [view.query for view in SavedView.objects.all()] == ["abc=B"]


def test_others_see_what_is_shared_and_only_that(buyer: User, viewer: User) -> None:
    make_plan()
    keep(at_work(buyer), "Private", "abc=A")
    keep(at_work(buyer), "For all", "abc=B", is_shared="on")
    page = at_work(viewer).get(WORKBENCH).content.decode()
    assert "For all" in page
    assert "Private" not in page
    private, shared = SavedView.objects.get(name="Private"), SavedView.objects.get(name="For all")
    delete = [reverse("replenishment:view-delete", args=[view.pk]) for view in (private, shared)]
    assert at_work(viewer).post(delete[0]).status_code == 404
    assert at_work(viewer).post(delete[1]).status_code == 403
    assert SavedView.objects.count() == 2


def test_who_only_looks_keeps_nothing(viewer: User, approver: User) -> None:
    for user in (viewer, approver):
        assert keep(at_work(user), "Mine", "abc=A").status_code == 403
    assert not SavedView.objects.exists()


def test_sharing_needs_its_own_permission(buyer: User) -> None:
    other = make_user("other")
    for codename in ("view_suggestion", "add_savedview"):
        other.user_permissions.add(Permission.objects.get(codename=codename))
    assert keep(at_work(other), "Mine", "abc=A").status_code == 302
    assert keep(at_work(other), "For all", "abc=A", is_shared="on").status_code == 403
    assert [view.name for view in SavedView.objects.all()] == ["Mine"]


def test_the_owner_and_the_admin_delete(buyer: User, admin_user: User) -> None:
    for user in (buyer, admin_user):
        keep(at_work(buyer), "For all", "abc=A", is_shared="on")
        view = SavedView.objects.get()
        assert at_work(user).post(reverse("replenishment:view-delete", args=[view.pk])).status_code == 302
        assert not SavedView.objects.exists()


def test_a_partner_keeps_nothing(partner_of_supplier: User) -> None:
    assert keep(at_work(partner_of_supplier), "Mine", "abc=A").status_code == 403


@pytest.mark.parametrize(("name", "word"), [("", "required"), ("   ", "required"), ("x" * 61, "60")])
def test_a_name_that_is_none_is_refused_in_words(buyer: User, name: str, word: str) -> None:
    make_plan()
    client = at_work(buyer)
    page = client.post(SAVE, {"name": name, "query": "abc=A"}, follow=True).content.decode()
    assert word in page
    assert not SavedView.objects.exists()


def test_nobody_keeps_more_than_a_list_can_hold(buyer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    for name in ("One", "Two", "Two"):
        services.view_save(name=name, query="", is_shared=False, acting_user=buyer)
    with pytest.raises(services.SettingError, match="2 views"):
        services.view_save(name="Three", query="", is_shared=False, acting_user=buyer)


def test_the_database_refuses_a_name_twice(buyer: User) -> None:
    SavedView.objects.create(owner=buyer, name="Mine")
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedView.objects.create(owner=buyer, name="Mine")
    SavedView.objects.create(owner=make_user("other", "Buyer"), name="Mine")


def test_the_workbench_costs_the_same_queries_with_many_views(buyer: User) -> None:
    make_plan()
    client, counts = at_work(buyer), []
    for count in (1, 10):
        SavedView.objects.bulk_create(
            SavedView(owner=buyer, name=f"{count}-{n}", query="abc=A") for n in range(count)
        )
        client.get(WORKBENCH)
        with CaptureQueriesContext(connection) as seen:
            client.get(WORKBENCH)
        counts.append(len(seen))
    assert counts[0] == counts[1]
