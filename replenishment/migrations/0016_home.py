"""What the shop's stock came to, by day."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replenishment", "0015_approval")]

    operations = [
        migrations.CreateModel(
            name="ShopSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(unique=True, verbose_name="day")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made")),
                ("stock_value", models.FloatField(null=True, verbose_name="stock value")),
                ("cover_days", models.FloatField(null=True, verbose_name="days of cover")),
                (
                    "in_stock",
                    models.FloatField(
                        help_text="Share of the demand at cost that finds stock.",
                        null=True,
                        verbose_name="in stock",
                    ),
                ),
                ("fill_rate", models.FloatField(null=True, verbose_name="expected fill rate")),
                ("margin_at_risk", models.FloatField(null=True, verbose_name="margin at risk")),
                ("report", models.JSONField(default=dict, verbose_name="report")),
                (
                    "plan_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="replenishment.planrun",
                        verbose_name="plan run",
                    ),
                ),
            ],
            options={
                "verbose_name": "summary of the shop",
                "verbose_name_plural": "summaries of the shop",
                "ordering": ["-day"],
            },
        )
    ]
