"""The cast of the tests: one user for each part, and small factories for what they work with.

Fixtures: `superuser`, `admin_user`, `buyer`, `approver`, `viewer`, `partner_of_supplier`,
`partner_of_channel`. Factories: `make_...`, with a default for every value that a test does not name.
"""

from __future__ import annotations

import importlib
import itertools
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection

from catalog.models import Category, Location, PartnerAccount, Product, Supplier, SupplyTerms, TransferLane
from catalog.text import product_search_text
from inventory_site.group_permissions import permissions_give
from replenishment.models import ApprovalLimit

PASSWORD = "corn-tin-harbour-41"
_numbers = itertools.count(1)

# The fixtures, for `from tests.cast import *` in conftest.py; factories are imported by name.
__all__ = [
    "admin_user",
    "approver",
    "buyer",
    "partner_of_channel",
    "partner_of_supplier",
    "superuser",
    "viewer",
]


# Those that give the groups more, in their order.
GROUP_MIGRATIONS = (
    "0003_override_permissions",
    "0004_replay_permissions",
    "0005_policy_permissions",
    "0006_scoreboard_permissions",
    "0007_signal_permissions",
    "0008_saved_view_permissions",
    "0009_behaviour_permissions",
    "0012_comment_permissions",
    "0011_exception_permissions",
    "0014_home_permissions",
    "0015_workbench_permissions",
    "0017_bulk_permissions",
)


def groups_ensure() -> None:
    """Create the groups as the migrations do, where a flush of the tables has taken them away."""
    migration = importlib.import_module("inventory_site.migrations.0002_groups")
    if Group.objects.filter(name__in=migration.GROUPS).count() < len(migration.GROUPS):
        editor = SimpleNamespace(connection=connection)
        migration.groups_create(apps, editor)
        for name in GROUP_MIGRATIONS:
            later = importlib.import_module(f"inventory_site.migrations.{name}")
            permissions_give(apps, editor, later.MORE)


def make_user(name: str, *groups: str, **values: Any) -> User:
    """A user in these groups, with `PASSWORD`."""
    groups_ensure()
    user = User.objects.create_user(name, f"{name}@shop.example", PASSWORD, **values)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def make_category(**values: Any) -> Category:
    number = next(_numbers)
    return Category.objects.create(**{"code": f"CAT-{number}", "name": f"Category {number}"} | values)


def make_product(**values: Any) -> Product:
    number = next(_numbers)
    values = {"sku": f"SKU-{number}", "name": f"Product {number}"} | values
    if "search_text" not in values:
        values["search_text"] = product_search_text(
            sku=values["sku"],
            gtin=values.get("gtin", ""),
            name=values["name"],
            names=values.get("names", {}),
        )
    return Product.objects.create(**values)


def make_location(**values: Any) -> Location:
    number = next(_numbers)
    return Location.objects.create(
        **{"code": f"LOC-{number}", "name": f"Location {number}", "currency": "USD", "country": "US"} | values
    )


def make_lane(source: Location, destination: Location, **values: Any) -> TransferLane:
    return TransferLane.objects.create(source=source, destination=destination, **values)


def make_supplier(**values: Any) -> Supplier:
    number = next(_numbers)
    return Supplier.objects.create(
        **{"code": f"SUP-{number}", "name": f"Supplier {number}", "currency": "USD"} | values
    )


def make_terms(**values: Any) -> SupplyTerms:
    """Terms of a supplier for a product, both made when not given."""
    values = {"unit_cost": Decimal("2.50"), "currency": "USD"} | values
    values.setdefault("supplier", None)
    values["supplier"] = values["supplier"] or make_supplier()
    values["product"] = values.get("product") or make_product()
    return SupplyTerms.objects.create(**values)


@pytest.fixture
def superuser(db: None) -> User:
    return make_user("superuser", is_staff=True, is_superuser=True)


@pytest.fixture
def admin_user(db: None) -> User:
    """In the group Admin, not a superuser; may approve up to 100,000."""
    user = make_user("admin", "Admin", is_staff=True)
    ApprovalLimit.objects.create(user=user, amount=Decimal(100_000))
    return user


@pytest.fixture
def buyer(db: None) -> User:
    return make_user("buyer", "Buyer")


@pytest.fixture
def approver(db: None) -> User:
    """May approve up to 10,000 in the home currency; staff, so sees the admin."""
    user = make_user("approver", "Approver", is_staff=True)
    ApprovalLimit.objects.create(user=user, amount=Decimal(10_000))
    return user


@pytest.fixture
def viewer(db: None) -> User:
    return make_user("viewer", "Viewer")


@pytest.fixture
def partner_of_supplier(db: None) -> User:
    """The account of a supplier: `user.partner.supplier`."""
    user = make_user("supplier-partner", "Partner")
    PartnerAccount.objects.create(user=user, supplier=make_supplier())
    return user


@pytest.fixture
def partner_of_channel(db: None) -> User:
    """The account of a sales channel: `user.partner.location`."""
    user = make_user("channel-partner", "Partner")
    PartnerAccount.objects.create(user=user, location=make_location(kind=Location.Kind.STORE))
    return user
