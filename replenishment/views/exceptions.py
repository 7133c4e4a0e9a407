"""The page of exceptions: the list, one case, and what people do about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from catalog import selectors as catalog
from replenishment import exports, selectors, services
from replenishment.exception_forms import ExceptionActForm, ExceptionFilter, case_ids
from replenishment.models import DigestChoice, ExceptionCase
from replenishment.selectors import Fix
from replenishment.tasks import plan_execute_task
from replenishment.views.access import buyer_page, message_header, reader
from replenishment.views.exports import file_response
from replenishment.views.paging import page_of

PAGE_SIZE = 50
SEE, DECIDE = "replenishment.view_exceptioncase", "replenishment.decide_exceptioncase"
State = ExceptionCase.State


@dataclass(frozen=True)
class CaseLine:
    """A case, and what its reader can do about it."""

    case: ExceptionCase
    fix: Fix


@require_GET
@buyer_page(SEE)
def exception_list(request: HttpRequest) -> HttpResponse:
    """Exceptions, the most expensive first."""
    template = "partials/exceptions_body.html" if _is_part(request) else "exception_list.html"
    return render(request, f"replenishment/{template}", _shown(request))


@require_GET
@buyer_page(SEE)
def exceptions_export(request: HttpRequest, ending: str) -> HttpResponseBase:
    """All that the filters match, as CSV or Excel."""
    chosen = _Chosen.of(request)
    cases = selectors.exceptions_detailed(selectors.exceptions_list(**chosen.filters()))
    write = exports.exceptions_csv if ending == "csv" else exports.exceptions_xlsx
    return file_response(write(cases), f"{_('exceptions')}-{catalog.today().isoformat()}", ending)


@require_GET
@buyer_page(SEE)
def exception_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One case in the drawer: where it comes from, what happened to it, and what can be done."""
    user = reader(request)
    cases = selectors.exceptions_detailed(ExceptionCase.objects.filter(pk=pk))
    case = get_object_or_404(cases.select_related("plan_run", "forecast_run"))
    may_decide = user.has_perm(DECIDE)
    return render(
        request,
        "replenishment/partials/exception_drawer.html",
        {
            "case": case,
            "fix": selectors.exception_fixes([case], user)[case.pk],
            "events": case.events.select_related("actor"),
            "may_decide": may_decide,
            "owners": selectors.exception_owners() if may_decide else [],
            "today": catalog.today(),
            "next_week": catalog.today() + timedelta(days=7),
        },
    )


@require_POST
@buyer_page(SEE, DECIDE)
def exceptions_act(request: HttpRequest) -> HttpResponse:
    """Assign, snooze, close or take up again the cases that are ticked, or one; then the list again."""
    form, ids = ExceptionActForm(request.POST), case_ids(request.POST)
    if not form.is_valid():
        return _refused(request, str(next(iter(form.errors.values()))[0]))
    if not ids:
        return _refused(request, _("Tick some exceptions first."))
    try:
        text = _done(form.cleaned_data, ids, reader(request))
    except services.ReplenishmentError as error:
        return _refused(request, str(error))
    return _answer(request, text)


@require_POST
@buyer_page(SEE, DECIDE)
def exception_fix(request: HttpRequest, pk: int) -> HttpResponse:
    """Do the one thing that mends a case; then the list again."""
    get_object_or_404(ExceptionCase.objects.only("pk"), pk=pk)
    try:
        with transaction.atomic():
            fixed = services.exception_fix(case_id=pk, acting_user=reader(request))
            if (plan := fixed.plan) is not None:
                transaction.on_commit(lambda: plan_execute_task.delay(plan.pk))
    except services.ReplenishmentError as error:
        return _refused(request, str(error))
    except PermissionDenied as error:
        return _refused(request, str(error))
    return _answer(request, fixed.text)


@require_POST
@buyer_page(SEE)
def digest_choose(request: HttpRequest) -> HttpResponse:
    """Want the daily e-mail or not."""
    is_wanted = request.POST.get("is_wanted") == "1"
    services.digest_choose(user=reader(request), is_wanted=is_wanted)
    messages.success(
        request,
        _("You get the daily e-mail.") if is_wanted else _("You get no daily e-mail."),
    )
    return redirect("replenishment:exception-list")


def _done(values: dict[str, Any], ids: list[int], user: User) -> str:
    """Do a step, and say what was done."""
    step: str = values["step"]
    given: dict[str, Any] = {"case_ids": ids, "acting_user": user}
    if step in {"assign", "take", "release"}:
        owner = {"take": user, "release": None}.get(step, values["owner"])
        number = services.exceptions_assign(owner=owner, **given)
        if owner is None:
            text = ngettext("%(n)s exception is nobody's now.", "%(n)s exceptions are nobody's now.", number)
        else:
            text = ngettext(
                "%(n)s exception is %(who)s's now.", "%(n)s exceptions are %(who)s's now.", number
            )
        return text % {"n": number, "who": owner.get_username() if owner else ""}
    if step == "snooze":
        if values["until"] is None:
            raise services.ExceptionError(_("Say until which day."))
        number = services.exceptions_snooze(until=values["until"], comment=values["comment"], **given)
        text = ngettext("%(n)s exception is snoozed.", "%(n)s exceptions are snoozed.", number)
    elif step == "close":
        number = services.exceptions_close(comment=values["comment"], **given)
        text = ngettext("%(n)s exception is closed.", "%(n)s exceptions are closed.", number)
    else:
        number = services.exceptions_reopen(**given)
        text = ngettext("%(n)s exception is open again.", "%(n)s exceptions are open again.", number)
    return text % {"n": number}


@dataclass(frozen=True)
class _Chosen:
    """What the address asks for; what it asks for wrongly is left out. A kind brings its group."""

    user: User
    search: str
    state: str
    owner: str
    group: str
    kind: str

    @classmethod
    def of(cls, request: HttpRequest) -> _Chosen:
        """The filters of a request."""
        form = ExceptionFilter(request.GET)
        form.is_valid()
        values = form.cleaned_data
        kind, group = values.get("kind") or "", values.get("group") or ""
        if kind:
            group = next(name for name, kinds in ExceptionCase.KINDS.items() if kind in kinds)
        state = values.get("state") or State.OPEN.value
        return cls(reader(request), values.get("q") or "", state, values.get("owner") or "", group, kind)

    def filters(self) -> dict[str, Any]:
        """For `selectors.exceptions_list`."""
        return {
            "user": self.user,
            "search": self.search,
            "state": self.state,
            "owner": self.owner,
            "group": self.group,
            "kind": self.kind,
        }


def _shown(request: HttpRequest) -> dict[str, Any]:
    asked = _Chosen.of(request)
    user, search, state, owner, group, kind = (
        asked.user, asked.search, asked.state, asked.owner, asked.group, asked.kind
    )  # fmt: skip
    found = selectors.exceptions_list(user=user, search=search, state=state, owner=owner)
    sums = selectors.exceptions_sums(found)
    chosen = next((one for one in sums.groups if one.key == group), None)
    here = next((one for one in chosen.kinds if one.key == kind), None) if chosen and kind else chosen
    count = (here.cases if here else 0) if group else sums.cases
    cases = selectors.exceptions_list(**asked.filters())
    page = page_of(selectors.exceptions_detailed(cases), request.GET.get("page"), size=PAGE_SIZE, count=count)
    shown: list[ExceptionCase] = list(page.object_list)
    fixes = selectors.exception_fixes(shown, user)
    may_decide = user.has_perm(DECIDE)
    choice = DigestChoice.objects.filter(user=user).first()
    return {
        "page": page,
        "lines": [CaseLine(case, fixes[case.pk]) for case in shown],
        "sums": sums,
        "chosen": chosen,
        "impact": (here.impact if here else 0.0) if group else sums.impact,
        "states": [(value, str(label)) for value, label in State.choices],
        "state": state,
        "group": group,
        "kind": kind,
        "owner": owner,
        "q": search,
        "may_decide": may_decide,
        "owners": selectors.exception_owners() if may_decide else [],
        "today": catalog.today(),
        "next_week": catalog.today() + timedelta(days=7),
        "gets_digest": choice.is_wanted if choice else True,
    }


def _answer(request: HttpRequest, text: str) -> HttpResponse:
    """What was done, in words: beside the list anew for htmx, else on the list's page."""
    if _is_part(request):
        return render(
            request, "replenishment/partials/exceptions_done.html", {**_shown(request), "text": text}
        )
    messages.success(request, text)
    return redirect(_address(request.GET))


def _refused(request: HttpRequest, text: str) -> HttpResponse:
    if _is_part(request):
        return message_header(text, status=409)
    messages.error(request, text)
    return redirect(_address(request.GET))


def _is_part(request: HttpRequest) -> bool:
    """Whether htmx asks, and for a part of the page."""
    return bool(getattr(request, "htmx", False))


def _address(query: QueryDict) -> str:
    text = query.urlencode()
    return reverse("replenishment:exception-list") + (f"?{text}" if text else "")
