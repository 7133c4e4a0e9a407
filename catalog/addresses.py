"""Where a page returns to."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def back_address(request: HttpRequest) -> str:
    """The page of ours that the address asks to return to (`next`); "" without one, or for another site's."""
    asked = request.GET.get("next", "")
    own = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if own and asked.startswith("/") else ""
