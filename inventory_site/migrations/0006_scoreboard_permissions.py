"""Who may look at how edits of suggestions did against the system: everybody inside."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

MORE: dict[str, list[str]] = {
    group: ["replenishment.view_editscore"] for group in ("Buyer", "Approver", "Viewer", "Admin")
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0005_policy_permissions"),
        ("replenishment", "0008_replays_compared_and_edit_scores"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
