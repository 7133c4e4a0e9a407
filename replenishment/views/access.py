"""Who may open a buyer's page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import quote

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from forecasting.models import TrendReading

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def reader(request: HttpRequest) -> User:
    """The user of a request that got past the log-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def buyer_page(*permissions: str) -> Callable[[View[P]], View[P]]:
    """A page for those who have all of these permissions and belong to no partner; others get 403.

    Who is not logged in has been sent to the log-in page before (LoginRequiredMiddleware).
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = reader(request)
            if catalog.partner_scope(user) is not None or not user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def sees_photos(request: HttpRequest) -> bool:
    """Whether a page shows photos to its reader, who belongs to the shop."""
    return request.user.has_perm("catalog.view_productimage")


def trends_seen(request: HttpRequest, product_ids: Collection[int]) -> dict[int, TrendReading]:
    """The latest trend of each of the products, where the reader may see trends."""
    if not request.user.has_perm("forecasting.view_trendreading"):
        return {}
    return forecasting.trends_of(product_ids)


def message_header(text: str, *, status: int) -> HttpResponse:
    """A refusal to an htmx request: app.js shows its words, and the page stays as it is."""
    return HttpResponse(status=status, headers={"X-Message": quote(text)})
