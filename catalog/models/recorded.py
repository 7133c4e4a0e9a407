"""What every row that an import may write keeps: when it was recorded, and by which import."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models.imports import ImportBatch


class Recorded(models.Model):
    """When the row was recorded as it stands, and the import that wrote it (null: typed by hand)."""

    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now, editable=False)
    batch = models.ForeignKey(
        ImportBatch, on_delete=models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )

    class Meta:
        abstract = True
