"""Acts on many suggestions that are done in the background: what was asked, of which, and what came of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.models import Job
from replenishment.models.changes import SuggestionChange
from replenishment.models.plans import PlanRun

Change = SuggestionChange.Kind


class BulkAct(Job):
    """One act of `created_by` on many suggestions of a plan, or the undo of one.

    `seen` holds the rows as they were when it was asked (`services.bulk_chosen`): what has changed since is
    left alone. It is let go when the act is done. `change` is the act's in the log; `report` counts.
    """

    class Kind(models.TextChoices):
        """What is asked: of acts the kind of their change in the log, and what undoes or orders."""

        SCALE = Change.SCALE.value, _("Change the quantities by a share")
        COVER = Change.COVER.value, _("Order for days of cover")
        MINIMUM = Change.MINIMUM.value, _("Top up orders to the supplier’s minimum")
        SYSTEM = Change.SYSTEM.value, _("Back to the system’s quantities")
        SNOOZE = Change.SNOOZE.value, _("Snooze")
        REJECT = Change.REJECT.value, _("Reject")
        WAKE = Change.WAKE.value, _("Wake")
        REOPEN = Change.REOPEN.value, _("Open again")
        UNDO = Change.UNDO.value, _("Undo")
        REDO = "redo", _("Redo")
        DRAFT = "draft", _("Make drafts")
        SUBMIT = "submit", _("Draft and submit")

    plan_run = models.ForeignKey(
        PlanRun, verbose_name=_("plan run"), on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    values = models.JSONField(_("values"), default=dict, blank=True)
    undoes = models.ForeignKey(
        SuggestionChange,
        verbose_name=_("undoes"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    rows_count = models.PositiveIntegerField(_("suggestions"), default=0)
    seen = models.BinaryField(default=bytes, editable=False)
    change = models.ForeignKey(
        SuggestionChange,
        verbose_name=_("change of suggestions"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    report = models.JSONField(_("report"), default=dict, blank=True)

    class Meta:
        verbose_name = _("act on many suggestions")
        verbose_name_plural = _("acts on many suggestions")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("undo", "redo"), undoes__isnull=False)
                | ~Q(kind__in=("undo", "redo")) & Q(undoes=None),
                name="bulk_act_that_undoes_has_a_change",
            )
        ]

    def __str__(self) -> str:
        words = ngettext("%(what)s (%(n)s suggestion)", "%(what)s (%(n)s suggestions)", self.rows_count)
        return words % {"what": self.get_kind_display(), "n": f"{self.rows_count:,}"}
