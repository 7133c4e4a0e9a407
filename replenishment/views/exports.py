"""What the workbench shows, as a file: all that the filter matches, not only a page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from replenishment import exports, selectors
from replenishment.views.access import buyer_page
from replenishment.views.workbench import Choice

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_WRITERS: dict[str, Any] = {"csv": exports.suggestions_csv, "xlsx": exports.suggestions_xlsx}


@require_GET
@buyer_page("replenishment.view_suggestion")
def workbench_export(request: HttpRequest, ending: str) -> HttpResponseBase:
    """The suggestions of the chosen filters, tab and order, as CSV or Excel."""
    plan = selectors.plan_latest()
    chosen = Choice.of(request.GET, plan)
    rows = chosen.shown(plan)
    response = StreamingHttpResponse(
        _WRITERS[ending](rows.order_by(*chosen.order())), content_type=_TYPES[ending]
    )
    day = f"-{plan.as_of.isoformat()}" if plan else ""
    name = content_disposition_header(as_attachment=True, filename=f"{_('suggestions')}{day}.{ending}")
    response["Content-Disposition"] = name or "attachment"
    return response
