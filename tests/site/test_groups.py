from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from catalog.models import JobLine, PartnerAccount, UserPreference
from replenishment.models import ApprovalLimit, PlanItems
from tests.cast import GROUP_MIGRATIONS, groups_ensure, make_user

MIGRATION = importlib.import_module("inventory_site.migrations.0002_groups")
LATER = [importlib.import_module(f"inventory_site.migrations.{name}") for name in GROUP_MIGRATIONS]
APPS = ("catalog", "forecasting", "replenishment")

BUYING = {
    "catalog.add_importbatch",
    "catalog.take_back_importbatch",
    "forecasting.add_forecastrun",
    "forecasting.add_forecastoverride",
    "forecasting.withdraw_forecastoverride",
    "replenishment.add_planrun",
    "replenishment.add_replayrun",
    "replenishment.add_bulkact",
    "replenishment.edit_suggestion_quantity",
    "replenishment.add_purchaseorder",
    "replenishment.change_purchaseorder",
    "replenishment.submit_purchaseorder",
    "replenishment.send_purchaseorder",
    "replenishment.receive_purchaseorder",
    "replenishment.cancel_purchaseorder",
    "replenishment.change_policyrule",
    "replenishment.decide_planaction",
    "replenishment.decide_exceptioncase",
}
APPROVING = {"replenishment.approve_purchaseorder"}
ADMINISTERING = {
    "catalog.change_product",
    "catalog.delete_supplyterms",
    "catalog.add_partneraccount",
    "catalog.view_partneraccount",
    "replenishment.change_approvallimit",
    "replenishment.change_budget",
    "catalog.delete_transferlane",
    "catalog.add_supplierclosure",
    "auth.change_user",
    "django_celery_beat.change_periodictask",
}
LOOKING = {
    "catalog.view_product",
    "catalog.view_salesrecord",
    "catalog.view_importbatch",
    "forecasting.view_forecastrun",
    "forecasting.view_forecastoverride",
    "replenishment.view_suggestion",
    "replenishment.view_purchaseorder",
    "replenishment.view_replayrun",
    "replenishment.view_bulkact",
    "replenishment.view_editscore",
    "replenishment.view_policyrule",
    "replenishment.view_budget",
    "replenishment.view_planaction",
    "replenishment.view_exceptioncase",
    "replenishment.view_digest",
}
NOBODY = {
    "replenishment.delete_purchaseorder",
    "replenishment.change_replayrun",
    "replenishment.change_bulkact",
    "replenishment.change_editscore",
    "replenishment.delete_replayrun",
    "replenishment.change_purchaseorderevent",
    "replenishment.delete_purchaseorderevent",
    "replenishment.change_receipt",
    "replenishment.change_settingevent",
    "replenishment.delete_settingevent",
    "replenishment.change_exceptioncase",
    "replenishment.change_exceptionevent",
    "replenishment.delete_exceptionevent",
    "catalog.change_supersededfact",
    "catalog.delete_supersededfact",
    "catalog.delete_importbatch",
    "catalog.change_salesrecord",
    "forecasting.delete_accuracysnapshot",
    "forecasting.delete_forecastrun",
    "forecasting.change_forecastoverride",
    "forecasting.delete_forecastoverride",
    "auth.change_group",
    "auth.add_permission",
}
EVERYTHING = LOOKING | BUYING | APPROVING | ADMINISTERING | NOBODY


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("buyer", LOOKING | BUYING),
        ("approver", LOOKING | APPROVING),
        ("viewer", LOOKING),
        ("admin_user", LOOKING | BUYING | APPROVING | ADMINISTERING),
        ("partner_of_supplier", set()),
        ("partner_of_channel", set()),
        ("superuser", EVERYTHING),
    ],
)
def test_it_gives_each_part_what_it_needs_and_nothing_else(
    name: str, held: set[str], request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(name)
    assert {permission for permission in EVERYTHING if user.has_perm(permission)} == held


def test_it_lets_viewers_change_nothing_and_approvers_only_comment(viewer: User, approver: User) -> None:
    assert all(name.split(".")[1].startswith("view_") for name in viewer.get_all_permissions())
    more = approver.get_all_permissions() - viewer.get_all_permissions()
    assert more == APPROVING | {"replenishment.add_comment"}


def test_it_shows_buyers_every_model_but_who_has_access(buyer: User) -> None:
    models = {model for app in APPS for model in apps.get_app_config(app).get_models()}
    unseen = {m for m in models if not buyer.has_perm(f"{m._meta.app_label}.view_{m._meta.model_name}")}
    # Preferences are each person's own; the log of a job is seen by whoever sees the job.
    assert unseen == {PartnerAccount, ApprovalLimit, PlanItems, JobLine, UserPreference}


def test_it_makes_approvers_and_admins_staff_and_nobody_else(
    buyer: User, approver: User, viewer: User, admin_user: User, partner_of_supplier: User
) -> None:
    assert [user.is_staff for user in (approver, admin_user)] == [True, True]
    assert not any(user.is_staff for user in (buyer, viewer, partner_of_supplier))


@pytest.mark.django_db
def test_it_names_only_permissions_that_exist() -> None:
    existing = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Permission.objects.select_related("content_type")
    }
    for groups in (MIGRATION.GROUPS, *(later.MORE for later in LATER)):
        assert {name for held in groups.values() for name in held} <= existing


@pytest.mark.django_db(transaction=True)
def test_it_comes_with_the_migration_and_goes_with_its_reverse() -> None:
    groups_ensure()
    assert Group.objects.filter(name__in=MIGRATION.GROUPS).count() == 5
    MigrationExecutor(connection).migrate([("inventory_site", "0001_initial")])
    try:
        assert not Group.objects.filter(name__in=MIGRATION.GROUPS).exists()
    finally:
        MigrationExecutor(connection).migrate([("inventory_site", GROUP_MIGRATIONS[-1])])
    assert Group.objects.filter(name__in=MIGRATION.GROUPS).count() == 5
    buyer = make_user("someone", "Buyer")
    assert buyer.has_perm("replenishment.submit_purchaseorder")
    assert buyer.has_perm("forecasting.withdraw_forecastoverride")
    assert buyer.has_perm("replenishment.add_replayrun")


@pytest.mark.django_db(transaction=True)
def test_it_takes_back_of_a_later_step_no_more_than_it_gave() -> None:
    groups_ensure()
    MigrationExecutor(connection).migrate([("inventory_site", "0002_groups")])
    try:
        held = set(Group.objects.get(name="Buyer").permissions.values_list("codename", flat=True))
        assert "add_forecastrun" in held
        assert "add_forecastoverride" not in held
    finally:
        MigrationExecutor(connection).migrate([("inventory_site", GROUP_MIGRATIONS[-1])])
    assert Group.objects.get(name="Buyer").permissions.filter(codename="add_forecastoverride").exists()
