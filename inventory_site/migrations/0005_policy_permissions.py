"""What the groups may do with policy rules, budgets, proposed actions, transfer lanes and shutdowns."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

VIEW = [
    "catalog.view_supplierclosure",
    "catalog.view_transferlane",
    "replenishment.view_budget",
    "replenishment.view_planaction",
    "replenishment.view_policyrule",
    "replenishment.view_settingevent",
]
BUY = [
    "replenishment.add_policyrule",
    "replenishment.change_policyrule",
    "replenishment.delete_policyrule",
    "replenishment.decide_planaction",
]
ADMINISTER = [
    f"{label}.{step}_{model}"
    for label, model in (
        ("catalog", "supplierclosure"),
        ("catalog", "transferlane"),
        ("replenishment", "budget"),
    )
    for step in ("add", "change", "delete")
]
MORE: dict[str, list[str]] = {
    "Buyer": [*VIEW, *BUY],
    "Approver": VIEW,
    "Viewer": VIEW,
    "Admin": [*VIEW, *BUY, *ADMINISTER],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0004_replay_permissions"),
        ("catalog", "0002_supply_rules_and_lanes"),
        ("replenishment", "0005_setting_events_are_append_only"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
