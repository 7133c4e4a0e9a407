"""Pages that belong to no app: the icon, and what all kinds of background work share."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from catalog.models import Job
from inventory_site.job_list import STATES, job_rows, jobs_list
from inventory_site.job_log import job_panel
from inventory_site.jobs import KINDS, job_retry, job_stop, jobs_ended, kinds_open

PAGE_SIZE = 50
# More than this nobody follows at once.
_MOST_FOLLOWED = 20


@login_not_required
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Where browsers look for the icon on pages that name none, such as a bare JSON answer."""
    return HttpResponseRedirect(static("favicon.svg"))


@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """All background work that is on its way or ended lately, of the kinds that the reader may see."""
    kinds = kinds_open(request.user, "view")
    if not kinds:
        raise PermissionDenied
    kind = request.GET.get("kind", "")
    state = request.GET.get("state", "")
    kind, state = kind if kind in kinds else "", state if state in STATES else "all"
    found = jobs_list({kind: kinds[kind]} if kind else kinds, state=state)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = job_rows(list(page.object_list), kinds_open(request.user, "add"))
    context = {
        "page": page,
        "rows": rows,
        "kinds": [(name, seen.label) for name, seen in kinds.items()],
        "kind": kind,
        "tabs": [(name, label) for name, (label, _states) in STATES.items()],
        "state": state,
        "is_busy": any(not row.is_finished for row in rows),
    }
    # (A boosted or ordinary visit gets the page; the table asks for itself while a job is on its way.)
    part = request.headers.get("HX-Target") == "jobs-table"
    return render(request, "partials/jobs_table.html" if part else "jobs.html", context)


@require_GET
def job(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """A job with its log. Its panel asks for itself until the job has ended; then the page is loaded anew."""
    found = _job(request, kind, pk, "view")
    panel = job_panel(found, request.user)
    if not request.headers.get("HX-Request"):
        return render(request, "job.html", {"panel": panel, "job": found, "result": KINDS[kind].address(pk)})
    if found.is_finished:
        return HttpResponseClientRefresh()
    return render(request, "partials/job_panel.html", {"panel": panel})


@require_POST
def stop(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Stop a job that has not ended."""
    _job(request, kind, pk, "add")
    if job_stop(kind=kind, pk=pk, acting_user=_user(request)):
        messages.success(request, _("It is stopped."))
    else:
        messages.info(request, _("It had ended before."))
    return _back(request, kind, pk)


@require_POST
def retry(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Do a job that failed or was stopped once more, as it was asked for."""
    _job(request, kind, pk, "add")
    if job_retry(kind=kind, pk=pk, acting_user=_user(request)):
        messages.success(request, _("It is queued once more."))
    else:
        messages.info(
            request, _("There is nothing to retry: it is on its way, done, or its data are not kept.")
        )
    return _back(request, kind, pk)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _job(request: HttpRequest, kind: str, pk: int, verb: str) -> Job:
    """The job, where this person may "view" it, or "add" (so stop, and retry) such jobs."""
    if kind not in KINDS:
        raise Http404
    if not KINDS[kind].may(_user(request), verb):
        raise PermissionDenied
    found = KINDS[kind].model._base_manager.filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Http404
    return found


def _back(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """To the list where the button was there, else to where the job's result is looked at."""
    return redirect("jobs") if "list" in request.POST else redirect(KINDS[kind].address(pk))


@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    """Of the jobs that the reader's browser follows, those that have ended, each with a word."""
    found = jobs_ended(request.GET.getlist("job")[:_MOST_FOLLOWED], request.user)
    return render(request, "partials/jobs_ended.html", {"jobs": found})
