"""Keeping and forgetting views of the workbench."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from replenishment import selectors, services
from replenishment.forms import SavedViewForm, WorkbenchFilter
from replenishment.views.access import buyer_page, reader


@require_POST
@buyer_page("replenishment.view_suggestion", "replenishment.add_savedview")
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep what the workbench shows under a name."""
    query = query_kept(QueryDict(request.POST.get("query", "")))
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return _workbench(query)
    try:
        view = services.view_save(
            name=form.cleaned_data["name"],
            query=query,
            is_shared=form.cleaned_data["is_shared"],
            acting_user=reader(request),
        )
    except services.SettingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The view “%s” is kept.") % view.name)
    return _workbench(query)


@require_POST
@buyer_page("replenishment.view_suggestion")
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view."""
    user = reader(request)
    view = selectors.saved_views_list(user).filter(pk=pk).first()
    if view is None:
        raise Http404
    services.view_delete(view=view, acting_user=user)
    messages.success(request, _("The view “%s” is deleted.") % view.name)
    return _workbench(query_kept(QueryDict(request.POST.get("query", ""))))


def query_kept(query: QueryDict) -> str:
    """What of an address a view keeps: filters, tab and order, always in the same order of names."""
    kept = QueryDict(mutable=True)
    for name in WorkbenchFilter.base_fields:
        if value := ",".join(query.getlist(name)).strip(", ")[:200]:
            kept[name] = value
    return kept.urlencode()


def _workbench(query: str) -> HttpResponse:
    return redirect(f"{reverse('replenishment:workbench')}?{query}")
