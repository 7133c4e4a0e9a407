"""What the groups may do with replays."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

VIEW = ["replenishment.view_replayrun", "replenishment.view_replaypolicy"]
BUY = ["replenishment.add_replayrun"]
MORE: dict[str, list[str]] = {
    "Buyer": [*VIEW, *BUY],
    "Approver": VIEW,
    "Viewer": VIEW,
    "Admin": [*VIEW, *BUY],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0003_override_permissions"),
        ("replenishment", "0003_replays"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
