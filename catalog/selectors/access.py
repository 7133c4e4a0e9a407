"""Who may see what of the catalog, and what a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation

from catalog.models import PartnerAccount, Product, UserPreference
from catalog.text import fold

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


@dataclass(frozen=True, slots=True)
class PartnerScope:
    """All that a partner may see: what concerns one supplier, or one channel (a location)."""

    supplier_id: int | None
    location_id: int | None


def partner_scope(user: AbstractBaseUser | AnonymousUser) -> PartnerScope | None:
    """The partner account's bounds; None for people of the shop itself (and for those not logged in)."""
    if user.pk is None:
        return None
    found = PartnerAccount.objects.filter(user_id=user.pk).values_list("supplier_id", "location_id").first()
    return PartnerScope(*found) if found else None


def products_search(text: str) -> QuerySet[Product]:
    """Products whose SKU, GTIN or a name holds every word of the text, whatever case and accents."""
    found = Product.objects.all()
    for word in fold(text).split():
        found = found.filter(search_text__contains=word)
    return found


def preference_of(user: AbstractBaseUser | AnonymousUser) -> tuple[str, str]:
    """A person's language and region of formats, each "" where they chose none."""
    if user.pk is None:
        return "", ""
    found = UserPreference.objects.filter(user_id=user.pk).values_list("language", "region").first()
    return found or ("", "")


@contextmanager
def language_of(user: AbstractBaseUser | AnonymousUser, *, otherwise: str = "") -> Iterator[None]:
    """In a person's language, for what is written to them outside of their own requests: an e-mail, say.

    Who chose none gets `otherwise`, by default the language of the site.
    """
    language, _region = preference_of(user)
    with translation.override(language or otherwise or settings.LANGUAGE_CODE):
        yield
