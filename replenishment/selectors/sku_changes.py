"""What people did about a product at a location, and what they said of it: one timeline of many sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, Q

from catalog import selectors as catalog
from catalog.models import Location, Product
from forecasting.models import ForecastOverride
from replenishment.models import (
    Comment,
    PlanAction,
    PolicyRule,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    SettingEvent,
    Suggestion,
    SuggestionChangeLine,
)


@dataclass(frozen=True)
class Change:
    """One thing that was done: when, by whom, of what `kind` (a template shows each), and the row itself."""

    at: datetime
    actor: User | None
    kind: str
    row: Any


@dataclass(frozen=True)
class Place:
    """A product at a location, and the branch of the category tree (ids) that the product hangs on."""

    product: Product
    location: Location
    categories: tuple[int, ...]

    @property
    def key(self) -> dict[str, Any]:
        """For `filter`."""
        return {"product": self.product, "location": self.location}


@dataclass(frozen=True)
class Source:
    """Where changes come from: `latest` gives at most so many, the latest first, by a fixed number of
    queries; `permission` is what it takes to see them.
    """

    permission: str
    latest: Callable[[Place, int], Iterable[Change]]


def _acts(place: Place, most: int) -> Iterable[Change]:
    """What people did with the suggestions of all plans, with what came of the one that counted."""
    rows = SuggestionChangeLine.objects.filter(
        suggestion__product=place.product, suggestion__location=place.location
    ).select_related(
        "change__actor", "suggestion__edit_score", "terms_before__supplier", "terms_after__supplier"
    )
    for row in rows.order_by("-change__at", "-pk")[:most]:
        yield Change(row.change.at, row.change.actor, "act", row)


def _overrides(place: Place, most: int) -> Iterable[Change]:
    rows = _reaching(place).select_related("created_by").order_by("-created_at")
    for row in rows[:most]:
        yield Change(row.created_at, row.created_by, "override", row)


def _withdrawals(place: Place, most: int) -> Iterable[Change]:
    rows = _reaching(place).filter(withdrawn_at__isnull=False).select_related("withdrawn_by")
    for row in rows.order_by("-withdrawn_at")[:most]:
        if row.withdrawn_at is not None:
            yield Change(row.withdrawn_at, row.withdrawn_by, "withdrawn", row)


def _reaching(place: Place) -> Any:
    """Overrides whose scope the product-location lies in."""
    product = Q(product=place.product) | Q(product=None)
    category = Q(category=None) | Q(category__in=place.categories)
    return ForecastOverride.objects.filter(product, category, Q(location=place.location) | Q(location=None))


def _order_events(place: Place, most: int) -> Iterable[Change]:
    """Of orders that the product is on; of changes of lines, those of its own."""
    rows = (
        PurchaseOrderEvent.objects.filter(
            order__in=PurchaseOrderLine.objects.filter(
                product=place.product, order__location=place.location
            ).values("order")
        )
        .filter(Q(data__sku__isnull=True) | Q(data__sku=place.product.sku))
        .select_related("order", "actor")
        .order_by("-at", "-pk")
    )
    for row in rows[:most]:
        yield Change(row.at, row.actor, "order", row)


def _rules(place: Place, most: int) -> Iterable[Change]:
    """Of rules for the product, and of those that its suggestions followed."""
    followed = Suggestion.objects.filter(**place.key, rule__isnull=False).order_by().values("rule")
    own = PolicyRule.objects.filter(product=place.product).values("pk")
    rows = SettingEvent.objects.filter(
        Q(object_id__in=followed) | Q(object_id__in=own), kind=PolicyRule._meta.model_name
    ).select_related("actor")
    for row in rows.order_by("-at", "-pk")[:most]:
        yield Change(row.at, row.actor, "rule", row)


def _actions(place: Place, most: int) -> Iterable[Change]:
    rows = PlanAction.objects.filter(**place.key, decided_at__isnull=False).select_related("decided_by")
    for row in rows.order_by("-decided_at")[:most]:
        if row.decided_at is not None:
            yield Change(row.decided_at, row.decided_by, "action", row)


def _comments(place: Place, most: int) -> Iterable[Change]:
    for row in comments_list(place.product.pk, place.location.pk)[:most]:
        yield Change(row.created_at, row.author, "comment", row)


# A new kind of change needs an entry here and a branch in partials/sku_change.html.
SOURCES: tuple[Source, ...] = (
    Source("replenishment.view_comment", _comments),
    Source("replenishment.view_suggestion", _acts),
    Source("forecasting.view_forecastoverride", _overrides),
    Source("forecasting.view_forecastoverride", _withdrawals),
    Source("replenishment.view_purchaseorder", _order_events),
    Source("replenishment.view_policyrule", _rules),
    Source("replenishment.view_planaction", _actions),
)


def sku_changes(
    *, product: Product, location: Location, user: User, page: int = 1, size: int = 20
) -> tuple[list[Change], bool]:
    """A page of changes that the user may see, the latest first; and whether there are older ones.

    Each source gives its latest `page * size + 1`: enough to be sure of the page, whatever the mix.
    """
    above = {
        ancestor for category, ancestor in catalog.category_ancestors() if category == product.category_id
    }
    place = Place(product, location, tuple(sorted(above)))
    most = page * size + 1
    found = [
        change
        for source in SOURCES
        if user.has_perm(source.permission)
        for change in source.latest(place, most)
    ]
    found.sort(key=lambda change: change.at, reverse=True)
    start = (page - 1) * size
    return found[start : start + size], len(found) > start + size


def comments_list(product_id: int, location_id: int) -> Any:
    """What was said of a product at a location, the latest first."""
    return (
        Comment.objects.filter(product=product_id, location=location_id)
        .select_related("author")
        .order_by(F("created_at").desc(), "-pk")
    )
