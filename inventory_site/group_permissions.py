"""Permissions given to the groups by migrations, beside what they have."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions


def permissions_give(apps: Any, schema_editor: Any, more: dict[str, list[str]]) -> None:
    """Give each group, by its name, the permissions "app.codename"."""
    using = schema_editor.connection.alias
    for label in {name.split(".")[0] for held in more.values() for name in held}:
        config = apps.get_app_config(label)
        # Permissions are otherwise made only after the last migration; the apps of a migration
        # claim to have no models module, which create_permissions takes for "nothing to do".
        historical = getattr(config, "models_module", None) is None
        if historical:
            config.models_module = True
        create_permissions(config, verbosity=0, using=using, apps=apps)
        if historical:
            config.models_module = None
    found = _permissions(apps, using)
    for name, held in more.items():
        group = apps.get_model("auth", "Group").objects.using(using).get(name=name)
        group.permissions.add(*(found[permission] for permission in held))


def permissions_take(apps: Any, schema_editor: Any, more: dict[str, list[str]]) -> None:
    """Take them away again."""
    using = schema_editor.connection.alias
    found = _permissions(apps, using)
    for name, held in more.items():
        group = apps.get_model("auth", "Group").objects.using(using).get(name=name)
        group.permissions.remove(*(found[permission] for permission in held))


def _permissions(apps: Any, using: str) -> dict[str, Any]:
    rows = apps.get_model("auth", "Permission").objects.using(using).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
