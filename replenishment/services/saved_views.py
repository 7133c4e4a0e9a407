"""Keeping, sharing and forgetting views of the workbench."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import SavedView
from replenishment.services.errors import SettingError
from replenishment.services.orders import permission_require

MOST = 50
"""So many views a person may keep: a list of more finds nothing faster."""


def view_save(*, name: str, query: str, is_shared: bool, acting_user: User) -> SavedView:
    """Keep a view under a name; one of the person's own of the same name is replaced.

    Raises SettingError without a name, or for one view too many.
    """
    permission_require(acting_user, "add_savedview")
    if is_shared:
        permission_require(acting_user, "share_savedview")
    name = " ".join(name.split())
    if not name:
        raise SettingError(_("It needs a name."))
    with transaction.atomic():
        # One at a time for a person, so that the count holds.
        User.objects.select_for_update().get(pk=acting_user.pk)
        mine = SavedView.objects.filter(owner=acting_user)
        if mine.exclude(name=name).count() >= MOST:
            raise SettingError(_("You have %(n)d views already: delete one first.") % {"n": MOST})
        view, _new = SavedView.objects.update_or_create(
            owner=acting_user, name=name, defaults={"query": query, "is_shared": is_shared}
        )
    return view


def view_delete(*, view: SavedView, acting_user: User) -> None:
    """Forget a view: one's own, or with the permission to delete any that is shared."""
    if view.owner_id != acting_user.pk:
        permission_require(acting_user, "delete_savedview")
    view.delete()
