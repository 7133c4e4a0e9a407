"""Who may look at signals, and who may add to them and decide."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from inventory_site.group_permissions import permissions_give, permissions_take

SEEN = [
    f"{app}.view_{model}"
    for app, models in (
        (
            "catalog",
            ("review", "productimage", "behaviourrecord", "shopperevent", "indicator", "indicatorrecord"),
        ),
        (
            "forecasting",
            (
                "signalrun",
                "reviewreading",
                "productvoice",
                "productvector",
                "categorysuggestion",
                "lookalike",
                "lookalikechoice",
                "trendreading",
                "signaltrial",
                "signalverdict",
            ),
        ),
    )
    for model in models
]
DECIDED = [
    "catalog.add_review",
    "catalog.add_productimage",
    "catalog.delete_productimage",
    "catalog.add_shopperevent",
    "forecasting.change_categorysuggestion",
    "forecasting.add_lookalikechoice",
    "forecasting.delete_lookalikechoice",
]
RUN = ["forecasting.add_signalrun", "forecasting.add_signaltrial"]
MORE: dict[str, list[str]] = {
    "Buyer": SEEN + DECIDED,
    "Approver": SEEN,
    "Viewer": SEEN,
    "Admin": SEEN
    + DECIDED
    + RUN
    + [
        f"catalog.{verb}_{model}"
        for model in ("review", "productimage", "behaviourrecord", "indicator", "indicatorrecord")
        for verb in ("add", "change", "delete")
    ],
}


class Migration(migrations.Migration):
    dependencies = [
        ("inventory_site", "0006_scoreboard_permissions"),
        ("catalog", "0003_signals"),
        ("forecasting", "0006_signals"),
    ]

    operations = [
        migrations.RunPython(partial(permissions_give, more=MORE), partial(permissions_take, more=MORE))
    ]
