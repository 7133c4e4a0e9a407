"""Comments on a SKU at a location, and the timeline of what was done about it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Location, Product
from forecasting.models import ForecastOverride
from replenishment import selectors, services
from replenishment.models import Comment, PlanAction, PolicyRule, Suggestion
from replenishment.models.comments import COMMENT_LENGTH
from tests.cast import make_category, make_location, make_product, make_user
from tests.replenishment.ahead_world import make_action
from tests.replenishment.world import make_plan, make_suggestion

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def address(name: str, product: Product, location: Location) -> str:
    return reverse(f"replenishment:{name}", args=[product.pk, location.pk])


def say(client: Client, text: str, product: Product, location: Location, **more: Any) -> Any:
    return client.post(address("comment-add", product, location), {"text": text}, **more)


def kinds(product: Product, location: Location, user: User, **page: Any) -> list[str]:
    changes, _older = selectors.sku_changes(product=product, location=location, user=user, **page)
    return [change.kind for change in changes]


def test_what_is_said_is_shown_as_it_was_typed(at_work: Client, buyer: User) -> None:
    product, location = make_product(), make_location()
    answer = say(at_work, "  <b>Ask</b> 供应商\r\nfirst & last ", product, location, headers=HTMX)
    page = answer.content.decode()
    assert "&lt;b&gt;Ask&lt;/b&gt; 供应商\nfirst &amp; last" in page
    assert "<b>" not in page
    comment = Comment.objects.get()
    assert (comment.author, comment.text) == (buyer, "<b>Ask</b> 供应商\nfirst & last")
    # Of this product and location alone.
    for other in ((make_product(), location), (product, make_location())):
        assert "Ask" not in at_work.get(address("sku-changes", *other)).content.decode()


def test_it_comes_back_to_the_page_without_htmx(at_work: Client) -> None:
    product, location = make_product(), make_location()
    assert say(at_work, "x", product, location)["Location"] == address("sku", product, location)


def test_nothing_and_too_much_are_refused(at_work: Client, buyer: User) -> None:
    product, location = make_product(), make_location()
    for text in ("", " \n ", "\0", "x" * (COMMENT_LENGTH + 1)):
        answer = say(at_work, text, product, location, headers=HTMX)
        assert answer.status_code == 400
        assert answer["X-Message"]
    say(at_work, "x" * COMMENT_LENGTH, product, location)
    assert Comment.objects.get().text == "x" * COMMENT_LENGTH
    with transaction.atomic(), pytest.raises(IntegrityError):
        Comment.objects.create(product=product, location=location, author=buyer, text="")


def test_people_take_back_their_own_and_admins_any(
    client: Client, buyer: User, approver: User, admin_user: User, viewer: User
) -> None:
    product, location = make_product(), make_location()

    def delete(user: User) -> int:
        comment = Comment.objects.get()
        client.force_login(user)
        page = client.get(address("sku-changes", product, location)).content.decode()
        url = reverse("replenishment:comment-delete", args=[comment.pk])
        status = client.post(url, headers=HTMX).status_code
        # The button is there for who may.
        assert (url in page) == (status == 200)
        return status

    for author, others in ((buyer, (approver, viewer)), (approver, (buyer,))):
        services.comment_add(product=product, location=location, text="mine", acting_user=author)
        assert {delete(user) for user in others} == {403}
        assert delete(author) == 200
    services.comment_add(product=product, location=location, text="mine", acting_user=buyer)
    assert delete(admin_user) == 200
    assert not Comment.objects.exists()


def test_they_are_for_those_who_may(client: Client, viewer: User, partner_of_supplier: User) -> None:
    product, location = make_product(), make_location()
    assert client.get(address("sku-changes", product, location)).status_code == 302
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        assert client.get(address("sku-changes", product, location)).status_code == 403
        assert say(client, "x", product, location).status_code == 403
    client.force_login(viewer)
    page = client.get(address("sku-changes", product, location))
    assert page.status_code == 200
    assert "<textarea" not in page.content.decode()
    assert say(client, "x", product, location).status_code == 403
    assert not Comment.objects.exists()
    assert client.get(address("comment-add", product, location)).status_code == 405


def make_eventful(by: User) -> Suggestion:
    """One of each kind of change, the oldest first."""
    root = make_category()
    product, location = make_product(category=make_category(parent=root)), make_location()
    rule = services.rule_save(rule=PolicyRule(name="Teas", target=0.9), acting_user=by)
    plan = make_plan()
    first = make_suggestion(plan, product=product, location=location, rule=rule)
    services.suggestion_reject(suggestion_id=first.pk, reason="too dear", acting_user=by)
    days = {"first_day": plan.as_of + timedelta(days=1), "last_day": plan.as_of + timedelta(days=9)}
    override = ForecastOverride.objects.create(
        category=root, kind="percent", value=20, reason="fair", created_by=by, expires_on=plan.as_of, **days
    )
    override.withdrawn_by, override.withdrawn_at = by, timezone.now()
    override.save()
    make_action(plan, product=product, location=location, state=PlanAction.State.DISMISSED, comment="keep it")
    PlanAction.objects.update(decided_by=by, decided_at=timezone.now())
    second = make_suggestion(make_plan(), product=product, location=location)
    services.suggestion_edit(
        suggestion_id=second.pk,
        quantity=30.0,
        reason="festival",
        acting_user=by,
        seen_plan_run_id=second.plan_run_id,
    )
    [order] = services.drafts_create(suggestion_ids=[second.pk], acting_user=by)
    services.order_line_set(line_id=order.lines.get().pk, quantity=Decimal(36), acting_user=by)
    services.comment_add(product=product, location=location, text="done", acting_user=by)
    return second


def test_it_tells_all_that_was_done_the_latest_first(at_work: Client, buyer: User) -> None:
    suggestion = make_eventful(buyer)
    product, location = suggestion.product, suggestion.location
    found = kinds(product, location, buyer)
    assert found == [
        "comment", "order", "order", "act", "action", "withdrawn", "override", "act", "rule",
    ]  # fmt: skip
    page = at_work.get(address("sku-changes", product, location)).content.decode()
    for text in ("done", "festival", "24 → 30", "30 → 36", "keep it", "fair", "too dear", "Teas", "buyer"):
        assert text in page, text
    # Nothing of it is another product's.
    assert kinds(make_product(), location, buyer) == []
    chinese = at_work.get(
        address("sku-changes", product, location), headers={"Accept-Language": "zh-hans"}
    ).content.decode()
    assert "预测" in chinese


def test_it_shows_only_what_its_reader_may_see(buyer: User) -> None:
    suggestion = make_eventful(buyer)
    assert kinds(suggestion.product, suggestion.location, make_user("nobody")) == []


def test_it_pages_without_a_gap_or_a_repeat_at_the_same_price(at_work: Client, buyer: User) -> None:
    suggestion = make_eventful(buyer)
    product, location = suggestion.product, suggestion.location
    with CaptureQueriesContext(connection) as few:
        at_work.get(address("sku-changes", product, location))
    for number in range(45):
        services.comment_add(product=product, location=location, text=f"no. {number}", acting_user=buyer)
    seen: list[Any] = []
    for page, older in ((1, True), (2, True), (3, False)):
        changes, more = selectors.sku_changes(product=product, location=location, user=buyer, page=page)
        assert more is older
        seen += [(change.kind, change.row.pk) for change in changes]
    assert len(seen) == len(set(seen)) == 45 + 9
    with CaptureQueriesContext(connection) as many:
        answer = at_work.get(address("sku-changes", product, location), {"page": "3"})
    assert len(many) == len(few)
    # A later page is rows alone: they take the place of the button.
    assert answer.content.decode().count("<li") == 14
    assert "<form" not in answer.content.decode()
    for asked in ("0", "x", "99999", "-1"):
        assert at_work.get(address("sku-changes", product, location), {"page": asked}).status_code == 200


def test_the_api_says_and_takes_back(buyer: User, approver: User) -> None:
    from tests.site.api_world import client_of

    product, location = make_product(), make_location()
    url = reverse("api:comment-list")
    body = {"sku": product.sku, "location": location.code, "text": " Call <them> "}
    made = client_of(buyer).post(url, body)
    assert (made.status_code, made.json()["text"], made.json()["author"]) == (201, "Call <them>", "buyer")
    for text in ("", "  ", "x" * (COMMENT_LENGTH + 1)):
        assert client_of(buyer).post(url, body | {"text": text}).status_code == 400
    assert client_of(buyer).post(url, body | {"sku": "none"}).status_code == 400
    for query, count in (({"sku": product.sku}, 1), ({"location": "none"}, 0), ({"author": "buyer"}, 1)):
        assert len(client_of(approver).get(url, query).json()["results"]) == count
    detail = reverse("api:comment-detail", args=[made.json()["id"]])
    assert client_of(approver).delete(detail).status_code == 403
    assert client_of(buyer).delete(detail).status_code == 204
