"""The panel of a job, the same on every page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from babel.dates import format_time, format_timedelta
from django import template
from django.contrib.auth.models import AnonymousUser
from django.template.context import Context
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import Job
from inventory_site.job_log import job_panel as panel_of
from inventory_site.job_log import job_waits
from inventory_site.templatetags.forestock import MISSING, locale_now, number

register = template.Library()

_MINUTE, _HOUR = 60, 3600


@register.inclusion_tag("partials/job_panel.html", takes_context=True)
def job_panel(context: Context, job: Job) -> dict[str, Any]:
    """How far a job is, or how it failed or was stopped, with its log and what the reader may do about it."""
    if job.state == Job.State.DONE:
        return {"panel": None}
    user = context.get("user") or AnonymousUser()
    return {"panel": panel_of(job, user), "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("partials/job_log.html", takes_context=True)
def job_log(context: Context, job: Job) -> dict[str, Any]:
    """How long a job took that is done, and its log."""
    user = context.get("user") or AnonymousUser()
    return {"panel": panel_of(job, user) if job.state == Job.State.DONE else None}


@register.inclusion_tag("partials/job_waits.html")
def job_waiting(job: Job) -> dict[str, Any]:
    """A sentence where a queued job has not been taken: all workers are busy, or none answers."""
    return {"waits": job_waits(job), "job": job}


@register.filter
def duration(seconds: float | None) -> str:
    """A time span: 0.4 s, 12 s, 3 min 5 s, 1 h 20 min."""
    if seconds is None:
        return MISSING
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": number(seconds, 1)}
    whole = round(seconds)
    if whole < _MINUTE:
        return _("%(seconds)s s") % {"seconds": number(whole)}
    if whole < _HOUR:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": whole // _MINUTE, "seconds": whole % _MINUTE}
    minutes = whole // _MINUTE
    return _("%(hours)s h %(minutes)s min") % {"hours": number(minutes // 60), "minutes": minutes % 60}


@register.filter
def about(seconds: float) -> str:
    """A time span, roughly: what an estimate can say."""
    return str(format_timedelta(max(round(seconds), 1), threshold=1.5, locale=locale_now()))


@register.filter
def clock(at: datetime) -> str:
    """The time of day, with its seconds."""
    return str(format_time(timezone.localtime(at), format="HH:mm:ss", locale=locale_now()))
