"""Who may call what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog import selectors

if TYPE_CHECKING:  # the framework imports this module while it makes its views
    from rest_framework.views import APIView


class ActionPermission(BasePermission):
    """Django's permissions per action for people of the shop; for partners, what a view opens to them.

    A view declares `action_permissions`, action to permission or to several that are all needed, and where
    partners may come in, `supplier_actions` and `channel_actions`; it narrows its rows by
    `catalog.selectors.partner_scope`. What a view does not declare is forbidden. A partner's account is one,
    whatever else the user holds.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether this user may call this action at all."""
        user = request.user
        if isinstance(user, AnonymousUser) or not user.is_active:
            return False
        action = getattr(view, "action", None)
        if action in {None, "metadata"}:  # a method that the view does not have: answered with 405
            return True
        scope = selectors.partner_scope(user)
        if scope is not None:
            opened = "supplier_actions" if scope.supplier_id is not None else "channel_actions"
            return action in getattr(view, opened, ())
        permissions: dict[str, str | tuple[str, ...]] = getattr(view, "action_permissions", {})
        needed = permissions.get(action or "", ())
        return bool(needed) and user.has_perms((needed,) if isinstance(needed, str) else needed)
