"""Plans, orders, replays, and the rules and budgets that they follow."""

from replenishment.models.actions import PlanAction
from replenishment.models.orders import (
    ApprovalLimit,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
)
from replenishment.models.plans import PlanItems, PlanRun, Suggestion
from replenishment.models.replays import ReplayPolicy, ReplayRun
from replenishment.models.settings import Budget, PolicyRule, SettingEvent

__all__ = [
    "ApprovalLimit",
    "Budget",
    "PlanAction",
    "PlanItems",
    "PlanRun",
    "PolicyRule",
    "PurchaseOrder",
    "PurchaseOrderEvent",
    "PurchaseOrderLine",
    "Receipt",
    "ReplayPolicy",
    "ReplayRun",
    "SettingEvent",
    "Suggestion",
]
