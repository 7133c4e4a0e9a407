"""What people said and did about a SKU: a timeline on its page, and comments in it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Location, Product
from replenishment import selectors, services
from replenishment.models import Comment
from replenishment.models.comments import COMMENT_LENGTH
from replenishment.views.access import buyer_page, message_header, reader
from replenishment.views.sku import sku_or_404

# Further back, a source would be read too deep for a page.
MOST_PAGES = 50


@require_GET
@buyer_page("replenishment.view_suggestion")
def sku_changes(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """A page of the timeline."""
    product, location = sku_or_404(product_id, location_id)
    asked = request.GET.get("page", "")
    page = min(max(int(asked), 1), MOST_PAGES) if asked.isdecimal() and len(asked) < 6 else 1
    return _timeline(request, product, location, page=page)


@require_POST
@buyer_page("replenishment.view_suggestion", "replenishment.add_comment")
def comment_add(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """Say something."""
    product, location = sku_or_404(product_id, location_id)
    try:
        services.comment_add(
            product=product,
            location=location,
            text=request.POST.get("text", ""),
            acting_user=reader(request),
        )
    except services.CommentError as error:
        return message_header(str(error), status=400)
    return _answer(request, product, location)


@require_POST
@buyer_page("replenishment.view_suggestion", "replenishment.view_comment")
def comment_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one back."""
    if pk >= 2**63:
        raise Http404
    comment = get_object_or_404(Comment.objects.select_related("product", "location"), pk=pk)
    services.comment_delete(comment=comment, acting_user=reader(request))
    return _answer(request, comment.product, comment.location)


def _answer(request: HttpRequest, product: Product, location: Location) -> HttpResponse:
    """The first page of the timeline; without htmx, the SKU's page."""
    if getattr(request, "htmx", False):
        return _timeline(request, product, location, page=1)
    return redirect("replenishment:sku", product.pk, location.pk)


def _timeline(request: HttpRequest, product: Product, location: Location, *, page: int) -> HttpResponse:
    changes, has_older = selectors.sku_changes(
        product=product, location=location, user=reader(request), page=page
    )
    context = {
        "changes": changes,
        "page": page,
        "older": page + 1 if has_older and page < MOST_PAGES else None,
        "product": product,
        "location": location,
        "most": COMMENT_LENGTH,
    }
    return render(request, "replenishment/partials/sku_changes.html", context)
