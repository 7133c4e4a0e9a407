import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replenishment", "0014_comments")]

    operations = [
        migrations.AddField(
            model_name="purchaseorder",
            name="split_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="split_into",
                to="replenishment.purchaseorder",
                verbose_name="split from",
            ),
        ),
    ]
