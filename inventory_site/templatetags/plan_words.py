"""Words for plans and their settings: what changed between two plans, and what people changed of rules."""

from __future__ import annotations

from typing import Any

from django import template
from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from replenishment.models import SettingEvent, Suggestion

register = template.Library()

_CHANGES: dict[str, str | Promise] = {
    "change_demand": _("Demand"),
    "change_stock": _("Stock and open orders"),
    "change_lead_time": _("Lead time and review"),
    "change_price": _("Prices and packs"),
    "change_rule": _("Policy and target"),
    "change_other": _("Supplier, transfers, budget"),
}
_ACTIONS: dict[str, str | Promise] = {
    "add": pgettext_lazy("a setting was", "added"),
    "change": pgettext_lazy("a setting was", "changed"),
    "delete": pgettext_lazy("a setting was", "deleted"),
}


@register.filter
def change_name(key: str) -> str:
    """What a term between two plans is called."""
    return str(_CHANGES.get(key, key))


@register.filter
def changes_of(suggestion: Suggestion) -> list[tuple[str, float]]:
    """The terms between the plan before and this one that are not 0, each with its name."""
    found = ((name, getattr(suggestion, name)) for name in Suggestion.CHANGES)
    return [(change_name(name), amount) for name, amount in found if amount]


@register.filter
def setting_action(action: str) -> str:
    """What was done to a rule or a budget."""
    return str(_ACTIONS.get(action, action))


@register.filter
def setting_changes(event: SettingEvent) -> list[tuple[str, Any, Any]]:
    """Label, value before and value after of each field that a change changed."""
    if event.action != "change":
        return []
    model = apps.get_model("replenishment", event.kind)
    fields = model._meta.concrete_fields
    labels = {field.attname: str(getattr(field, "verbose_name", field.name)) for field in fields}
    names = [name for name in labels if event.before.get(name) != event.after.get(name)]
    return [(labels[name], event.before.get(name, "–"), event.after.get(name, "–")) for name in names]
