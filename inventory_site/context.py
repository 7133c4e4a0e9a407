"""What every page's template gets."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from catalog.models import PartnerAccount


def shared(request: HttpRequest) -> dict[str, object]:
    """The home currency, for totals, and whether the reader is a partner (who has no buyer pages)."""
    user = getattr(request, "user", None)
    return {
        "home_currency": settings.FORESTOCK_HOME_CURRENCY,
        "is_partner": bool(
            user is not None
            and user.is_authenticated
            and PartnerAccount.objects.filter(user_id=user.pk).exists()
        ),
    }
