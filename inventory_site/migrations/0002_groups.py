"""The groups of people and exactly what each may do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

# Every model of the shop that people may look at.
SHOP = {
    "catalog": [
        "calendarevent",
        "category",
        "columnmapping",
        "exchangerate",
        "importbatch",
        "kitcomponent",
        "location",
        "orderline",
        "pricerecord",
        "product",
        "promotionrecord",
        "salesrecord",
        "stocklevel",
        "supersededfact",
        "supplier",
        "supplyterms",
    ],
    "forecasting": ["accuracysnapshot", "forecastdistribution", "forecastrun"],
    "replenishment": [
        "planrun",
        "purchaseorder",
        "purchaseorderevent",
        "purchaseorderline",
        "receipt",
        "suggestion",
    ],
}
# What an administrator keeps by hand; everything else is written by imports, runs and the order's steps.
MASTER_DATA = {
    "catalog": [
        "calendarevent",
        "category",
        "exchangerate",
        "kitcomponent",
        "location",
        "partneraccount",
        "product",
        "supplier",
        "supplyterms",
    ],
    "replenishment": ["approvallimit"],
    "django_celery_beat": ["clockedschedule", "crontabschedule", "intervalschedule", "periodictask"],
}

VIEW = [f"{app}.view_{model}" for app, names in SHOP.items() for model in names]
BUY = [
    "catalog.add_importbatch",
    "catalog.change_importbatch",
    "catalog.take_back_importbatch",
    "catalog.add_columnmapping",
    "catalog.change_columnmapping",
    "forecasting.add_forecastrun",
    "replenishment.add_planrun",
    "replenishment.edit_suggestion_quantity",
    "replenishment.add_purchaseorder",
    "replenishment.change_purchaseorder",
    "replenishment.add_purchaseorderline",
    "replenishment.change_purchaseorderline",
    "replenishment.delete_purchaseorderline",
    "replenishment.submit_purchaseorder",
    "replenishment.send_purchaseorder",
    "replenishment.receive_purchaseorder",
    "replenishment.cancel_purchaseorder",
]
APPROVE = ["replenishment.approve_purchaseorder"]
ADMINISTER = [
    *(
        f"{app}.{verb}_{model}"
        for app, names in MASTER_DATA.items()
        for model in names
        for verb in ("view", "add", "change", "delete")
    ),
    "auth.view_user",
    "auth.add_user",
    "auth.change_user",
    "auth.view_group",
    "knox.view_authtoken",
    "knox.delete_authtoken",
    "axes.view_accessattempt",
    "axes.delete_accessattempt",
    "axes.view_accesslog",
    "axes.view_accessfailurelog",
]
GROUPS: dict[str, list[str]] = {
    "Buyer": [*VIEW, *BUY],
    "Approver": [*VIEW, *APPROVE],
    "Viewer": VIEW,
    # Partners use the API alone, where their account says which rows are theirs: the pages ask for
    # permissions, and a partner has none.
    "Partner": [],
    "Admin": [*VIEW, *BUY, *APPROVE, *ADMINISTER],
}


def groups_create(apps: Any, schema_editor: Any) -> None:
    """Create the groups, or bring them to exactly these permissions."""
    using = schema_editor.connection.alias
    wanted = {name for names in GROUPS.values() for name in names}
    for label in sorted({name.split(".")[0] for name in wanted}):
        # Permissions are otherwise made only after the last migration; the apps of a migration
        # claim to have no models module, which create_permissions takes for "nothing to do".
        config = apps.get_app_config(label)
        historical = getattr(config, "models_module", None) is None
        if historical:
            config.models_module = True
        create_permissions(config, verbosity=0, using=using, apps=apps)
        if historical:
            config.models_module = None
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in apps.get_model("auth", "Permission")
        .objects.using(using)
        .select_related("content_type")
    }
    for name, held in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
        group.permissions.set([permissions[permission] for permission in dict.fromkeys(held)])


def groups_delete(apps: Any, schema_editor: Any) -> None:
    """Remove the groups (and with them who is in which)."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0001_initial"),
        ("catalog", "0001_initial"),
        ("forecasting", "0001_initial"),
        ("replenishment", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("knox", "0009_extend_authtoken_field"),
        ("axes", "0010_accessattemptexpiration"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(groups_create, groups_delete)]
