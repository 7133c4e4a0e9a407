"""Imports: one row each, with what came in, what changed, what was dropped and what was refused."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.jobs import Job


class ImportBatch(Job):
    """One file (or one API call) taken in: what it was, and what it did."""

    PHOTOS = "photos"  # the kind that has no rows, but photos in a ZIP file

    class Mode(models.TextChoices):
        STRICT = "strict", _("Load nothing if any row is wrong")
        GOOD_ROWS = "good-rows", _("Load the good rows")

    kind = models.CharField(_("kind"), max_length=32, db_index=True)
    file_name = models.CharField(_("file name"), max_length=255, blank=True)
    file = models.FileField(_("file"), upload_to="imports/%Y/%m/", blank=True, max_length=255)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    mapping = models.JSONField(_("column mapping"), default=dict, blank=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    mode = models.CharField(_("mode"), max_length=9, choices=Mode, default=Mode.STRICT)
    rows_read = models.PositiveBigIntegerField(_("rows read"), default=0)
    rows_new = models.PositiveBigIntegerField(_("new"), default=0)
    rows_changed = models.PositiveBigIntegerField(_("changed"), default=0)
    rows_unchanged = models.PositiveBigIntegerField(_("unchanged"), default=0)
    rows_rejected = models.PositiveBigIntegerField(_("rejected"), default=0)
    # Documented drops: reason -> {"rows": n, "quantity": "decimal", "value": "decimal"}.
    drops = models.JSONField(_("drops"), default=dict, blank=True)
    # The first errors, each {"row": n, "column": c, "value": v, "reason": r}; the file below has them all.
    errors = models.JSONField(_("errors"), default=list, blank=True)
    rejected_file = models.FileField(
        _("rejected rows"), upload_to="imports/rejected/%Y/%m/", blank=True, max_length=255
    )
    taken_back_at = models.DateTimeField(_("taken back"), null=True, blank=True)
    taken_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("taken back by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    RETRY_VALUES: ClassVar[dict[str, Any]] = {
        "rows_read": 0,
        "rows_new": 0,
        "rows_changed": 0,
        "rows_unchanged": 0,
        "rows_rejected": 0,
        "drops": {},
        "errors": [],
    }

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-pk"]
        permissions = [("take_back_importbatch", "Can take back an import")]

    def __str__(self) -> str:
        return str(_("Import %(number)s (%(kind)s)") % {"number": self.pk, "kind": self.kind})

    @property
    def is_draft(self) -> bool:
        """Whether it waits for a person to look at its columns, and must not run yet."""
        return bool(self.options.get("draft"))

    @property
    def can_retry(self) -> bool:
        """As for every job, where there is a file; what an API call sent is not kept, nor photos for ever."""
        is_gone = self.kind == self.PHOTOS and not self.file and "path" not in self.options
        return super().can_retry and not (self.is_draft or self.options.get("api") or is_gone)

    @classmethod
    def stale_ids(cls) -> list[int]:
        """As for every job; drafts are not stale, however old."""
        stale = cls.objects.filter(pk__in=super().stale_ids())
        return list(stale.exclude(options__has_key="draft").values_list("pk", flat=True))


class ColumnMapping(models.Model):
    """How the columns of files with this header were last mapped, so that it is asked once."""

    kind = models.CharField(_("kind"), max_length=32)
    header_sha256 = models.CharField(max_length=64)
    mapping = models.JSONField(_("column mapping"), default=dict)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        constraints = [
            models.UniqueConstraint(fields=["kind", "header_sha256"], name="column_mapping_is_unique")
        ]

    def __str__(self) -> str:
        return self.kind
