"""What a person has chosen for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.models import UserPreference

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def preference_set(
    *, user: AbstractBaseUser, language: str | None = None, region: str | None = None
) -> UserPreference:
    """Keep a person's language and formats with their account; None leaves one as it is."""
    given = {"language": language, "region": region}
    values = {name: value for name, value in given.items() if value is not None}
    kept, _created = UserPreference.objects.update_or_create(user_id=user.pk, defaults=values)
    return kept
