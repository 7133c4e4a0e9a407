"""Pages that belong to no app: the icon, and what all kinds of background work share."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from inventory_site.jobs import KINDS, job_stop, jobs_ended

# More than this nobody follows at once.
_MOST_FOLLOWED = 20


@login_not_required
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Where browsers look for the icon on pages that name none, such as a bare JSON answer."""
    return HttpResponseRedirect(static("favicon.svg"))


@require_POST
def stop(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Stop a job that has not ended."""
    if kind not in KINDS:
        raise Http404
    user = request.user
    if not isinstance(user, User) or not KINDS[kind].may(user, "add"):
        raise PermissionDenied
    if not KINDS[kind].model._base_manager.filter(pk=pk).exists():
        raise Http404
    if job_stop(kind=kind, pk=pk, acting_user=user):
        messages.success(request, _("It is stopped."))
    else:
        messages.info(request, _("It had ended before."))
    return redirect(KINDS[kind].address(pk))


@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    """Of the jobs that the reader's browser follows, those that have ended, each with a word."""
    found = jobs_ended(request.GET.getlist("job")[:_MOST_FOLLOWED], request.user)
    return render(request, "partials/jobs_ended.html", {"jobs": found})
