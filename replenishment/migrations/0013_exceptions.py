"""Exceptions, their history, which only grows (SQLite refuses changes only, for the reason told in 0002), digests."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

TABLE = "replenishment_exceptionevent"

FORWARDS = {
    "postgresql": [
        """
        CREATE FUNCTION replenishment_exception_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'exception events are append-only' USING ERRCODE = 'restrict_violation';
        END
        $$
        """,
        f"""
        CREATE TRIGGER replenishment_exception_event_is_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION replenishment_exception_event_refuse()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER replenishment_exception_event_is_append_only BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'exception events are append-only'); END
        """,
    ],
}
BACKWARDS = {
    "postgresql": [
        f"DROP TRIGGER replenishment_exception_event_is_append_only ON {TABLE}",
        "DROP FUNCTION replenishment_exception_event_refuse()",
    ],
    "sqlite": ["DROP TRIGGER replenishment_exception_event_is_append_only"],
}


def forwards(apps, schema_editor):
    for statement in FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    for statement in BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("catalog", "0004_jobs_stopped"),
        ("forecasting", "0011_look_alikes_known"),
        ("replenishment", "0012_workbench"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DigestChoice",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="exception_digest",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                ("is_wanted", models.BooleanField(default=True, verbose_name="daily e-mail")),
            ],
            options={
                "verbose_name": "choice of the daily e-mail",
                "verbose_name_plural": "choices of the daily e-mail",
            },
        ),
        migrations.CreateModel(
            name="ExceptionCase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("out-of-stock", "Out of stock"),
                            ("runs-out", "Out before a receipt"),
                            ("late-order", "Late order"),
                            ("surplus-on-order", "Surplus on order"),
                            ("excess", "Excess stock"),
                            ("dead-stock", "Dead stock"),
                            ("trend-flip", "Trend has turned"),
                            ("spike", "Demand spike"),
                            ("forecast-alarm", "Forecast is off"),
                            ("sentiment-drop", "Reviews got worse"),
                            ("no-look-alikes", "New, without look-alikes"),
                            ("supplier-slips", "Supplier is slipping"),
                            ("cost-jump", "Cost has jumped"),
                            ("rate-jump", "Exchange rate has jumped"),
                            ("moq-cover", "MOQ lasts too long"),
                            ("not-planned", "Can't be planned"),
                            ("rejected-rows", "Rows were rejected"),
                            ("failed-job", "Job failed"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("key", models.CharField(max_length=80, verbose_name="key")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("snoozed", "Snoozed"), ("closed", "Closed")],
                        default="open",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("is_found", models.BooleanField(default=True, verbose_name="still there")),
                (
                    "impact",
                    models.FloatField(
                        default=0.0, help_text="Home currency, if nobody acts.", verbose_name="impact"
                    ),
                ),
                ("details", models.JSONField(blank=True, default=dict, verbose_name="details")),
                ("first_seen", models.DateTimeField(default=django.utils.timezone.now, verbose_name="since")),
                (
                    "last_seen",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="seen last"),
                ),
                ("snoozed_until", models.DateField(blank=True, null=True, verbose_name="snoozed until")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                (
                    "closed_impact",
                    models.FloatField(blank=True, null=True, verbose_name="impact when it was closed"),
                ),
                ("comment", models.CharField(blank=True, max_length=200, verbose_name="comment")),
                (
                    "action",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="replenishment.planaction",
                        verbose_name="proposed action",
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Empty: it closed by itself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="closed by",
                    ),
                ),
                (
                    "forecast_run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="forecasting.forecastrun",
                        verbose_name="forecast run",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.location",
                        verbose_name="location",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="replenishment.purchaseorder",
                        verbose_name="order",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "plan_run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="replenishment.planrun",
                        verbose_name="plan run",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.product",
                        verbose_name="product",
                    ),
                ),
                (
                    "supplier",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.supplier",
                        verbose_name="supplier",
                    ),
                ),
            ],
            options={
                "verbose_name": "exception",
                "verbose_name_plural": "exceptions",
                "ordering": ["-impact", "pk"],
                "permissions": [("decide_exceptioncase", "Can assign, snooze and close exceptions")],
            },
        ),
        migrations.CreateModel(
            name="ExceptionEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("found", "Found"),
                            ("reopened", "Opened again"),
                            ("worse", "Worse than when it was closed"),
                            ("gone", "Not found any more"),
                            ("woken", "Awake again"),
                            ("assigned", "Assigned"),
                            ("released", "Given up"),
                            ("snoozed", "Snoozed"),
                            ("closed", "Closed"),
                            ("fixed", "Fixed"),
                        ],
                        max_length=8,
                        verbose_name="action",
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                ("comment", models.CharField(blank=True, max_length=200, verbose_name="comment")),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="data")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="replenishment.exceptioncase",
                        verbose_name="exception",
                    ),
                ),
            ],
            options={
                "verbose_name": "exception event",
                "verbose_name_plural": "exception events",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Digest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("cases", models.PositiveIntegerField(default=0, verbose_name="exceptions")),
                ("claimed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="begun")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "daily e-mail",
                "verbose_name_plural": "daily e-mails",
                "ordering": ["-day", "user"],
                "constraints": [models.UniqueConstraint(fields=("user", "day"), name="digest_is_unique")],
            },
        ),
        migrations.AddIndex(
            model_name="exceptioncase",
            index=models.Index(fields=["state", "-impact", "id"], name="exception_state_impact"),
        ),
        migrations.AddIndex(
            model_name="exceptioncase",
            index=models.Index(fields=["state", "kind", "-impact"], name="exception_state_kind"),
        ),
        migrations.AddIndex(
            model_name="exceptioncase",
            index=models.Index(fields=["owner", "state", "-impact"], name="exception_owner"),
        ),
        migrations.AddConstraint(
            model_name="exceptioncase",
            constraint=models.UniqueConstraint(fields=("kind", "key"), name="exception_is_unique"),
        ),
        migrations.AddConstraint(
            model_name="exceptioncase",
            constraint=models.CheckConstraint(
                condition=models.Q(("impact__gte", 0)), name="exception_impact_is_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptioncase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("snoozed_until__isnull", False), ("state", "snoozed")),
                    models.Q(models.Q(("state", "snoozed"), _negated=True), ("snoozed_until", None)),
                    _connector="OR",
                ),
                name="exception_snoozes_until_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptioncase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                    models.Q(
                        models.Q(("state", "closed"), _negated=True), ("closed_at", None), ("closed_by", None)
                    ),
                    _connector="OR",
                ),
                name="exception_is_closed_at_a_time",
            ),
        ),
        migrations.RunPython(forwards, backwards),
    ]
