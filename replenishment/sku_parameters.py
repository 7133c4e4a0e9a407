"""What a suggestion's arithmetic went by, each number with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.utils.translation import gettext_lazy as _

from catalog.models import SupplyTerms
from replenishment.models import PolicyRule, Suggestion

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from forecasting.core.response.series import SeriesResponse

Source = Literal["rule", "plan", "terms", "learned", "calendar", "product", "stock", "price", "promotion"]
Kind = Literal["target", "policy", "days", "units", "share", "cost", "money", "elasticity", "uplift"]


@dataclass(frozen=True)
class Parameter:
    """`value` is shown by its `kind`; `spread` stands beside days and elasticities, `stated` beside learned
    ones. Of a response, `seen` counts price changes or promoted periods here, `own` (0..1) is their say.
    """

    name: str
    label: _StrPromise
    value: Any
    kind: Kind
    source: Source
    spread: float | None = None
    stated: float | None = None
    seen: int | None = None
    own: float | None = None


def parameters_of(suggestion: Suggestion, response: SeriesResponse | None = None) -> list[Parameter]:
    """Of a suggestion with its terms, rule and plan, and what the forecast run stored of demand's response to
    price and promotion; what is not set is left out.
    """
    rows = [*_rows(suggestion), *(_response(response) if response else ())]
    return [row for row in rows if row.value is not None]


def _response(response: SeriesResponse) -> Iterator[Parameter]:
    if response.has_price:
        yield Parameter(
            "elasticity",
            _("Price elasticity"),
            response.elasticity,
            "elasticity",
            "price",
            spread=response.elasticity_se,
            seen=int(response.changes),
            own=response.own_price,
        )
    if response.has_promotion:
        yield Parameter(
            "uplift",
            _("Promotion at an unchanged price"),
            response.promotion().more,
            "uplift",
            "promotion",
            seen=int(response.promoted),
            own=response.own_promotion,
        )


def _rows(suggestion: Suggestion) -> Iterator[Parameter]:
    rule, terms, spec = suggestion.rule, suggestion.terms, suggestion.plan_run.spec
    target: Source = "rule" if rule and (rule.target is not None or rule.target_kind) else "plan"
    if suggestion.target_kind:
        yield Parameter("target", _("Target"), suggestion.target, "target", target)
    policy = rule.get_policy_display() if rule else PolicyRule.Policy.PERIODIC.label
    yield Parameter("policy", _("Policy"), policy, "policy", "rule" if rule else "plan")
    yield _lead_time(suggestion, terms)
    yield _review(suggestion, rule, terms)
    if terms is not None:
        yield Parameter("moq", _("MOQ"), terms.moq, "units", "terms")
        yield Parameter("multiple", _("Order multiple"), terms.order_multiple, "units", "terms")
        yield Parameter("unit_cost", _("Unit cost"), suggestion.unit_cost, "cost", "terms")
    for name, label, kind in (
        ("holding_rate", _("Holding rate"), "share"),
        ("order_cost", _("Cost per order line"), "money"),
    ):
        typed = getattr(rule, name) if rule else None
        source: Source = "plan" if typed is None else "rule"
        yield Parameter(name, label, spec.get(name) if typed is None else typed, kind, source)  # type: ignore[arg-type]  # one of the kinds above
    if rule is not None:
        yield Parameter("stockout_cost", _("Cost of a unit short"), rule.stockout_cost, "money", "rule")
        yield Parameter("max_stock", _("Maximum stock"), rule.max_stock, "units", "rule")
        if rule.policy == PolicyRule.Policy.MIN_MAX:
            yield Parameter("min", _("Reorder point (min)"), rule.reorder_point, "units", "rule")
            yield Parameter("max", _("Order-up-to level (max)"), rule.order_up_to, "units", "rule")
    yield Parameter("shelf_life", _("Shelf life"), suggestion.product.shelf_life_days, "days", "product")
    yield Parameter("on_hand", _("On hand"), suggestion.on_hand, "units", "stock")


def _lead_time(suggestion: Suggestion, terms: SupplyTerms | None) -> Parameter:
    learned = suggestion.lead_time_receipts > 0
    return Parameter(
        "lead_time",
        _("Lead time"),
        suggestion.lead_time_days,
        "days",
        "learned" if learned else "terms",
        spread=suggestion.lead_time_sd_days,
        stated=terms.lead_time_days if learned and terms else None,
    )


def _review(suggestion: Suggestion, rule: PolicyRule | None, terms: SupplyTerms | None) -> Parameter:
    """By a rule, by the terms, or by the supplier's order days and joint reviews."""
    source: Source = "calendar"
    if rule is not None and rule.review_days is not None:
        source = "rule"
    elif terms is not None and suggestion.review_days == terms.review_days:
        source = "terms"
    return Parameter("review", _("Review period"), suggestion.review_days, "days", source)
