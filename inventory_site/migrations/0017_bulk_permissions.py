"""Who may look at acts on many suggestions that are done in the background, stop them and try them again."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

VIEW, ADD = "replenishment.view_bulkact", "replenishment.add_bulkact"
MORE: dict[str, list[str]] = {
    "Buyer": [VIEW, ADD],
    "Approver": [VIEW],
    "Viewer": [VIEW],
    "Admin": [VIEW, ADD],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0015_workbench_permissions"),
        ("replenishment", "0017_bulk_acts"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
