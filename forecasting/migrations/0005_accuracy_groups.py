import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("forecasting", "0004_override_permissions"),
    ]

    operations = [
        migrations.AddField(
            model_name="seriesaccuracy",
            name="category",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="catalog.category",
                verbose_name="category",
            ),
        ),
        migrations.AddField(
            model_name="seriesaccuracy",
            name="model",
            field=models.CharField(default="", max_length=64, verbose_name="model"),
            preserve_default=False,
        ),
    ]
