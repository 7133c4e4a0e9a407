"""The views of the workbench that a person may choose."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from replenishment.models import SavedView


def saved_views_list(user: User) -> QuerySet[SavedView]:
    """The person's own views and those that others share, by name."""
    return SavedView.objects.filter(Q(owner=user) | Q(is_shared=True)).select_related("owner")
