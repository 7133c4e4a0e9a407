"""Plans, orders, replays, scores of edits, the rules and budgets that they follow, and saved views."""

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
from replenishment.models.saved_views import SavedView
from replenishment.models.scores import EditScore
from replenishment.models.settings import Budget, PolicyRule, SettingEvent
from replenishment.models.summaries import ShopSummary

__all__ = [
    "ApprovalLimit",
    "Budget",
    "EditScore",
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
    "SavedView",
    "SettingEvent",
    "ShopSummary",
    "Suggestion",
]
