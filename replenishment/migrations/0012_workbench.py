"""What the workbench lists, sorts, sums and undoes, kept so that no page works it out."""

from datetime import timedelta

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, F, Min, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce, NullIf


def costs_fill(apps, schema_editor):
    """The unit cost in the home currency, at the rate that rows of the same plan and currency were valued at."""
    Suggestion = apps.get_model("replenishment", "Suggestion")
    Plan = apps.get_model("replenishment", "PlanRun")
    for plan in Plan.objects.values_list("pk", flat=True):
        rows = Suggestion.objects.filter(plan_run_id=plan, unit_cost__isnull=False)
        for currency in rows.order_by().values_list("currency", flat=True).distinct():
            rates = rows.filter(currency=currency, unit_cost__gt=0, order_quantity__gt=0, home_value__gt=0)
            row = rates.order_by("-home_value").values("home_value", "order_quantity", "unit_cost").first()
            if row is not None:
                rate = row["home_value"] / (row["order_quantity"] * float(row["unit_cost"]))
                cost = Cast("unit_cost", models.FloatField()) * rate
                rows.filter(currency=currency).update(home_unit_cost=cost)


def sums_fill(apps, schema_editor):
    """The sums of the plan that the workbench shows."""
    Suggestion = apps.get_model("replenishment", "Suggestion")
    PlanSum = apps.get_model("replenishment", "PlanSum")
    plan = apps.get_model("replenishment", "PlanRun").objects.filter(state="done").order_by("pk").last()
    if plan is None:
        return
    lanes = ("order", "waiting", "exception", "drafted", "rejected", "snoozed")
    due = Q(lane="order")
    found = (
        Suggestion.objects.filter(plan_run=plan)
        .order_by()
        .values("supplier_id", "location_id", "currency")
        .annotate(
            **{name: Count("pk", filter=Q(lane=name)) for name in lanes},
            week=Count("pk", filter=Q(lane="waiting", order_by__lte=plan.as_of + timedelta(days=7))),
            out=Count("pk", filter=Q(on_hand__lte=0, daily_demand__gt=0)),
            value=Coalesce(Sum("final_value", filter=due), 0.0),
            risk=Coalesce(Sum("margin_at_risk", filter=due), 0.0),
            first=Min("order_by", filter=due),
            runs_out=Count("pk", filter=due & Q(cover_days__lt=F("lead_time_days"))),
        )
    )
    rows = [{"order_by" if name == "first" else name: value for name, value in row.items()} for row in found]
    PlanSum.objects.bulk_create((PlanSum(plan_run=plan, **row) for row in rows), batch_size=2000)


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_jobs_stopped"),
        ("replenishment", "0011_jobs_stopped"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanSum",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                ("order", models.PositiveIntegerField(default=0, verbose_name="to order")),
                ("waiting", models.PositiveIntegerField(default=0, verbose_name="not due")),
                ("exception", models.PositiveIntegerField(default=0, verbose_name="blocked")),
                ("drafted", models.PositiveIntegerField(default=0, verbose_name="in orders")),
                ("rejected", models.PositiveIntegerField(default=0, verbose_name="rejected")),
                ("snoozed", models.PositiveIntegerField(default=0, verbose_name="snoozed")),
                ("week", models.PositiveIntegerField(default=0, verbose_name="due this week")),
                ("excess", models.PositiveIntegerField(default=0, verbose_name="excess")),
                ("new", models.PositiveIntegerField(default=0, verbose_name="new")),
                ("out", models.PositiveIntegerField(default=0, verbose_name="out of stock")),
                ("value", models.FloatField(default=0.0, verbose_name="value")),
                ("risk", models.FloatField(default=0.0, verbose_name="margin at risk")),
                ("order_by", models.DateField(null=True, verbose_name="order by")),
                (
                    "runs_out",
                    models.PositiveIntegerField(default=0, verbose_name="out before an order is in"),
                ),
            ],
            options={
                "verbose_name": "sum of suggestions",
                "verbose_name_plural": "sums of suggestions",
            },
        ),
        migrations.CreateModel(
            name="Snooze",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("until", models.DateField(blank=True, null=True, verbose_name="until")),
                (
                    "stock_level",
                    models.FloatField(blank=True, null=True, verbose_name="until the stock is at"),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
            ],
            options={
                "verbose_name": "snooze",
                "verbose_name_plural": "snoozes",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="SuggestionChange",
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
                            ("quantity", "Quantity typed"),
                            ("system", "Back to the system's quantity"),
                            ("scale", "Quantities changed by a share"),
                            ("cover", "Cover set"),
                            ("minimum", "Topped up to the minimum"),
                            ("paste", "Quantities pasted"),
                            ("supplier", "Supplier changed"),
                            ("reject", "Rejected"),
                            ("reopen", "Reopened"),
                            ("snooze", "Snoozed"),
                            ("wake", "Woken"),
                            ("undo", "Undone"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="when")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("lines_count", models.PositiveIntegerField(default=0, verbose_name="suggestions")),
            ],
            options={
                "verbose_name": "change of suggestions",
                "verbose_name_plural": "changes of suggestions",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="SuggestionChangeLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state_before",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("drafted", "In an order"),
                            ("rejected", "Rejected"),
                            ("snoozed", "Snoozed"),
                        ],
                        max_length=8,
                        verbose_name="state before",
                    ),
                ),
                (
                    "state_after",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("drafted", "In an order"),
                            ("rejected", "Rejected"),
                            ("snoozed", "Snoozed"),
                        ],
                        max_length=8,
                        verbose_name="state after",
                    ),
                ),
                ("quantity_before", models.FloatField(null=True, verbose_name="quantity before")),
                ("quantity_after", models.FloatField(null=True, verbose_name="quantity after")),
                ("edited_at_before", models.DateTimeField(null=True)),
                ("reason_before", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "verbose_name": "changed suggestion",
                "verbose_name_plural": "changed suggestions",
            },
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_state_risk",
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_location",
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_order_by",
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_value",
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_cover",
        ),
        migrations.RemoveIndex(
            model_name="suggestion",
            name="suggestion_quantity",
        ),
        migrations.AddField(
            model_name="suggestion",
            name="excess",
            field=models.FloatField(
                help_text="Units free on hand above the order-up-to level.", null=True, verbose_name="excess"
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="excess_value",
            field=models.FloatField(null=True, verbose_name="value of the excess"),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="planned_with",
            field=models.JSONField(
                blank=True,
                default=None,
                help_text="The plan's supplier and costs, where a buyer chose another supplier.",
                null=True,
                verbose_name="planned with",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="home_unit_cost",
            field=models.FloatField(
                help_text="At the exchange rate of the plan's day.",
                null=True,
                verbose_name="unit cost in home currency",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="is_new",
            field=models.BooleanField(
                default=False, help_text="Its forecast leans on look-alikes.", verbose_name="new"
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="on_order_late",
            field=models.FloatField(
                default=0.0, help_text="Expected before the plan's day.", verbose_name="of it late"
            ),
        ),
        migrations.AlterField(
            model_name="suggestion",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("drafted", "In an order"),
                    ("rejected", "Rejected"),
                    ("snoozed", "Snoozed"),
                ],
                default="open",
                max_length=8,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="plansum",
            name="location",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.location",
                verbose_name="location",
            ),
        ),
        migrations.AddField(
            model_name="plansum",
            name="plan_run",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sums",
                to="replenishment.planrun",
                verbose_name="plan run",
            ),
        ),
        migrations.AddField(
            model_name="plansum",
            name="supplier",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.supplier",
                verbose_name="supplier",
            ),
        ),
        migrations.AddField(
            model_name="snooze",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="created by",
            ),
        ),
        migrations.AddField(
            model_name="snooze",
            name="location",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalog.location",
                verbose_name="location",
            ),
        ),
        migrations.AddField(
            model_name="snooze",
            name="product",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="snoozes",
                to="catalog.product",
                verbose_name="product",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchange",
            name="actor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="who",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchange",
            name="plan_run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="replenishment.planrun",
                verbose_name="plan run",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchange",
            name="undoes",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="undone_by",
                to="replenishment.suggestionchange",
                verbose_name="undoes",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchangeline",
            name="change",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lines",
                to="replenishment.suggestionchange",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchangeline",
            name="edited_by_before",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="suggestionchangeline",
            name="suggestion",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="replenishment.suggestion",
                verbose_name="suggestion",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchangeline",
            name="terms_after",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="catalog.supplyterms",
                verbose_name="terms after",
            ),
        ),
        migrations.AddField(
            model_name="suggestionchangeline",
            name="terms_before",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="catalog.supplyterms",
                verbose_name="terms before",
            ),
        ),
        migrations.AddConstraint(
            model_name="plansum",
            constraint=models.UniqueConstraint(
                fields=("plan_run", "supplier", "location", "currency"),
                name="plan_sum_is_unique",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="snooze",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("product", "location"),
                name="snooze_is_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="snooze",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__isnull", False), ("stock_level__isnull", False), _connector="OR"),
                name="snooze_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="snooze",
            constraint=models.CheckConstraint(
                condition=models.Q(("stock_level", None), ("stock_level__gte", 0), _connector="OR"),
                name="snooze_level_is_not_negative",
            ),
        ),
        migrations.AddIndex(
            model_name="suggestionchange",
            index=models.Index(fields=["actor", "plan_run", "-id"], name="suggestion_change_actor"),
        ),
        migrations.AddConstraint(
            model_name="suggestionchangeline",
            constraint=models.UniqueConstraint(
                fields=("change", "suggestion"), name="suggestion_change_line_is_unique"
            ),
        ),
        migrations.RunPython(costs_fill, migrations.RunPython.noop),
        migrations.AddField(
            model_name="suggestion",
            name="final",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.comparison.Coalesce(
                    "edited_quantity", "order_quantity"
                ),
                output_field=models.FloatField(),
                verbose_name="final quantity",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="return_rate",
            field=models.GeneratedField(
                db_persist=True,
                expression=F("margin_at_risk")
                / NullIf(Coalesce("edited_quantity", "order_quantity") * F("home_unit_cost"), Value(0.0)),
                help_text="Margin at risk per unit of money spent.",
                output_field=models.FloatField(null=True),
                verbose_name="return",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="change",
            field=models.GeneratedField(
                db_persist=True,
                expression=F("order_quantity") - F("previous_quantity"),
                output_field=models.FloatField(null=True),
                verbose_name="change since the plan before",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="spread",
            field=models.GeneratedField(
                db_persist=True,
                expression=(F("demand_p90") - F("demand_p50")) / NullIf(F("demand_p50"), Value(0.0)),
                help_text="P90 less P50, as a share of P50.",
                output_field=models.FloatField(null=True),
                verbose_name="spread of demand",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="lane",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(state="drafted", then=models.Value("drafted")),
                    models.When(state="rejected", then=models.Value("rejected")),
                    models.When(state="snoozed", then=models.Value("snoozed")),
                    models.When(
                        models.Q(
                            ("edited_quantity__gt", 0),
                            models.Q(("edited_quantity", None), ("order_quantity__gt", 0)),
                            _connector="OR",
                        ),
                        then=models.Value("order"),
                    ),
                    models.When(
                        models.Q(("reason__startswith", "exception:")), then=models.Value("exception")
                    ),
                    default=models.Value("waiting"),
                ),
                output_field=models.CharField(
                    choices=[
                        ("order", "To order"),
                        ("waiting", "Not due"),
                        ("exception", "Blocked"),
                        ("drafted", "In orders"),
                        ("rejected", "Rejected"),
                        ("snoozed", "Snoozed"),
                    ],
                    max_length=9,
                ),
                verbose_name="lane",
            ),
        ),
        migrations.AddField(
            model_name="suggestion",
            name="final_value",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.expressions.CombinedExpression(
                    django.db.models.functions.comparison.Coalesce("edited_quantity", "order_quantity"),
                    "*",
                    models.F("home_unit_cost"),
                ),
                output_field=models.FloatField(null=True),
                verbose_name="final value in home currency",
            ),
        ),
        migrations.AddIndex(
            model_name="suggestion",
            index=models.Index(
                fields=["plan_run", "lane", "supplier", "location"],
                include=(
                    "currency",
                    "product",
                    "abc",
                    "xyz",
                    "pattern",
                    "rule",
                    "on_hand",
                    "on_order",
                    "on_order_late",
                    "allocated",
                    "cover_days",
                    "lead_time_days",
                    "daily_demand",
                    "order_by",
                    "demand_p50",
                    "net_need",
                    "final",
                    "final_value",
                    "margin_at_risk",
                    "expected_fill_rate",
                    "landed_cost",
                    "return_rate",
                    "change",
                    "spread",
                    "excess_value",
                    "is_new",
                ),
                name="suggestion_listed",
            ),
        ),
        migrations.RunPython(sums_fill, migrations.RunPython.noop),
    ]
