"""Writes of policy rules and budgets, each with its event in the same transaction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils.translation import gettext as _

from replenishment.models import Budget, PolicyRule, SettingEvent
from replenishment.services.errors import SettingError
from replenishment.services.orders import permission_require

Setting = TypeVar("Setting", PolicyRule, Budget)

SCOPE = ("product_id", "category_id", "supplier_id", "location_id", "abc", "xyz")
_AMOUNTS = ("reorder_point", "order_up_to", "max_stock", "order_cost", "stockout_cost", "holding_rate")


def rule_save(*, rule: PolicyRule, acting_user: User) -> PolicyRule:
    """Store a new or changed rule. Raises SettingError for nonsense, or the scope of another."""
    permission_require(acting_user, "change_policyrule" if rule.pk else "add_policyrule")
    setting_check(rule)
    return _saved(rule, acting_user)


def rule_delete(*, rule: PolicyRule, acting_user: User) -> None:
    """Take a rule away; plans keep their numbers."""
    permission_require(acting_user, "delete_policyrule")
    _deleted(rule, acting_user)


def budget_save(*, budget: Budget, acting_user: User) -> Budget:
    """Store a new or changed budget. Raises SettingError for what makes no sense."""
    permission_require(acting_user, "change_budget" if budget.pk else "add_budget")
    setting_check(budget)
    return _saved(budget, acting_user)


def budget_delete(*, budget: Budget, acting_user: User) -> None:
    """Take a budget away."""
    permission_require(acting_user, "delete_budget")
    _deleted(budget, acting_user)


def setting_check(setting: PolicyRule | Budget) -> None:
    """Raise SettingError for what makes no sense, or repeats another."""
    if not setting.name.strip():
        raise SettingError(_("It needs a name."))
    if type(setting)._default_manager.exclude(pk=setting.pk).filter(name=setting.name).exists():
        raise SettingError(_("There is one of this name already."))
    if isinstance(setting, PolicyRule):
        _rule_check(setting)
        return
    if setting.last_day < setting.first_day:
        raise SettingError(_("The last day is before the first."))
    if not setting.amount.is_finite() or setting.amount < 0:
        raise SettingError(_("The amount must be 0 or more."))


def _rule_check(rule: PolicyRule) -> None:
    for name in (*_AMOUNTS, "target", "review_days", "salvage_share"):
        value = getattr(rule, name)
        if value is not None and (not math.isfinite(value) or value < 0):
            raise SettingError(
                _("%(field)s must be 0 or more.") % {"field": PolicyRule._meta.get_field(name).verbose_name}  # type: ignore[union-attr]
            )
    if rule.target is not None and not 0 < rule.target < 1:
        raise SettingError(_("The target must be above 0 and below 1, 0.95 say."))
    if rule.salvage_share is not None and rule.salvage_share >= 1:
        raise SettingError(_("What leftovers fetch must be below their cost."))
    if rule.policy == PolicyRule.Policy.MIN_MAX:
        if rule.reorder_point is None or rule.order_up_to is None:
            raise SettingError(_("Typed levels need both, the reorder point and the order-up-to level."))
        if rule.order_up_to < rule.reorder_point:
            raise SettingError(_("The order-up-to level is below the reorder point."))
    if rule.policy == PolicyRule.Policy.ONCE and rule.season_ends_on is None:
        raise SettingError(_("What is made once needs the end of its season."))
    others = PolicyRule.objects.exclude(pk=rule.pk)
    same = others.filter(is_active=True, **{name: getattr(rule, name) for name in SCOPE}).first()
    if rule.is_active and same is not None:
        raise SettingError(_("The rule “%(name)s” is for the same already.") % {"name": same.name})


def _saved(setting: Setting, acting_user: User) -> Setting:
    with transaction.atomic():
        model = type(setting)
        before = model.objects.select_for_update().filter(pk=setting.pk).first() if setting.pk else None
        if setting.pk is None:
            setting.created_by = acting_user
        setting.save()
        _event(setting, "change" if before else "add", acting_user, before, setting)
    return setting


def _deleted(setting: PolicyRule | Budget, acting_user: User) -> None:
    with transaction.atomic():
        found = type(setting)._default_manager.select_for_update().filter(pk=setting.pk).first()
        if found is None:  # deleted by somebody else meanwhile
            return
        _event(found, "delete", acting_user, found, None)
        found.delete()


def _event(
    setting: PolicyRule | Budget,
    action: str,
    acting_user: User,
    before: PolicyRule | Budget | None,
    after: PolicyRule | Budget | None,
) -> None:
    SettingEvent.objects.create(
        kind=setting._meta.model_name or "",
        object_id=setting.pk,
        name=setting.name,
        action=action,
        actor=acting_user,
        before={} if before is None else _values(before),
        after={} if after is None else _values(after),
    )


def _values(setting: models.Model) -> Mapping[str, Any]:
    """What is filled in, as JSON takes it."""
    values = {}
    for field in setting._meta.concrete_fields:
        value = getattr(setting, field.attname)
        if field.name in {"id", "updated_at", "created_by"} or value in (None, ""):
            continue
        values[field.attname] = str(value) if isinstance(value, Decimal | date) else value
    return values
