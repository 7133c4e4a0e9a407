"""Who may look at sums of plans, snoozes and the log of what people did: everybody inside."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEEN = ("plansum", "snooze", "suggestionchange", "suggestionchangeline")
MORE: dict[str, list[str]] = {
    group: [f"replenishment.view_{name}" for name in SEEN]
    for group in ("Buyer", "Approver", "Viewer", "Admin")
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0014_home_permissions"),
        ("replenishment", "0012_workbench"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
