"""Who may keep views of the workbench, and who may share them."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEE = ["replenishment.view_savedview"]
KEEP = ["replenishment.add_savedview", "replenishment.share_savedview"]
MORE: dict[str, list[str]] = {
    "Buyer": SEE + KEEP,
    "Approver": SEE,
    "Viewer": SEE,
    "Admin": [*SEE, *KEEP, "replenishment.delete_savedview"],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0007_signal_permissions"),
        ("replenishment", "0010_saved_views"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
