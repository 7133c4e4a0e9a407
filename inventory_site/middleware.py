"""What wraps every page: looser content security for the admin, and what the API promises of all answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import SuspiciousOperation
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.views import APIView

from inventory_site.api.problems import CONTENT_TYPE, problem_response
from inventory_site.models import IdempotencyKey
from inventory_site.readers import preference_held, region_use

GetResponse = Callable[[HttpRequest], HttpResponse]

# The admin's front end (Alpine) compiles its attributes, and themes itself by style elements.
ADMIN_CSP = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
# Swagger's page has one style element; its start script comes from an address of its own.
DOCS_CSP = {"style-src": [SELF, UNSAFE_INLINE]}

# A key may be used anew after that long.
KEPT = timedelta(days=30)
# Room for the parts of a form around the file.
FORM_MARGIN = 1024 * 1024


class LooserContentSecurity:
    """Gives the admin and the API's page what their scripts need; every other page keeps the strict rules.

    Stands inside of `csp.middleware.CSPMiddleware`, which writes the header from what is set here.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Mark the answers of those pages."""
        response = self.get_response(request)
        if request.path.startswith(self.admin):
            response._csp_replace = ADMIN_CSP  # type: ignore[attr-defined]
        elif request.path == self.docs:
            response._csp_replace = DOCS_CSP  # type: ignore[attr-defined]
        return response

    @cached_property
    def admin(self) -> str:
        """Where the admin starts."""
        return reverse("admin:index")

    @cached_property
    def docs(self) -> str:
        """The page that describes the API."""
        return reverse("api:docs")


class SignedOut(LoginRequiredMiddleware):
    """Sends who is not logged in to the log-in page; from a form that was sent, back to the page that has it.

    What was typed there waits in the browser (typed.js): it is put back, and nothing was sent.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        """The way to the log-in page."""
        page = urlsplit(request.headers.get("Referer", ""))
        is_form = request.method == "POST" and "HX-Request" not in request.headers
        if not is_form or page.netloc != request.get_host():
            return super().handle_no_permission(request, view_func)
        back = f"{page.path}?{page.query}" if page.query else page.path
        return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': back, 'typed': 1})}")


class ReadersLanguage:
    """Speaks the language that the person chose for their account, and writes dates and numbers their way.

    Stands inside of Django's `LocaleMiddleware`, which goes by the cookie and the browser, and of the
    authentication.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Language and formats for this request."""
        chosen = preference_held(request.user)
        if chosen is not None and chosen.language in dict(settings.LANGUAGES):
            translation.activate(chosen.language)
            request.LANGUAGE_CODE = chosen.language
        region_use(chosen.region if chosen is not None else "")
        return self.get_response(request)


class ApiAnswers:
    """Under /api/: bodies have a limit, every error is a problem detail, and writes may carry a key."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Leave other pages alone; answer, or wrap the answer, under /api/."""
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        response = self._answer(request)
        plain = response.get("Content-Type", "") != CONTENT_TYPE
        if response.status_code >= HTTPStatus.BAD_REQUEST and plain:
            if settings.DEBUG and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
                return response
            kept = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
            response = problem_response(response.status_code)
            for name, value in kept.items():
                response[name] = value
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        is_form = (request.content_type or "").startswith("multipart/")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_form:
            limit = settings.FORESTOCK_UPLOAD_LIMIT_BYTES + FORM_MARGIN
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > limit:
            return problem_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The body is too large."))
        if "Idempotency-Key" not in request.headers or request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        if request.path == reverse("api:token-list"):
            # The answer is a secret that is kept as a hash alone: it can't be given twice.
            return problem_response(HTTPStatus.BAD_REQUEST, _("Tokens are made without an Idempotency-Key."))
        return self._once(request)

    def _once(self, request: HttpRequest) -> HttpResponse:
        """Do the write and store its answer in one transaction, or give the stored answer again."""
        key = request.headers["Idempotency-Key"]
        if not 1 <= len(key) <= 255 or not key.isprintable():
            return problem_response(
                HTTPStatus.BAD_REQUEST, _("An Idempotency-Key is 1 to 255 printable characters.")
            )
        try:
            user = APIView().initialize_request(request).user
            digest = _digest(request)
        except (APIException, SuspiciousOperation):
            return self.get_response(request)  # the view refuses it in the proper form
        if not user.is_authenticated:
            return self.get_response(request)
        with transaction.atomic():
            if not _lock(f"{user.pk}:{key}"):
                return problem_response(
                    HTTPStatus.CONFLICT, _("A request with this Idempotency-Key is under way.")
                )
            stored = IdempotencyKey.objects.filter(user_id=user.pk, key=key).first()
            if stored is not None:
                return _replay(stored, digest)
            response = self.get_response(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                # Nothing of a refused write stays, so the same key may try again.
                transaction.set_rollback(True)
                return response
            own = IdempotencyKey.objects.filter(user_id=user.pk)
            own.filter(created_at__lt=timezone.now() - KEPT).delete()
            IdempotencyKey.objects.create(
                user_id=user.pk,
                key=key,
                request_sha256=digest,
                status=response.status_code,
                body=response.content.decode(),
            )
        return response


def _replay(stored: IdempotencyKey, digest: str) -> HttpResponse:
    if stored.request_sha256 != digest:
        return problem_response(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            _("This Idempotency-Key was used for another request."),
        )
    response = HttpResponse(stored.body, status=stored.status, content_type="application/json")
    response["Idempotent-Replayed"] = "true"
    return response


def _lock(name: str) -> bool:
    """Take the key for this transaction; False if another has it. SQLite has one writer at a time anyway."""
    if connection.vendor != "postgresql":
        return True
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _digest(request: HttpRequest) -> str:
    """What makes two requests the same: method, address and body, or a form's fields and files."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if (request.content_type or "").startswith("multipart/"):
        # The boundary between a form's parts is another one on each try.
        for name, values in sorted(request.POST.lists()):
            digest.update(repr((name, values)).encode())
        for name, files in sorted(request.FILES.lists()):
            for file in files:
                digest.update(repr((name, file.name)).encode())
                for chunk in file.chunks():
                    digest.update(chunk)
                file.seek(0)
    else:
        digest.update(request.body)
    return digest.hexdigest()
