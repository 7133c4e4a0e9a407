from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import SolarSchedule

from catalog.models import Location, Product, SupersededFact, Supplier, SupplyTerms
from replenishment.models import ApprovalLimit
from tests.cast import make_category, make_location, make_product, make_supplier, make_terms, make_user

OURS = ("catalog", "forecasting", "replenishment", "auth", "knox", "axes", "django_celery_beat")
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def list_url(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_it_shows_every_list_to_admins_and_superusers(admin_user: User, superuser: User) -> None:
    first, second = logged_in(admin_user), logged_in(superuser)
    for client in (first, second):
        answers = {model: client.get(list_url(model), {"q": "x"}).status_code for model in MODELS}
        # A schedule by the sun's height is nobody's here.
        wanted = dict.fromkeys(MODELS, 200)
        if client is first:
            wanted[SolarSchedule] = 403
        assert answers == wanted


def test_it_shows_the_form_of_a_schedule_and_of_everything_that_can_be_added(superuser: User) -> None:
    client = logged_in(superuser)
    for model, own in admin.site._registry.items():
        url = list_url(model) + "add/"
        allowed = own.has_add_permission(client.get(url).wsgi_request)
        assert client.get(url).status_code == (200 if allowed else 403), url


def test_it_keeps_everybody_who_is_not_staff_out(
    buyer: User, viewer: User, partner_of_supplier: User
) -> None:
    for client in (logged_in(buyer), logged_in(viewer), logged_in(partner_of_supplier)):
        answers = {model: client.get(list_url(model)).status_code for model in MODELS}
        assert answers == dict.fromkeys(MODELS, 302)


def test_it_lets_approvers_look_and_change_no_master_data(approver: User) -> None:
    product = make_product()
    client = logged_in(approver)
    url = reverse("admin:catalog_product_change", args=[product.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"sku": "other"}).status_code == 403
    assert client.get(reverse("admin:catalog_partneraccount_changelist")).status_code == 403


def product_form(product: Product, **values: Any) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "gtin": "",
        "name": product.name,
        "names": "{}",
        "initial-names": "{}",
        "initial-attributes": "{}",
        "attributes": "{}",
        "category": "",
        "status": "active",
        "successor": "",
        "components-TOTAL_FORMS": "0",
        "components-INITIAL_FORMS": "0",
        "images-TOTAL_FORMS": "0",
        "images-INITIAL_FORMS": "0",
    } | values


def test_it_keeps_search_text_and_the_replaced_values_when_a_product_is_typed(admin_user: User) -> None:
    product = make_product(name="Old name")
    before = product.recorded_at
    url = reverse("admin:catalog_product_change", args=[product.pk])
    names = '{"de": "Ärmel"}'
    response = logged_in(admin_user).post(url, product_form(product, name="Crème", names=names))
    assert response.status_code == 302
    product.refresh_from_db()
    assert product.search_text.endswith("creme armel")
    assert product.recorded_at > before
    replaced = SupersededFact.objects.get(kind="product")
    assert (replaced.row["name"], replaced.recorded_at) == ("Old name", before)


def test_it_records_nothing_when_nothing_was_changed(admin_user: User) -> None:
    product = make_product()
    url = reverse("admin:catalog_product_change", args=[product.pk])
    assert logged_in(admin_user).post(url, product_form(product)).status_code == 302
    assert not SupersededFact.objects.exists()
    assert Product.objects.get().recorded_at == product.recorded_at


def test_it_adds_a_kit_component_with_its_product(admin_user: User) -> None:
    product, part = make_product(), make_product()
    url = reverse("admin:catalog_product_change", args=[product.pk])
    values = product_form(product) | {
        "components-TOTAL_FORMS": "1",
        "components-0-component": part.pk,
        "components-0-quantity": "2",
        "components-0-kit": product.pk,
    }
    assert logged_in(admin_user).post(url, values).status_code == 302
    assert [(row.component, row.quantity) for row in product.components.all()] == [(part, Decimal(2))]


def test_it_keeps_the_values_of_what_is_deleted_by_hand(admin_user: User) -> None:
    terms = make_terms(unit_cost=Decimal("3.5"))
    url = reverse("admin:catalog_supplyterms_delete", args=[terms.pk])
    assert logged_in(admin_user).post(url, {"post": "yes"}).status_code == 302
    assert not SupplyTerms.objects.exists()
    assert SupersededFact.objects.get(kind="supply_terms").row["unit_cost"] == 3.5


def test_it_shows_a_supplier_with_its_terms(admin_user: User) -> None:
    terms = make_terms()
    response = logged_in(admin_user).get(reverse("admin:catalog_supplier_change", args=[terms.supplier_id]))
    assert terms.product.sku in response.content.decode()
    assert Supplier.objects.count() == 1


def test_it_finds_products_whatever_case_and_accents(admin_user: User) -> None:
    make_product(sku="A-1", name="Gürtel")
    make_product(sku="A-2", name="Hose")
    page = logged_in(admin_user).get(list_url(Product), {"q": "GURTEL"}).content.decode()
    assert "A-1" in page
    assert "A-2" not in page


def test_it_lists_50_rows_with_as_many_queries_as_1(admin_user: User) -> None:
    client = logged_in(admin_user)

    def counts() -> dict[Any, int]:
        numbers = {}
        for model in (Product, SupplyTerms, Supplier, Location):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(list_url(model)).status_code == 200
            numbers[model] = len(queries)
        return numbers

    def row() -> None:
        make_terms(product=make_product(category=make_category()), location=make_location())

    row()
    counts()  # what is kept from the first request on, the session's content types for one
    one = counts()
    for _ in range(49):
        row()
    assert counts() == one


def test_it_lets_no_admin_become_superuser_or_touch_one(admin_user: User, superuser: User) -> None:
    client = logged_in(admin_user)
    own = reverse("admin:auth_user_change", args=[admin_user.pk])
    values = {"username": "admin", "is_active": "on", "is_staff": "on", "is_superuser": "on", "groups": []}
    assert client.post(own, values).status_code == 302
    admin_user.refresh_from_db()
    assert not admin_user.is_superuser
    assert client.post(reverse("admin:auth_user_change", args=[superuser.pk]), values).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[superuser.pk])
    assert client.get(password).status_code == 403


def test_it_lets_no_admin_give_or_take_over_what_they_have_not(admin_user: User, buyer: User) -> None:
    owners = Group.objects.create(name="Owners")
    owners.permissions.set(Permission.objects.filter(codename__in=["change_group", "view_product"]))
    owner = make_user("owner")
    owner.groups.set([owners])
    asleep = make_user("asleep", is_active=False)
    asleep.groups.set([owners])
    client = logged_in(admin_user)
    page = f"{list_url(User)}{buyer.pk}/change/"
    approvers = Group.objects.get(name="Approver")
    for groups, wanted in (([owners], ["Buyer"]), ([approvers], ["Approver"])):
        client.post(page, {"username": buyer.username, "is_active": "on", "groups": [g.pk for g in groups]})
        assert list(buyer.groups.values_list("name", flat=True)) == wanted
    for above in (owner, asleep):
        change = f"{list_url(User)}{above.pk}/change/"
        assert client.post(change, {"username": "mine", "is_active": "on"}).status_code == 403
        new = {"password1": "tall-order-99", "password2": "tall-order-99", "usable_password": "true"}
        assert client.post(f"{list_url(User)}{above.pk}/password/", new).status_code == 403
        above.refresh_from_db()
        assert not above.check_password("tall-order-99")


def test_it_lets_admins_set_limits_and_partners(admin_user: User) -> None:
    client = logged_in(admin_user)
    user, supplier = make_user("new-one"), make_supplier()
    limit = client.post(reverse("admin:replenishment_approvallimit_add"), {"user": user.pk, "amount": "500"})
    partner = client.post(
        reverse("admin:catalog_partneraccount_add"), {"user": user.pk, "supplier": supplier.pk}
    )
    assert (limit.status_code, partner.status_code) == (302, 302)
    user.refresh_from_db()
    assert user.approval_limit.amount == 500
    assert user.partner.supplier == supplier


def test_it_lets_nobody_set_their_own_limit(admin_user: User, superuser: User) -> None:
    client = logged_in(admin_user)
    own = ApprovalLimit.objects.get(user=admin_user)
    change = reverse("admin:replenishment_approvallimit_change", args=[own.pk])
    values = {"user": admin_user.pk, "amount": "999999"}
    assert client.post(change, values).status_code == 403
    own.delete()
    assert client.post(reverse("admin:replenishment_approvallimit_add"), values).status_code == 200
    assert not ApprovalLimit.objects.filter(user=admin_user).exists()
    add = reverse("admin:replenishment_approvallimit_add")
    assert logged_in(superuser).post(add, values).status_code == 302


def test_it_loosens_content_security_under_the_admin_alone(admin_user: User) -> None:
    client = logged_in(admin_user)
    loose = client.get(reverse("admin:index"))["Content-Security-Policy"]
    strict = client.get(reverse("login"))["Content-Security-Policy"]
    assert "'unsafe-eval'" in loose
    assert "'unsafe-inline'" in loose
    assert "script-src 'self' 'unsafe-eval'" in loose
    assert "unsafe" not in strict
    for policy in (loose, strict):
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
