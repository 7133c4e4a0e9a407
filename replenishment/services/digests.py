"""The daily e-mail about exceptions: each person's own and nobody's, once a day."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from catalog import selectors as catalog
from replenishment.models import Digest, DigestChoice
from replenishment.selectors.exceptions import (
    ExceptionSums,
    exception_owners,
    exceptions_detailed,
    exceptions_of,
    exceptions_sums,
)

logger = logging.getLogger(__name__)

_SEE = "replenishment.view_exceptioncase"


def digest_choose(*, user: User, is_wanted: bool) -> None:
    """Whether a person gets the e-mail."""
    DigestChoice.objects.update_or_create(user=user, defaults={"is_wanted": is_wanted})


def digest_people() -> list[User]:
    """Who gets it: active people of the shop with an address, who may act on exceptions and want it."""
    people = exception_owners().exclude(email="").select_related("exception_digest")
    return [user for user in people if _choice(user).is_wanted and user.has_perm(_SEE)]


def digests_send(*, day: date | None = None) -> int:
    """Send everybody's e-mail of the day (default: the clock's); how many went out."""
    day = day or timezone.localdate()
    return sum(digest_send(user=user, day=day) for user in digest_people())


def digest_send(*, user: User, day: date) -> bool:
    """Send a person's e-mail of a day, unless it was sent or begun before; False where it was not sent.

    The day is taken by a row that is committed before the e-mail goes out: a worker that is killed, or a
    second one, sends it at most once. Without any case nothing is sent.
    """
    message = digest_message(user)
    if message is None:
        return False
    mail, count = message
    claim, is_new = Digest.objects.get_or_create(user=user, day=day, defaults={"cases": count})
    if not is_new:
        return False
    try:
        mail.send()
    except OSError:
        # Whether it went out is not known: better none than two.
        logger.exception("The daily e-mail to user %d was not sent", user.pk)
        return False
    Digest.objects.filter(pk=claim.pk).update(sent_at=timezone.now())
    return True


def digest_message(user: User) -> tuple[EmailMultiAlternatives, int] | None:
    """A person's e-mail as it stands, in their language, and how many cases it is about; None without any."""
    cases = exceptions_of(user)
    with catalog.language_of(user):
        sums = exceptions_sums(cases)
        if not sums.cases:
            return None
        context = _context(user, sums)
        context["cases"] = list(exceptions_detailed(cases)[: settings.FORESTOCK_DIGEST_CASES])
        mail = EmailMultiAlternatives(
            subject=ngettext("%(n)d exception needs you", "%(n)d exceptions need you", sums.cases)
            % {"n": sums.cases},
            body=render_to_string("replenishment/mail/digest.txt", context),
            to=[user.email],
        )
        mail.attach_alternative(render_to_string("replenishment/mail/digest.html", context), "text/html")
    return mail, sums.cases


def _context(user: User, sums: ExceptionSums) -> dict[str, Any]:
    return {
        "person": user,
        "sums": sums,
        "site": settings.FORESTOCK_SITE_URL,
        "address": settings.FORESTOCK_SITE_URL + reverse("replenishment:exception-list"),
        "home_currency": settings.FORESTOCK_HOME_CURRENCY,
    }


def _choice(user: User) -> DigestChoice:
    return getattr(user, "exception_digest", None) or DigestChoice(user=user)
