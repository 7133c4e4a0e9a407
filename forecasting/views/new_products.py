"""New products: the list, the look-alikes of one, and putting in or taking out a look-alike."""

from __future__ import annotations

from urllib.parse import quote

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import selectors as catalog
from catalog.models import Product
from forecasting import selectors, services
from forecasting.models import LookAlikeChoice
from forecasting.selectors import new_products as new
from forecasting.views.access import inside_only

PAGE_SIZE = 25
SHOWN = 3
_VIEW = "forecasting.view_lookalike"
_ADD, _DELETE = "forecasting.add_lookalikechoice", "forecasting.delete_lookalikechoice"


@require_GET
@inside_only
@permission_required((_VIEW, "forecasting.view_forecastdistribution"), raise_exception=True)
def new_products(request: HttpRequest) -> HttpResponse:
    """Products that are new or not yet launched, what they are expected to sell, and their look-alikes."""
    text = request.GET.get("q", "")[:100].replace("\0", "")
    page = Paginator(new.new_products_list(text), PAGE_SIZE).get_page(request.GET.get("page"))
    run = selectors.run_latest()
    lines = new.new_products_read(list(page), run=run, as_of=catalog.today(), most=SHOWN)
    return render(
        request, "forecasting/new_products.html", {"page": page, "lines": lines, "run": run, "text": text}
    )


@require_http_methods(["GET", "POST"])
@inside_only
@permission_required(_VIEW, raise_exception=True)
def look_alikes(request: HttpRequest, product_id: int) -> HttpResponse:
    """The look-alikes of one product: a part of its page. A POST adds the product with an SKU."""
    product = _product(product_id)
    if request.method == "GET":
        return _part(request, product)
    if not request.user.has_perm(_ADD):
        return HttpResponse(status=403)
    sku = request.POST.get("sku", "").strip()[:64].replace("\0", "")
    neighbour = Product.objects.filter(sku=sku).first() if sku else None
    if neighbour is None:
        return _problem(request, product, _("There is no product with this SKU."))
    return _choose(request, product, neighbour, LookAlikeChoice.Choice.ADDED)


@require_POST
@inside_only
@permission_required((_VIEW, _ADD), raise_exception=True)
def look_alike_remove(request: HttpRequest, product_id: int, neighbour_id: int) -> HttpResponse:
    """Take a look-alike out, for good."""
    return _choose(request, _product(product_id), _product(neighbour_id), LookAlikeChoice.Choice.REMOVED)


@require_POST
@inside_only
@permission_required((_VIEW, _DELETE), raise_exception=True)
def look_alike_undo(request: HttpRequest, product_id: int, neighbour_id: int) -> HttpResponse:
    """Take a choice back: the next reading of signals decides again."""
    product = _product(product_id)
    services.look_alike_choice_undo(product=product, neighbour=_product(neighbour_id))
    return _part(request, product)


@require_GET
@inside_only
@permission_required((_VIEW, _ADD), raise_exception=True)
def look_alike_search(request: HttpRequest, product_id: int) -> HttpResponse:
    """Products for the search field: options by SKU and name."""
    text = request.GET.get("sku", "")[:100].replace("\0", "")
    found = catalog.products_search(text).exclude(pk=product_id).order_by("sku")[:10] if text.strip() else []
    return render(request, "forecasting/partials/look_alike_options.html", {"products": found})


def _choose(
    request: HttpRequest, product: Product, neighbour: Product, choice: LookAlikeChoice.Choice
) -> HttpResponse:
    try:
        services.look_alike_choose(
            product=product,
            neighbour=neighbour,
            choice=choice,
            acting_user=request.user,  # type: ignore[arg-type]  # the permission rules out anonymous people
        )
    except services.LookAlikeError as error:
        return _problem(request, product, str(error))
    return _part(request, product)


def _problem(request: HttpRequest, product: Product, words: str) -> HttpResponse:
    response = _part(request, product, status=422)
    response["X-Message"] = quote(words)
    return response


def _part(request: HttpRequest, product: Product, status: int = 200) -> HttpResponse:
    run = selectors.run_latest()
    [line] = new.new_products_read([product], run=run, as_of=catalog.today(), most=12)
    context = {
        "line": line,
        "product": product,
        "choices": new.choices_of(product),
        "run": run,
        "may_choose": request.user.has_perm(_ADD),
        "may_undo": request.user.has_perm(_DELETE),
    }
    whole = "page" in request.GET and not getattr(request, "htmx", False)
    template = "look_alikes.html" if whole else "partials/look_alikes.html"
    return render(request, f"forecasting/{template}", context, status=status)


def _product(pk: int) -> Product:
    if pk >= 2**63:
        raise Http404
    return get_object_or_404(Product, pk=pk)
