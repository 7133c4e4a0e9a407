"""Who sees exceptions, and who takes, snoozes and closes them."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEE = [
    "replenishment.view_exceptioncase",
    "replenishment.view_exceptionevent",
    "replenishment.view_digest",
    "replenishment.view_digestchoice",
]
ACT = ["replenishment.decide_exceptioncase"]
MORE: dict[str, list[str]] = {
    "Buyer": SEE + ACT,
    "Approver": SEE,
    "Viewer": SEE,
    "Admin": SEE + ACT,
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0009_behaviour_permissions"),
        ("replenishment", "0013_exceptions"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
