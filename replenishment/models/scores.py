"""What came of people's edits of suggestions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from replenishment.models.plans import Suggestion


class EditScore(models.Model):
    """Both quantities of an edited suggestion on the demand that came: `replenishment.core.scoreboard`.

    Money is in the home currency, over the days that the order was for. `quantity` is the person's, 0 for a
    rejected suggestion; the system's is the suggestion's own.
    """

    suggestion = models.OneToOneField(
        Suggestion, verbose_name=_("suggestion"), on_delete=models.CASCADE, related_name="edit_score"
    )
    quantity = models.FloatField(_("quantity"))
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    demand = models.FloatField(_("units demanded"))
    system_holding = models.FloatField(_("holding cost, system"))
    system_ordering = models.FloatField(_("ordering cost, system"))
    system_lost_margin = models.FloatField(_("lost margin, system"))
    edited_holding = models.FloatField(_("holding cost, edited"))
    edited_ordering = models.FloatField(_("ordering cost, edited"))
    edited_lost_margin = models.FloatField(_("lost margin, edited"))
    saved = models.FloatField(
        _("saved by the edit"), db_index=True, help_text=_("Below 0: the system was better.")
    )
    scored_at = models.DateTimeField(_("scored"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("score of an edit")
        verbose_name_plural = _("scores of edits")
        ordering = ["-last_day", "-pk"]
        indexes = [models.Index(fields=["-last_day", "-id"], name="edit_score_latest")]

    def __str__(self) -> str:
        return f"{self.suggestion_id}: {self.saved}"

    @property
    def system_cost(self) -> float:
        """What the system's quantity would have cost."""
        return self.system_holding + self.system_ordering + self.system_lost_margin

    @property
    def edited_cost(self) -> float:
        """What the person's quantity cost."""
        return self.edited_holding + self.edited_ordering + self.edited_lost_margin
