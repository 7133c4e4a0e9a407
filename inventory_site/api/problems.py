"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.db.models import ObjectDoesNotExist
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.views import exception_handler as drf_exception_handler

from catalog.services import CatalogError
from forecasting.services import ForecastError
from replenishment.services import (
    ConflictError,
    LimitError,
    PasteRefusedError,
    ReplenishmentError,
    SelfApprovalError,
    StaleError,
    TransitionError,
)

CONTENT_TYPE = "application/problem+json"
FORBIDDEN = (SelfApprovalError, LimitError)
CONFLICTS = (TransitionError, StaleError, ConflictError)


class RefusedError(APIException):
    """What a service refused, in its own words."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "refused"

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        if isinstance(error, FORBIDDEN):
            self.status_code = HTTPStatus.FORBIDDEN
        elif isinstance(error, CONFLICTS):
            self.status_code = HTTPStatus.CONFLICT
        elif isinstance(error, PasteRefusedError):
            self.status_code = HTTPStatus.UNPROCESSABLE_ENTITY


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Turn an error into `application/problem+json`; None (a server error) for what nobody foresaw."""
    known = _known(exc)
    response = drf_exception_handler(known, context)
    if response is None:
        return None
    problem = problem_body(response.status_code)
    if isinstance(known, ValidationError):
        query = getattr(context.get("request"), "method", "GET") in {"GET", "HEAD"}
        problem["errors"] = list(_errors(response.data, "", query=query))
    elif isinstance(response.data, dict) and "detail" in response.data:
        problem["detail"] = str(response.data["detail"])
    # An error may bring a list of its own, of the rows of a bulk call, say.
    problem |= {"errors": errors} if (errors := getattr(exc, "errors", None)) else {}
    # Not rendered as the view renders: a problem is JSON, whatever the address speaks otherwise.
    answer = HttpResponse(json.dumps(problem), status=response.status_code, content_type=CONTENT_TYPE)
    for name, value in response.headers.items():
        answer.setdefault(name, value)
    return answer


def problem_body(status: int, detail: str = "") -> dict[str, Any]:
    """The members that every problem has."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
    }
    return problem | ({"detail": detail} if detail else {})


def problem_response(status: int, detail: str = "") -> HttpResponse:
    """A problem for answers that are made outside of a view."""
    return HttpResponse(json.dumps(problem_body(status, detail)), status=status, content_type=CONTENT_TYPE)


def _known(exc: Exception) -> Exception:
    if isinstance(exc, CatalogError | ForecastError | ReplenishmentError):
        return RefusedError(exc)
    if isinstance(exc, RecursionError):
        return ParseError(_("The body is nested too deeply."))
    if isinstance(exc, ObjectDoesNotExist):
        return NotFound()
    return exc


def _errors(detail: Any, path: str, *, query: bool) -> Iterator[dict[str, str]]:
    """Flatten DRF's tree of messages: one entry each, with the field and where in the request it is."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name in {"non_field_errors", "__all__"}
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            yield from _errors(inner, path if own else f"{path}/{escaped}", query=query)
    elif isinstance(detail, list):
        nested = any(isinstance(inner, dict | list) for inner in detail)
        for position, inner in enumerate(detail):
            yield from _errors(inner, f"{path}/{position}" if nested else path, query=query)
    else:
        where = {"parameter": path.lstrip("/")} if query else {"pointer": f"#{path}"}
        yield {**where, "detail": str(detail), "code": str(getattr(detail, "code", "invalid"))}
