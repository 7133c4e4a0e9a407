"""Who may look at the health of the data and at the shop's summaries: everybody inside."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

MORE: dict[str, list[str]] = {
    group: ["catalog.view_datahealth", "replenishment.view_shopsummary"]
    for group in ("Buyer", "Approver", "Viewer", "Admin")
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0012_comment_permissions"),
        ("catalog", "0006_home"),
        ("replenishment", "0016_home"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
