"""What every page's template gets."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def shared(request: HttpRequest) -> dict[str, object]:
    """The home currency, for totals."""
    return {"home_currency": settings.FORESTOCK_HOME_CURRENCY}
