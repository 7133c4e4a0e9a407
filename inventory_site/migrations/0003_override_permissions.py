"""What the groups may do with planners' overrides, and the rest of what a forecast run keeps."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEEN = [
    "championdecision",
    "forecastalarm",
    "forecastoutcome",
    "forecastoverride",
    "overridescore",
    "seriesaccuracy",
]
VIEW = [f"forecasting.view_{model}" for model in SEEN]
BUY = ["forecasting.add_forecastoverride", "forecasting.withdraw_forecastoverride"]
MORE: dict[str, list[str]] = {
    "Buyer": [*VIEW, *BUY],
    "Approver": VIEW,
    "Viewer": VIEW,
    "Admin": [*VIEW, *BUY],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0002_groups"),
        ("forecasting", "0004_override_permissions"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
