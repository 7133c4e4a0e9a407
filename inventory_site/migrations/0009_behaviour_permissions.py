"""Who may look at what behaviour was read as: everybody inside."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

MORE: dict[str, list[str]] = {
    group: ["forecasting.view_behaviourreading"] for group in ("Buyer", "Approver", "Viewer", "Admin")
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0008_saved_view_permissions"),
        ("forecasting", "0008_behaviour_readings"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
