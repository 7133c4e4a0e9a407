"""Who may read what is said of a product at a location, and who may say something."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEE = ["replenishment.view_comment"]
SAY = ["replenishment.add_comment"]
MORE: dict[str, list[str]] = {
    "Buyer": SEE + SAY,
    "Approver": SEE + SAY,
    "Viewer": SEE,
    "Admin": [*SEE, *SAY, "replenishment.delete_comment"],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0011_exception_permissions"),
        ("replenishment", "0014_comments"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
