"""Words for what plans and orders say in codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from forecasting.words import ALL_MODELS, CHAMPIONS, FREQUENCIES, LIKENESS, SEGMENTS, name_of
from replenishment.models import PlanAction, Snooze, Suggestion
from replenishment.words import ACT_STEPS, DELIVERIES, REPLAY_ROWS, REPLAY_STEPS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

register = template.Library()


@dataclass(frozen=True)
class Chip:
    """A short word, its tone ("", "good", "warn", "bad", "info") and a sentence that explains it."""

    text: str
    tone: str = ""
    help: str = ""


# The codes of replenishment.core.explain and of a plan's later stages; "order" and "multiple" are the normal
# case and say nothing.
_REASONS: dict[str, tuple[_StrPromise, str, _StrPromise]] = {
    "not_due": (_("Not due"), "", _("The stock position is still above the reorder point.")),
    "moq": (_("MOQ"), "info", _("Raised to the supplier's minimum order quantity.")),
    "max_stock": (_("Maximum"), "warn", _("Cut by the maximum stock.")),
    "above_max": (_("Above maximum"), "warn", _("The smallest order goes above the maximum stock.")),
    "shelf_life": (_("Shelf life"), "warn", _("Cut to what sells before it expires.")),
    "price_break": (_("Price break"), "info", _("Raised to a price break, which costs less over a year.")),
    "supplier_minimum": (
        _("Minimum"),
        "info",
        _("Changed so that the order reaches its supplier's minimum."),
    ),
    "put_off": (
        _("Put off"),
        "info",
        _("The order is below its supplier's minimum and can wait for the next order day at less cost."),
    ),
    "below_minimum": (
        _("Below minimum"),
        "warn",
        _("The order stays below its supplier's minimum: it is urgent, and there is no room for more."),
    ),
    "container": (_("Container"), "info", _("Changed so that the order fills its containers.")),
    "size_unknown": (
        _("Size unknown"),
        "warn",
        _("A minimum or container could not be checked: the weight or volume of a product is not known."),
    ),
    "budget": (_("Budget"), "warn", _("Cut by the budget.")),
    "kept": (_("Kept"), "", _("Hardly changed since the plan before, and kept as it was.")),
    "level_at_max_stock": (
        _("Capped"),
        "warn",
        _("The order-up-to level is held down by the maximum stock."),
    ),
    "level_at_shelf_life": (_("Capped"), "warn", _("The order-up-to level is held down by the shelf life.")),
    "not_bought_again": (_("Run out"), "warn", _("It does not pay to buy it again.")),
    "no_demand": (_("No demand"), "", _("No demand is expected over lead time + review.")),
    "horizon_short": (_("Long lead"), "info", _("Lead time + review pass the forecast's horizon.")),
    "transfer": (_("Transfer"), "info", _("Comes from another location instead of being bought.")),
    "supplied": (_("Supplied"), "", _("Regularly supplied from another location.")),
    "source_short": (
        _("Source short"),
        "warn",
        _("The location that supplies it has less than it orders."),
    ),
    "supplies": (_("Supplies"), "", _("It supplies other locations: their demand is in its numbers.")),
    "passes_on": (
        _("Passes on"),
        "info",
        _("Holds no stock of its own: what comes in goes on to the locations that it supplies."),
    ),
    "kit_demand": (_("For kits"), "info", _("What kits take of it is in its demand.")),
    "successor_demand": (
        _("Takes over"),
        "info",
        _("It takes over the demand of a product that is not bought any more."),
    ),
    "assembled": (_("Assembled"), "", _("A kit that nobody sells: its components are bought instead.")),
    "phase_out": (_("Phase-out"), "", _("The product is being phased out: it is not bought.")),
    "discontinued": (_("Discontinued"), "", _("The product is discontinued: it is not bought.")),
}
# Why an item could not be planned, as the plan and replenishment.core say it.
_EXCEPTIONS: dict[str, _StrPromise] = {
    "no supply terms": _("no supply terms"),
    "no stock record": _("no stock record"),
    "no forecast": _("no forecast"),
    "a cycle in kits": _("a cycle in kits"),
    "a cycle in successors": _("a cycle in successors"),
    "a cycle in kits and successors": _("a cycle in kits and successors"),
    "a cycle in supply lanes": _("a cycle in supply lanes"),
    "no distribution": _("no demand distribution"),
    "negative lead time": _("negative lead time"),
    "negative lead time deviation": _("negative lead time deviation"),
    "negative review period": _("negative review period"),
    "zero cost": _("zero cost"),
    "negative cost": _("negative cost"),
    "negative price": _("negative price"),
    "negative holding rate": _("negative holding rate"),
    "negative order cost": _("negative order cost"),
    "negative MOQ": _("negative MOQ"),
    "order multiple is not above 0": _("order multiple is not above 0"),
    "negative maximum stock": _("negative maximum stock"),
    "negative shelf life": _("negative shelf life"),
    "negative stock on order": _("negative stock on order"),
    "negative allocated stock": _("negative allocated stock"),
    "negative stock on hand without backorders": _("negative stock on hand without backorders"),
    "target is not between 0 and 1": _("target is not between 0 and 1"),
    "the smallest order exceeds the demand within the shelf life": _(
        "the smallest order exceeds the demand within the shelf life"
    ),
}
_NOT_BOUGHT: dict[str, _StrPromise] = {
    "phase_out": _("being phased out"),
    "discontinued": _("discontinued"),
}
_NO_RATE = "no exchange rate for "
_PLAN_STEPS: dict[str, _StrPromise] = {
    "read": _("Reading stock and forecast"),
    "plan": _("Working out the orders"),
    "ahead": _("Looking ahead"),
    "store": _("Storing the suggestions"),
}
_PATTERNS: dict[str, _StrPromise] = {
    "smooth": _("Smooth"),
    "erratic": _("Erratic"),
    "intermittent": _("Intermittent"),
    "lumpy": _("Lumpy"),
    "new": _("New"),
    "none": _("No demand"),
}
_ACTIONS: dict[str, _StrPromise] = {
    "draft": _("Drafted"),
    "submit": _("Submitted"),
    "approve": _("Approved"),
    "approve-part": _("Approved in part"),
    "split": _("Left out of an approval"),
    "return": _("Returned"),
    "send": _("Sent"),
    "receive": _("Received"),
    "close": _("Closed"),
    "cancel": _("Cancelled"),
    "line-set": _("Quantity changed"),
    "line-remove": _("Line removed"),
}
_TONES = {
    "draft": "plain",
    "submitted": "info",
    "approved": "accent",
    "sent": "accent",
    "part-received": "warn",
    "closed": "good",
    "cancelled": "bad",
}
_EXCEPTION = "exception: "


@register.filter
def reason_chips(reason: str) -> list[Chip]:
    """A suggestion's reason as chips."""
    if reason.startswith(_EXCEPTION):
        return [Chip(str(_("Exception")), "bad", exception_text(reason))]
    chips = []
    for code in reason.split("; "):
        if code in _REASONS:
            text, tone, help_text = _REASONS[code]
            chips.append(Chip(str(text), tone, str(help_text)))
    return chips


@register.filter
def exception_text(reason: str) -> str:
    """Why a suggestion could not be planned; empty where it was."""
    if not reason.startswith(_EXCEPTION):
        return ""
    text = reason.removeprefix(_EXCEPTION)
    if text.startswith(_NO_RATE):
        return str(_("no exchange rate for %s") % text.removeprefix(_NO_RATE))
    return str(_EXCEPTIONS.get(text, text))


@register.filter
def plan_step_name(step: str) -> str:
    """A step of a plan that is being made, in words."""
    return str(_PLAN_STEPS.get(step, step))


@register.filter
def skip_reason(reason: str) -> str:
    """Why a replay leaves items out, in words."""
    if reason in _NOT_BOUGHT:
        return str(_NOT_BOUGHT[reason])
    return exception_text(_EXCEPTION + reason)


@register.filter
def policy_name(policy: str) -> str:
    """A policy that was replayed, or what was really done, in words."""
    return name_of(REPLAY_ROWS, policy)


@register.filter
def frequency_name(freq: str) -> str:
    """Days, weeks or months, in words."""
    return name_of(FREQUENCIES, freq)


@register.filter
def delivery_name(deliveries: str) -> str:
    """How orders come in a replay, in words."""
    return name_of(DELIVERIES, deliveries)


@register.filter
def replay_step_name(step: str) -> str:
    """A step of a replay, in words."""
    return name_of(REPLAY_STEPS, step)


@register.filter
def act_step_name(step: str) -> str:
    """A step of an act on many suggestions, in words."""
    return name_of(ACT_STEPS, step)


@register.filter
def pattern_name(pattern: str) -> str:
    """A demand pattern in words."""
    return name_of(_PATTERNS, pattern)


@register.filter
def segment_name(segment: str) -> str:
    """A group of product-locations that are forecast alike, in words."""
    return name_of(SEGMENTS, segment)


@register.filter
def likeness_name(part: str) -> str:
    """What two products have in common, in words."""
    return name_of(LIKENESS, part)


@register.filter
def model_name(model: str) -> str:
    """A forecast model or a blend in words."""
    return str(CHAMPIONS) if model == "champion" else name_of(ALL_MODELS, model)


@register.filter
def action_name(action: str) -> str:
    """What happened to an order, in words."""
    return str(_ACTIONS.get(action, action))


@register.filter
def state_tone(state: str) -> str:
    """The badge's tone for an order's state."""
    return _TONES.get(state, "plain")


@register.filter
def change_of(data: Any, name: str) -> list[str] | None:
    """A change in an event's data as [before, after], else None."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, list) and len(value) == 2 else None


@register.filter
def proposed_action(kind: str) -> str:
    """The name of a kind of proposed action."""
    return str(PlanAction.Kind(kind).label) if kind in PlanAction.Kind.values else kind


_CONFIDENCE = {"high": _("High"), "medium": _("Medium"), "low": _("Low")}


@register.filter
def confidence_name(value: str) -> _StrPromise | str:
    """A level of confidence in words."""
    return _CONFIDENCE.get(value, value)


@register.filter
def confidence_why(suggestion: Suggestion) -> _StrPromise | str:
    """What makes the numbers of a suggestion unsure; empty where nothing does."""
    if suggestion.stock_is_assumed:
        return _("stock assumed")
    if suggestion.is_new:
        return pgettext_lazy("product", "new")
    if suggestion.spread is not None and suggestion.spread > suggestion.WIDE / 2:
        return _("wide demand")
    return _("terms assumed") if suggestion.terms_are_assumed else ""


@register.filter
def snooze_of(snoozes: dict[tuple[int, int], Snooze] | None, suggestion: Suggestion) -> Snooze | None:
    """The snooze of a suggestion among `selectors.snoozes_of` a page's rows."""
    return (snoozes or {}).get((suggestion.product_id, suggestion.location_id))
