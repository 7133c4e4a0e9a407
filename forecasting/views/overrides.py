"""Planners' overrides: the list, the panel of one product-location, a preview, making and withdrawing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import selectors as catalog
from catalog.models import Category, Location, Product
from forecasting import selectors, services
from forecasting.forms import OverrideFilter, OverrideForm, WideOverrideForm
from forecasting.models import ForecastOverride, ForecastRun
from forecasting.selectors import Reach
from forecasting.views.access import inside_only

PAGE_SIZE = 50
_VIEW = "forecasting.view_forecastoverride"
_ADD = "forecasting.add_forecastoverride"
_WITHDRAW = "forecasting.withdraw_forecastoverride"


@dataclass(frozen=True)
class Line:
    """An override as the list and the panel show it; `reach` is None where it is not in force."""

    override: ForecastOverride
    is_in_force: bool
    reach: Reach | None


@require_GET
@inside_only
@permission_required(_VIEW, raise_exception=True)
def override_list(request: HttpRequest) -> HttpResponse:
    """The overrides that the filter asks for, what they did to the error, and the form for another."""
    return _list(request, WideOverrideForm(initial=_dates()))


@require_POST
@inside_only
@permission_required((_VIEW, _ADD), raise_exception=True)
def override_create(request: HttpRequest) -> HttpResponse:
    """Make an override on any level."""
    form = WideOverrideForm(request.POST)
    if _made(request, form):
        messages.success(request, _("The override is in force: the next plan will use it."))
        return redirect("forecasting:override-list")
    return _list(request, form, status=422)


@require_POST
@inside_only
@permission_required((_VIEW, _WITHDRAW), raise_exception=True)
def override_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one back; from the panel, the panel is shown again."""
    get_object_or_404(ForecastOverride.objects.only("pk"), pk=pk)
    try:
        services.override_withdraw(
            override_id=pk,
            acting_user=request.user,  # type: ignore[arg-type]  # the permission rules out anonymous people
        )
    except services.OverrideError as error:
        if getattr(request, "htmx", False):
            return HttpResponse(status=409, headers={"X-Message": quote(str(error))})
        messages.error(request, str(error))
        return redirect("forecasting:override-list")
    product, location = request.POST.get("product", ""), request.POST.get("location", "")
    if getattr(request, "htmx", False) and product.isdecimal() and location.isdecimal():
        return _panel(request, *_series(int(product), int(location)), OverrideForm(initial=_dates()))
    messages.success(request, _("The override is withdrawn."))
    return redirect("forecasting:override-list")


@require_GET
@inside_only
@permission_required((_VIEW, _ADD), raise_exception=True)
def override_preview(request: HttpRequest) -> HttpResponse:
    """What the override in a half-filled form would do: a sentence, or nothing yet."""
    form = WideOverrideForm(request.GET)
    form.is_valid()
    values = dict(form.cleaned_data)
    names = ("kind", "value", "first_day", "last_day")
    run = selectors.run_latest()
    scope = {"product", "category", "location"} & set(form.errors)
    if run is None or scope or any(values.get(name) is None for name in names):
        return render(request, "forecasting/partials/override_effect.html", {})
    try:
        draft = services.override_draft(**values | {"reason": None, "expires_on": None})
    except services.OverrideError as error:
        context: dict[str, Any] = {"problem": str(error)}
    else:
        [reach] = selectors.override_reaches(run=run, overrides=[draft])
        context = {"reach": reach}
    return render(request, "forecasting/partials/override_effect.html", context)


@require_http_methods(["GET", "POST"])
@inside_only
@permission_required(_VIEW, raise_exception=True)
def override_panel(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """The overrides that reach one product-location, and the form for another; a POST makes it."""
    product, location = _series(product_id, location_id)
    if request.method == "GET":
        return _panel(request, product, location, OverrideForm(initial=_dates()))
    if not request.user.has_perm(_ADD):
        return HttpResponse(status=403)
    form = OverrideForm(request.POST)
    if not _made(request, form, product=product, location=location):
        # htmx leaves the page as it is; the first problem is said in words.
        response = _panel(request, product, location, form, status=422)
        response["X-Message"] = quote(str(next(iter(form.errors.values()))[0]))
        return response
    return _panel(request, product, location, OverrideForm(initial=_dates()))


def _made(request: HttpRequest, form: OverrideForm, **scope: Any) -> bool:
    """Make what a form asks for; False where something is wrong, which the form then says."""
    if not form.is_valid():
        return False
    try:
        services.override_create(
            acting_user=request.user,  # type: ignore[arg-type]  # the permission rules out anonymous people
            **form.values() | scope,
        )
    except services.OverrideError as error:
        form.take(error.fields)
        return False
    return True


def _series(product_id: int, location_id: int) -> tuple[Product, Location]:
    if max(product_id, location_id) >= 2**63:
        raise Http404
    return (
        get_object_or_404(Product, pk=product_id),
        get_object_or_404(Location.objects.select_related("receiving_location"), pk=location_id),
    )


def _dates() -> dict[str, date]:
    """The week after the latest data, where a new form starts."""
    run = selectors.run_latest()
    last = run.as_of if run else catalog.today()
    return {"first_day": last + timedelta(days=1), "last_day": last + timedelta(days=7)}


def _as_of(run: ForecastRun | None) -> date:
    return run.as_of if run else catalog.today()


def _lines(run: ForecastRun | None, overrides: list[ForecastOverride]) -> list[Line]:
    """With what those in force do to the latest forecast."""
    known = {row.pk for row in selectors.overrides_in_force(as_of=_as_of(run))}
    in_force = [row for row in overrides if row.pk in known]
    reaches = selectors.override_reaches(run=run, overrides=in_force) if run and in_force else []
    of_override = {row.pk: reach for row, reach in zip(in_force, reaches, strict=False)}
    return [Line(row, row.pk in known, of_override.get(row.pk)) for row in overrides]


def _list(request: HttpRequest, form: WideOverrideForm, *, status: int = 200) -> HttpResponse:
    chosen = OverrideFilter(request.GET)
    chosen.is_valid()
    author, category = chosen.cleaned_data.get("author"), chosen.cleaned_data.get("category")
    run = selectors.run_latest()
    found = {
        state: selectors.overrides_list(
            as_of=_as_of(run),
            state=state,
            author_id=author.pk if author else None,
            category_id=category.pk if category else None,
            search=chosen.cleaned_data.get("q") or "",
        )
        for state, _label in OverrideFilter.STATES
    }
    state = chosen.cleaned_data.get("state") or "force"
    page = Paginator(found[state], PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "forecasting/override_list.html",
        {
            "form": form,
            "chosen": chosen,
            "author": author,
            "category": category,
            "authors": chosen.fields["author"].queryset,  # type: ignore[attr-defined]
            "categories": Category.objects.all(),
            "state": state,
            "tabs": [(name, label, found[name].count()) for name, label in OverrideFilter.STATES],
            "page": page,
            "lines": _lines(run, list(page.object_list)),
            "score": selectors.overrides_scored(found["all"]),
            "run": run,
            "may_add": request.user.has_perm(_ADD),
            "may_withdraw": request.user.has_perm(_WITHDRAW),
        },
        status=status,
    )


def _panel(
    request: HttpRequest, product: Product, location: Location, form: OverrideForm, *, status: int = 200
) -> HttpResponse:
    run = selectors.run_latest()
    series = (
        selectors.series_overridden(run_id=run.pk, product_id=product.pk, location_id=location.pk)
        if run
        else None
    )
    return render(
        request,
        "forecasting/partials/override_panel.html",
        {
            "product": product,
            "location": location,
            "run": run,
            "series": series,
            "form": form,
            "may_add": request.user.has_perm(_ADD),
            "may_withdraw": request.user.has_perm(_WITHDRAW),
        },
        status=status,
    )
