"""What the groups may do with replays."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEW = ["replenishment.view_replayrun", "replenishment.view_replaypolicy"]
BUY = ["replenishment.add_replayrun"]
MORE: dict[str, list[str]] = {
    "Buyer": [*VIEW, *BUY],
    "Approver": VIEW,
    "Viewer": VIEW,
    "Admin": [*VIEW, *BUY],
}


def permissions_add(apps: Any, schema_editor: Any) -> None:
    """Give each group what `MORE` names, beside what it has."""
    using = schema_editor.connection.alias
    config = apps.get_app_config("replenishment")
    # Permissions are otherwise made only after the last migration; the apps of a migration
    # claim to have no models module, which create_permissions takes for "nothing to do".
    historical = getattr(config, "models_module", None) is None
    if historical:
        config.models_module = True
    create_permissions(config, verbosity=0, using=using, apps=apps)
    if historical:
        config.models_module = None
    found = _permissions(apps, using)
    for name, held in MORE.items():
        group = apps.get_model("auth", "Group").objects.using(using).get(name=name)
        group.permissions.add(*(found[permission] for permission in held))


def permissions_remove(apps: Any, schema_editor: Any) -> None:
    """Take them away again."""
    using = schema_editor.connection.alias
    found = _permissions(apps, using)
    for name, held in MORE.items():
        group = apps.get_model("auth", "Group").objects.using(using).get(name=name)
        group.permissions.remove(*(found[permission] for permission in held))


def _permissions(apps: Any, using: str) -> dict[str, Any]:
    rows = apps.get_model("auth", "Permission").objects.using(using).select_related("content_type")
    wanted = rows.filter(content_type__app_label="replenishment")
    return {f"replenishment.{permission.codename}": permission for permission in wanted}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0003_override_permissions"),
        ("replenishment", "0003_replays"),
    ]

    operations = [migrations.RunPython(permissions_add, permissions_remove)]
