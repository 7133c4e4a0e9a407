"""Who may open a forecast page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from forecasting import selectors

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def inside_only(view: View[P]) -> View[P]:
    """Forecasts are seen by people of the shop with the permission; a partner gets 403."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not selectors.run_is_visible(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked
