"""What the workbench shows, as a file: all that the filter matches, not only a page."""

from __future__ import annotations

from collections.abc import Iterator
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
    day = f"-{plan.as_of.isoformat()}" if plan else ""
    return file_response(_WRITERS[ending](rows.order_by(*chosen.order())), f"{_('suggestions')}{day}", ending)


def file_response(parts: Iterator[str] | Iterator[bytes], name: str, ending: str) -> HttpResponseBase:
    """A file in parts, to be saved under this name; `ending` is "csv" or "xlsx"."""
    response = StreamingHttpResponse(parts, content_type=_TYPES[ending])
    header = content_disposition_header(as_attachment=True, filename=f"{name}.{ending}")
    response["Content-Disposition"] = header or "attachment"
    return response
