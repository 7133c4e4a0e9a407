"""Every endpoint x every role x every method. A new endpoint without an expectation fails here."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from catalog.selectors import today
from inventory_site.api.urls import router
from inventory_site.api.urls import urlpatterns as api_patterns
from tests.cast import PASSWORD, make_user
from tests.site.api_world import DAY, World, client_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROLES = ("superuser", "admin", "buyer", "approver", "viewer", "supplier", "channel")
READ = ("superuser", "admin", "buyer", "approver", "viewer")
BUY = ("superuser", "admin", "buyer")
ADMINISTER = ("superuser", "admin")


@dataclass(frozen=True)
class Expect:
    """Who may call it, with what answer; everybody else gets 403, nobody 401, unless `others` says more."""

    roles: tuple[str, ...]
    status: int = 200
    args: Callable[[World], dict[str, Any]] = lambda world: {}
    body: Callable[[World], dict[str, Any]] | None = None
    form: str = "json"
    others: dict[str, int] = field(default_factory=dict)


def rows(**values: Any) -> Callable[[World], dict[str, Any]]:
    def body(world: World) -> dict[str, Any]:
        keys = {"sku": world.product.sku, "location": world.own_location.code, "day": str(DAY)}
        return {"rows": [keys | values]}

    return body


def row(**values: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"rows": [values]}


def pk(name: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"pk": getattr(world, name).pk}


def upload(world: World) -> dict[str, Any]:
    return {"kind": "category", "file": SimpleUploadedFile("c.csv", b"code,name\nC9,Nine\n")}


def event(world: World) -> dict[str, Any]:
    keys = {"sku": world.product.sku, "location": world.location.code}
    return keys | {"number": "9", "kind": "view", "occurred_at": timezone.now().isoformat()}


def photo(world: World) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return {"sku": world.product.sku, "file": SimpleUploadedFile("p.png", out.getvalue())}


def receipt(world: World) -> dict[str, Any]:
    line = world.sent.lines.first()
    assert line is not None
    return {"key": "k1", "received_on": str(DAY), "lines": [{"line": line.pk, "quantity": "4"}]}


def line(order: str) -> Callable[[World], dict[str, Any]]:
    def args(world: World) -> dict[str, Any]:
        found = getattr(world, order).lines.first()
        return {"pk": getattr(world, order).pk, "line_id": found.pk}

    return args


def look_alike(world: World) -> dict[str, Any]:
    return {"sku": world.product.sku, "neighbour": world.other_product.sku, "choice": "removed"}


def override(**values: Any) -> Callable[[World], dict[str, Any]]:
    def body(world: World) -> dict[str, Any]:
        week = {"first_day": str(DAY + timedelta(days=1)), "last_day": str(DAY + timedelta(days=7))}
        return {"kind": "percent", "value": "20", "reason": "fair"} | week | values

    return body


TERMS = {"supplier": "S9", "sku": "P9", "unit_cost": 1, "currency": "USD"}
EXPECTED: dict[tuple[str, str], Expect] = {
    ("category-list", "GET"): Expect(READ),
    ("category-list", "POST"): Expect(BUY, body=row(code="C9", name="Nine")),
    ("category-detail", "GET"): Expect(READ, args=pk("category")),
    ("product-list", "GET"): Expect((*READ, "supplier")),
    ("product-list", "POST"): Expect(BUY, body=row(sku="P9", name="Nine")),
    ("product-detail", "GET"): Expect((*READ, "supplier"), args=pk("product")),
    ("location-list", "GET"): Expect((*READ, "channel")),
    ("location-list", "POST"): Expect(BUY, body=row(code="L9", name="Nine", currency="USD")),
    ("location-detail", "GET"): Expect((*READ, "channel"), args=pk("own_location")),
    ("kit-component-list", "GET"): Expect(READ),
    ("kit-component-list", "POST"): Expect(
        BUY,
        body=lambda world: {
            "rows": [{"kit": world.product.sku, "component": world.other_product.sku, "quantity": 2}]
        },
    ),
    ("kit-component-detail", "GET"): Expect(READ, args=pk("kit_component")),
    ("transfer-lane-list", "GET"): Expect(READ),
    ("transfer-lane-list", "POST"): Expect(
        BUY,
        body=lambda world: {
            "rows": [
                {"source": world.location.code, "destination": world.own_location.code, "is_supply": True}
            ]
        },
    ),
    ("transfer-lane-detail", "GET"): Expect(READ, args=pk("lane")),
    ("supplier-list", "GET"): Expect((*READ, "supplier")),
    ("supplier-list", "POST"): Expect(BUY, body=row(code="S9", name="Nine", currency="USD")),
    ("supplier-detail", "GET"): Expect((*READ, "supplier"), args=pk("own_supplier")),
    ("supplier-closure-list", "GET"): Expect((*READ, "supplier")),
    ("supplier-closure-list", "POST"): Expect(
        BUY,
        body=lambda world: {
            "rows": [{"supplier": world.supplier.code, "first_day": str(DAY), "last_day": str(DAY)}]
        },
    ),
    ("supplier-closure-detail", "GET"): Expect((*READ, "supplier"), args=pk("own_closure")),
    ("supply-terms-list", "GET"): Expect((*READ, "supplier")),
    ("supply-terms-list", "POST"): Expect(
        BUY,
        body=lambda world: {"rows": [TERMS | {"supplier": world.supplier.code, "sku": world.product.sku}]},
    ),
    ("supply-terms-detail", "GET"): Expect((*READ, "supplier"), args=pk("own_terms")),
    ("sales-list", "GET"): Expect((*READ, "channel")),
    ("sales-list", "POST"): Expect((*BUY, "channel"), body=rows(quantity=4)),
    ("stock-list", "GET"): Expect((*READ, "channel")),
    ("stock-list", "POST"): Expect((*BUY, "channel"), body=rows(on_hand=4)),
    ("price-list", "GET"): Expect((*READ, "channel")),
    ("price-list", "POST"): Expect(BUY, body=rows(price=4)),
    ("review-list", "GET"): Expect(READ),
    ("review-list", "POST"): Expect(
        BUY,
        body=lambda world: {
            "rows": [{"number": "9", "sku": world.product.sku, "day": str(DAY), "rating": 4, "text": "- ok"}]
        },
    ),
    ("review-detail", "GET"): Expect(READ, args=pk("review")),
    ("behaviour-list", "GET"): Expect(READ),
    ("behaviour-list", "POST"): Expect(BUY, body=rows(views=4)),
    ("behaviour-reading-list", "GET"): Expect(READ),
    ("behaviour-reading-detail", "GET"): Expect(READ, args=pk("behaviour_reading")),
    ("shopper-event-list", "GET"): Expect(READ),
    ("shopper-event-list", "POST"): Expect(BUY, 202, body=event),
    ("indicator-list", "GET"): Expect(READ),
    ("indicator-list", "POST"): Expect(BUY, body=row(code="I9", name="Nine")),
    ("indicator-detail", "GET"): Expect(READ, args=pk("indicator")),
    ("indicator-value-list", "GET"): Expect(READ),
    ("indicator-value-list", "POST"): Expect(
        BUY, body=row(indicator="of-the-world", day=str(DAY), value=2.5)
    ),
    ("indicator-value-detail", "GET"): Expect(READ, args=pk("indicator_value")),
    ("product-image-list", "GET"): Expect((*READ, "supplier")),
    ("product-image-list", "POST"): Expect(BUY, 201, body=photo, form="multipart"),
    ("product-image-detail", "GET"): Expect((*READ, "supplier"), args=pk("image")),
    # The world's photo has no files.
    ("product-image-file", "GET"): Expect((*READ, "supplier"), 404, args=pk("image")),
    ("product-image-detail", "DELETE"): Expect(BUY, 204, args=pk("image")),
    ("category-suggestion-list", "GET"): Expect(READ),
    ("category-suggestion-detail", "GET"): Expect(READ, args=pk("category_suggestion")),
    ("category-suggestion-accept", "POST"): Expect(BUY, args=pk("category_suggestion")),
    ("category-suggestion-dismiss", "POST"): Expect(BUY, args=pk("category_suggestion")),
    ("import-list", "GET"): Expect(READ),
    ("import-list", "POST"): Expect(BUY, 202, body=upload, form="multipart"),
    ("import-detail", "GET"): Expect(READ, args=pk("batch")),
    # The world's import refused no row.
    ("import-rejected", "GET"): Expect(READ, 404, args=pk("batch")),
    ("import-take-back", "POST"): Expect(BUY, args=pk("batch")),
    ("forecast-run-list", "GET"): Expect(READ),
    ("forecast-run-list", "POST"): Expect(BUY, 202, body=lambda world: {"as_of": str(DAY)}),
    ("forecast-run-detail", "GET"): Expect(READ, args=pk("run")),
    ("forecast-alarm-list", "GET"): Expect(READ),
    ("forecast-alarm-detail", "GET"): Expect(READ, args=pk("alarm")),
    ("product-voice-list", "GET"): Expect(READ),
    ("product-voice-detail", "GET"): Expect(READ, args=pk("voice")),
    ("trend-list", "GET"): Expect(READ),
    ("signal-trial-list", "GET"): Expect(READ),
    ("signal-trial-list", "POST"): Expect(ADMINISTER, 202, body=lambda world: {"as_of": str(DAY)}),
    ("signal-trial-detail", "GET"): Expect(READ, args=pk("trial")),
    ("forecast-override-list", "GET"): Expect(READ),
    ("forecast-override-list", "POST"): Expect(BUY, 201, body=override()),
    ("forecast-override-detail", "GET"): Expect(READ, args=pk("override")),
    ("forecast-override-withdraw", "POST"): Expect(BUY, args=pk("override")),
    ("look-alike-list", "GET"): Expect(READ),
    ("look-alike-list", "POST"): Expect(BUY, 201, body=look_alike),
    ("look-alike-detail", "GET"): Expect(READ, args=pk("look_alike")),
    ("forecast-list", "GET"): Expect(READ),
    ("forecast-detail", "GET"): Expect(READ, args=pk("forecast")),
    ("plan-run-list", "GET"): Expect(READ),
    ("plan-run-list", "POST"): Expect(BUY, 202, body=lambda world: {"target": 0.9}),
    ("plan-run-detail", "GET"): Expect(READ, args=pk("plan")),
    ("transfer-list", "GET"): Expect(READ),
    ("transfer-detail", "GET"): Expect(READ, args=pk("transfer")),
    ("transfer-make-drafts", "POST"): Expect(BUY, body=lambda world: {"transfers": [world.transfer.pk]}),
    ("comment-list", "GET"): Expect(READ),
    ("comment-list", "POST"): Expect(
        (*BUY, "approver"),
        201,
        body=lambda world: {
            "sku": world.product.sku,
            "location": world.location.code,
            "text": "Ask them first.",
        },
    ),
    ("comment-detail", "GET"): Expect(READ, args=pk("comment")),
    ("comment-detail", "DELETE"): Expect(BUY, 204, args=pk("comment")),
    ("policy-rule-list", "GET"): Expect(READ),
    ("policy-rule-list", "POST"): Expect(BUY, 201, body=lambda world: {"name": "new", "target": 0.9}),
    ("policy-rule-detail", "GET"): Expect(READ, args=pk("rule")),
    ("policy-rule-detail", "PATCH"): Expect(BUY, args=pk("rule"), body=lambda world: {"target": 0.9}),
    ("policy-rule-detail", "DELETE"): Expect(BUY, 204, args=pk("rule")),
    ("budget-list", "GET"): Expect(READ),
    ("budget-list", "POST"): Expect(
        ADMINISTER,
        201,
        body=lambda world: {"name": "new", "amount": "5", "first_day": str(DAY), "last_day": str(DAY)},
    ),
    ("budget-detail", "GET"): Expect(READ, args=pk("budget")),
    ("budget-detail", "PATCH"): Expect(ADMINISTER, args=pk("budget"), body=lambda world: {"amount": "9"}),
    ("budget-detail", "DELETE"): Expect(ADMINISTER, 204, args=pk("budget")),
    ("replay-list", "GET"): Expect(READ),
    ("replay-list", "POST"): Expect(
        BUY, 202, body=lambda world: {"policies": ["minmax"], "location": world.location.code}
    ),
    ("replay-detail", "GET"): Expect(READ, args=pk("replay")),
    ("edit-score-list", "GET"): Expect(READ),
    ("edit-score-detail", "GET"): Expect(READ, args=pk("edit_score")),
    ("edit-score-totals", "GET"): Expect(READ),
    ("suggestion-list", "GET"): Expect(READ),
    ("suggestion-detail", "GET"): Expect(READ, args=pk("suggestion")),
    ("suggestion-supply-options", "GET"): Expect(READ, args=pk("suggestion")),
    ("suggestion-detail", "PATCH"): Expect(
        BUY, args=pk("suggestion"), body=lambda world: {"quantity": "5", "reason": "fair"}
    ),
    ("suggestion-reject", "POST"): Expect(
        BUY, args=pk("suggestion"), body=lambda world: {"reason": "no room"}
    ),
    ("suggestion-reopen", "POST"): Expect(BUY, args=pk("rejected")),
    ("suggestion-make-drafts", "POST"): Expect(
        BUY, body=lambda world: {"suggestions": [world.suggestion.pk]}
    ),
    ("suggestion-bulk", "POST"): Expect(
        BUY, body=lambda world: {"kind": "scale", "percent": 10, "plan_run": world.plan.pk}
    ),
    ("suggestion-paste", "POST"): Expect(
        BUY,
        body=lambda world: {
            "rows": [
                {"sku": world.product.sku, "location": world.location.code, "quantity": "7"},
                {"sku": world.product.sku, "location": world.location.code, "quantity": None},
            ][:1],
            "plan_run": world.plan.pk,
        },
    ),
    ("bulk-act-list", "GET"): Expect(READ),
    ("bulk-act-detail", "GET"): Expect(READ, args=pk("bulk_act")),
    # The world's change is the buyer's own; administrators may undo anybody's.
    ("suggestion-undo", "POST"): Expect(BUY, args=lambda world: {"change_id": world.change.pk}),
    ("suggestion-snooze", "POST"): Expect(
        BUY, args=pk("suggestion"), body=lambda world: {"until": "2199-01-01", "reason": "late"}
    ),
    ("suggestion-wake", "POST"): Expect(BUY, args=pk("asleep")),
    ("suggestion-supplier", "POST"): Expect(
        BUY, args=pk("moved"), body=lambda world: {"supplier": None, "plan_run": world.plan.pk}
    ),
    ("suggestion-dated-plan", "GET"): Expect(READ, args=pk("suggestion")),
    ("plan-action-list", "GET"): Expect(READ),
    ("plan-action-detail", "GET"): Expect(READ, args=pk("action")),
    ("plan-action-carry-out", "POST"): Expect(BUY, args=pk("action")),
    ("plan-action-done", "POST"): Expect(
        BUY, args=pk("action"), body=lambda world: {"comment": "they agreed"}
    ),
    ("plan-action-dismiss", "POST"): Expect(BUY, args=pk("action"), body=lambda world: {"comment": "season"}),
    ("plan-action-reopen", "POST"): Expect(BUY, args=pk("dismissed")),
    ("exception-list", "GET"): Expect(READ),
    ("exception-detail", "GET"): Expect(READ, args=pk("exception")),
    ("exception-assign", "POST"): Expect(BUY, args=pk("exception"), body=lambda world: {"owner": "buyer"}),
    ("exception-snooze", "POST"): Expect(
        BUY, args=pk("exception"), body=lambda world: {"until": str(today() + timedelta(days=7))}
    ),
    ("exception-close", "POST"): Expect(BUY, args=pk("exception"), body=lambda world: {"comment": "known"}),
    ("exception-reopen", "POST"): Expect(BUY, args=pk("exception")),
    # The world's plan was made by hand and kept no items.
    ("what-if-list", "POST"): Expect(READ, 400, body=lambda world: {"target": 0.9}),
    ("purchase-order-list", "GET"): Expect((*READ, "supplier")),
    ("purchase-order-detail", "GET"): Expect((*READ, "supplier"), args=pk("sent")),
    ("purchase-order-submit", "POST"): Expect(BUY, args=pk("draft")),
    # The superuser of the tests has no approval limit.
    ("purchase-order-approve", "POST"): Expect(("admin", "approver"), args=pk("submitted")),
    ("purchase-order-approve-part", "POST"): Expect(
        ("admin", "approver"),
        args=pk("submitted"),
        body=lambda world: {"lines": [world.submitted.lines.order_by("pk")[0].pk], "comment": "half"},
    ),
    ("purchase-order-approve-many", "POST"): Expect(
        ("superuser", "admin", "approver"), body=lambda world: {"orders": [world.submitted.pk]}
    ),
    ("purchase-order-return-to-draft", "POST"): Expect(
        ("superuser", "admin", "approver"), args=pk("submitted"), body=lambda world: {"comment": "half"}
    ),
    ("purchase-order-send", "POST"): Expect(BUY, args=pk("approved")),
    ("purchase-order-receive", "POST"): Expect(BUY, args=pk("sent"), body=receipt),
    ("purchase-order-close", "POST"): Expect(BUY, args=pk("sent")),
    ("purchase-order-cancel", "POST"): Expect(BUY, args=pk("draft")),
    ("purchase-order-line", "PATCH"): Expect(BUY, args=line("draft"), body=lambda world: {"quantity": "7"}),
    ("purchase-order-line", "DELETE"): Expect(BUY, 204, args=line("draft")),
    ("token-list", "GET"): Expect(ROLES),
    # A token is made with a password, whoever else asks.
    ("token-list", "POST"): Expect(
        (*ROLES, "nobody"), 201, body=lambda world: {"username": "buyer", "password": PASSWORD}
    ),
    ("token-detail", "DELETE"): Expect(
        (), args=lambda world: {"id": "0" * 15}, others=dict.fromkeys(ROLES, 404)
    ),
}
# Not made by the router: what they are is public.
PUBLIC = {"schema", "docs", "missing"}


def routes() -> Iterator[tuple[str, dict[str, str]]]:
    """Name and method -> action of every address that the router made."""
    pattern: Any
    for pattern in router.urls:
        actions = {method.upper(): action for method, action in pattern.callback.actions.items()}
        actions.pop("HEAD", None)  # GET without its body
        yield str(pattern.name), actions


@pytest.fixture
def callers(
    superuser: User,
    admin_user: User,
    buyer: User,
    approver: User,
    viewer: User,
    partner_of_supplier: User,
    partner_of_channel: User,
) -> dict[str, User | None]:
    return {
        "superuser": superuser,
        "admin": admin_user,
        "buyer": buyer,
        "approver": approver,
        "viewer": viewer,
        "supplier": partner_of_supplier,
        "channel": partner_of_channel,
        "nobody": None,
    }


@pytest.fixture
def world(callers: dict[str, User | None]) -> World:
    people: dict[str, Any] = callers
    return World(
        buyer=people["buyer"],
        approver=people["approver"],
        own_supplier=people["supplier"].partner.supplier,
        own_location=people["channel"].partner.location,
    )


def call(client: APIClient, method: str, url: str, body: dict[str, Any] | None, form: str = "json") -> int:
    """The status of one call, whose writes are undone and which no throttle remembers."""
    cache.clear()
    with transaction.atomic():
        response = getattr(client, method.lower())(url, *([body] if body is not None else []), format=form)
        transaction.set_rollback(True)
    return int(response.status_code)


def test_it_expects_something_of_every_endpoint() -> None:
    made = {(name, method) for name, actions in routes() for method in actions}
    assert made == set(EXPECTED)
    own = {str(p.name) for p in api_patterns if isinstance(p, URLPattern)}
    assert own == PUBLIC
    assert sum(isinstance(p, URLResolver) for p in api_patterns) == 1


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_it_lets_each_role_do_its_part_and_no_more(
    role: str, world: World, callers: dict[str, User | None]
) -> None:
    client = client_of(callers[role])
    found, wanted = {}, {}
    for (name, method), expect in EXPECTED.items():
        url = reverse(f"api:{name}", kwargs=expect.args(world))
        body = expect.body(world) if expect.body else None
        found[name, method] = call(client, method, url, body, expect.form)
        refused = 401 if role == "nobody" else 403
        wanted[name, method] = expect.status if role in expect.roles else expect.others.get(role, refused)
    assert found == wanted


def test_it_answers_405_to_methods_that_an_endpoint_has_not(
    world: World, callers: dict[str, User | None]
) -> None:
    methods: dict[str, set[str]] = {}
    for name, actions in routes():
        methods.setdefault(name, set()).update(actions)
    client = client_of(callers["superuser"])
    found = {}
    for name, own in methods.items():
        expect = next(expect for (known, _), expect in EXPECTED.items() if known == name)
        url = reverse(f"api:{name}", kwargs=expect.args(world))
        for method in {*METHODS, "OPTIONS"} - own:
            found[name, method] = call(client, method, url, {} if method != "GET" else None)
    assert found == dict.fromkeys(found, 405)


def test_it_needs_each_permission_of_an_action_that_needs_several(world: World) -> None:
    """Bands of a dated plan are the forecast's: suggestions alone are not enough, nor forecasts."""
    url = reverse("api:suggestion-dated-plan", kwargs={"pk": world.suggestion.pk})
    both = Permission.objects.filter(codename__in=["view_suggestion", "view_forecastdistribution"])
    assert len(both) == 2
    for number, permission in enumerate(both):
        user = make_user(f"half-{number}")
        user.user_permissions.add(permission)
        assert call(client_of(user), "GET", url, None) == 403
    user = make_user("whole")
    user.user_permissions.set(both)
    assert call(client_of(user), "GET", url, None) == 200


def test_it_hides_from_partners_what_is_somebody_elses(world: World, callers: dict[str, User | None]) -> None:
    def seen(role: str, name: str, **args: Any) -> int:
        return call(client_of(callers[role]), "GET", reverse(f"api:{name}", kwargs=args), None)

    assert seen("supplier", "product-detail", pk=world.other_product.pk) == 404
    assert seen("supplier", "supplier-detail", pk=world.supplier.pk) == 404
    assert seen("supplier", "supply-terms-detail", pk=world.terms.pk) == 404
    assert seen("supplier", "purchase-order-detail", pk=world.foreign.pk) == 404
    assert seen("supplier", "purchase-order-detail", pk=world.draft.pk) == 404
    assert seen("channel", "location-detail", pk=world.location.pk) == 404


def test_it_lists_for_partners_their_own_rows_alone(world: World, callers: dict[str, User | None]) -> None:
    def listed(role: str, name: str, column: str) -> list[Any]:
        response = client_of(callers[role]).get(reverse(f"api:{name}"))
        return [result[column] for result in response.json()["results"]]

    assert listed("supplier", "product-list", "sku") == [world.product.sku]
    assert listed("supplier", "supplier-list", "code") == [world.own_supplier.code]
    assert listed("supplier", "supply-terms-list", "id") == [world.own_terms.pk]
    assert listed("supplier", "purchase-order-list", "number") == [world.sent.number]
    assert listed("channel", "location-list", "code") == [world.own_location.code]
    for name in ("sales-list", "stock-list", "price-list"):
        assert listed("channel", name, "location") == [world.own_location.code]
        assert len(listed("viewer", name, "location")) == 2


def test_it_shows_a_supplier_nothing_of_how_the_shop_came_to_an_order(
    world: World, callers: dict[str, User | None]
) -> None:
    response = client_of(callers["supplier"]).get(
        reverse("api:purchase-order-detail", kwargs={"pk": world.sent.pk})
    )
    order = response.json()
    assert order["value"] == "75.00"
    hidden = {"home_value", "created_by", "approved_by", "submitted_by", "plan_run", "events"}
    assert not hidden & set(order)
    assert not {"suggested_quantity", "suggestion"} & set(order["lines"][0])


@pytest.mark.parametrize(
    ("name", "own", "hidden"),
    [
        ("supplier", "own_supplier", {"order_cost", "administrative_days", "joint_review"}),
        ("supply-terms", "own_terms", {"freight_cost", "duty_rate"}),
    ],
)
def test_it_shows_a_supplier_nothing_of_what_the_shop_plans_with(
    world: World, callers: dict[str, User | None], name: str, own: str, hidden: set[str]
) -> None:
    key = getattr(world, own).pk
    for caller, expected in (("supplier", set()), ("viewer", hidden)):
        client = client_of(callers[caller])
        row = client.get(reverse(f"api:{name}-detail", kwargs={"pk": key})).json()
        assert hidden & set(row) == expected
        [listed] = [
            row for row in client.get(reverse(f"api:{name}-list")).json()["results"] if row["id"] == key
        ]
        assert listed == row


def test_it_shows_a_supplier_what_was_called_off_after_it_was_sent(
    world: World, callers: dict[str, User | None]
) -> None:
    never = world.order("cancelled", supplier=world.own_supplier)
    once = world.order("cancelled", supplier=world.own_supplier)
    once.events.create(action="send", from_state="approved", to_state="sent", actor=world.buyer)
    client = client_of(callers["supplier"])
    listed = [row["number"] for row in client.get(reverse("api:purchase-order-list")).json()["results"]]
    assert once.number in listed
    assert never.number not in listed


@pytest.mark.parametrize(("name", "value"), [("sales-list", "quantity"), ("stock-list", "on_hand")])
def test_it_takes_from_a_channel_rows_of_its_own_location_alone(
    name: str, value: str, world: World, callers: dict[str, User | None]
) -> None:
    rows = [
        {"sku": world.product.sku, "location": location.code, "day": str(DAY), value: 99}
        for location in (world.own_location, world.location)
    ]
    client = client_of(callers["channel"])
    refused = client.post(reverse(f"api:{name}"), {"rows": rows})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/rows/1/location"
    taken = client.post(reverse(f"api:{name}"), {"rows": rows[:1]})
    assert taken.status_code == 200
    mine, theirs = (
        client_of(callers["viewer"]).get(reverse(f"api:{name}"), {"location": location.code}).json()
        for location in (world.own_location, world.location)
    )
    assert mine["results"][0][value] == "99.000"
    assert theirs["results"][0][value] != "99.000"


def test_it_treats_a_partner_as_one_whatever_else_they_hold(
    world: World, callers: dict[str, User | None]
) -> None:
    partner = callers["supplier"]
    assert partner is not None
    partner.is_superuser = partner.is_staff = True
    partner.save()
    client = client_of(partner)
    assert client.get(reverse("api:suggestion-list")).status_code == 403
    assert client.get(reverse("api:supplier-list")).json()["results"][0]["code"] == world.own_supplier.code
