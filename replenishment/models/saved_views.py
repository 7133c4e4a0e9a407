"""Views of the workbench that people keep: filters, tab and order under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """A choice of filters, tab and order, as the workbench's address has it; the owner's, or everybody's."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("query"), max_length=400, blank=True)
    is_shared = models.BooleanField(_("shared"), default=False, help_text=_("Everybody sees it."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "pk"]
        permissions = [("share_savedview", "Can share a saved view with everybody")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name_is_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_a_name"),
        ]
        indexes = [models.Index(fields=["name"], condition=Q(is_shared=True), name="saved_view_shared")]

    def __str__(self) -> str:
        return self.name
