"""Who may open a page of the catalog."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from catalog import selectors

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def inside_only(*permissions: str) -> Callable[[View[P]], View[P]]:
    """For people of the shop with these permissions; a partner gets 403 whatever they may otherwise do."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if selectors.partner_scope(request.user) is not None or not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorate


def person(request: HttpRequest) -> User:
    """The user of a request that got past the log-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
