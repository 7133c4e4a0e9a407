"""Acts on many suggestions that are done in the background."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("replenishment", "0016_home"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                        ],
                        db_index=True,
                        default="queued",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("step", models.CharField(blank=True, max_length=80, verbose_name="step")),
                (
                    "progress",
                    models.FloatField(default=0.0, help_text="Share done, 0 to 1.", verbose_name="progress"),
                ),
                ("error", models.TextField(blank=True, verbose_name="error")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("claim", models.UUIDField(blank=True, editable=False, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="created"
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("scale", "Change the quantities by a share"),
                            ("cover", "Order for days of cover"),
                            ("minimum", "Top up orders to the supplier’s minimum"),
                            ("system", "Back to the system’s quantities"),
                            ("snooze", "Snooze"),
                            ("reject", "Reject"),
                            ("wake", "Wake"),
                            ("reopen", "Open again"),
                            ("undo", "Undo"),
                            ("redo", "Redo"),
                            ("draft", "Make drafts"),
                            ("submit", "Draft and submit"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("values", models.JSONField(blank=True, default=dict, verbose_name="values")),
                ("rows_count", models.PositiveIntegerField(default=0, verbose_name="suggestions")),
                ("seen", models.BinaryField(default=bytes)),
                ("report", models.JSONField(blank=True, default=dict, verbose_name="report")),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="replenishment.suggestionchange",
                        verbose_name="change of suggestions",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "plan_run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="replenishment.planrun",
                        verbose_name="plan run",
                    ),
                ),
                (
                    "undoes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="replenishment.suggestionchange",
                        verbose_name="undoes",
                    ),
                ),
            ],
            options={
                "verbose_name": "act on many suggestions",
                "verbose_name_plural": "acts on many suggestions",
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ("undo", "redo")), ("undoes__isnull", False)),
                            models.Q(
                                models.Q(("kind__in", ("undo", "redo")), _negated=True), ("undoes", None)
                            ),
                            _connector="OR",
                        ),
                        name="bulk_act_that_undoes_has_a_change",
                    )
                ],
            },
        ),
    ]
