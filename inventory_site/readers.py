"""How a person reads: their language, and whose way to write dates and numbers; kept with the account."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from babel import Locale, UnknownLocaleError, localedata
from babel.dates import format_date
from babel.numbers import format_currency
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import get_language

from catalog.models import UserPreference

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

# Countries whose formats may be chosen, where the language is written there (Unicode CLDR).
REGIONS = ("US", "GB", "IE", "AU", "CA", "NZ", "IN", "ZA", "DE", "AT", "CH", "NL", "BE", "SE", "DK", "FI",
           "CN", "SG", "HK", "MO")  # fmt: skip

_region: ContextVar[str] = ContextVar("region", default="")


class ReaderBackend(ModelBackend):
    """Django's own, which brings what a person has chosen along with their account, in the same query."""

    def get_user(self, user_id: Any) -> User | None:
        """The user of a session."""
        user = User.objects.select_related("preference").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def preference_held(user: AbstractBaseUser | AnonymousUser) -> UserPreference | None:
    """What a person has chosen; asks the database only where the account came without it."""
    try:
        found: UserPreference | None = getattr(user, "preference", None)
    except UserPreference.DoesNotExist:
        return None
    return found


def region_use(region: str) -> None:
    """Write dates and numbers as in this country from here on in this request; "": as the language does."""
    _region.set(region)


def reader_locale() -> Locale:
    """The locale of the reader's language and country."""
    return locale_of(get_language() or "en", _region.get())


@lru_cache(maxsize=64)
def locale_of(language: str, region: str = "") -> Locale:
    """The locale of a Django language code in a country, or of the language where it is not written there."""
    try:
        plain = Locale.parse(language.replace("-", "_"))
        return Locale.parse(f"{plain}_{region}") if region and _is_known(plain, region) else plain
    except (ValueError, UnknownLocaleError):
        return Locale("en")


def _is_known(plain: Locale, region: str) -> bool:
    return region in REGIONS and bool(localedata.exists(f"{plain}_{region}"))


@dataclass(frozen=True)
class RegionChoice:
    """A country with how a date and an amount look there."""

    code: str
    name: str
    example: str


def region_choices(language: str, currency: str) -> list[RegionChoice]:
    """The countries that a language is written in, by name; first the language's own way."""
    plain = locale_of(language)
    codes = sorted(
        (code for code in REGIONS if _is_known(plain, code)), key=lambda code: str(plain.territories[code])
    )
    return [
        RegionChoice(code, str(plain.territories[code]) if code else "", _example(language, code, currency))
        for code in ("", *codes)
    ]


def _example(language: str, region: str, currency: str) -> str:
    locale = locale_of(language, region)
    day = format_date(date(2026, 12, 31), format="medium", locale=locale)
    return f"{day} · {format_currency(Decimal('12345.6'), currency, locale=locale)}"
