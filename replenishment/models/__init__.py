"""Plans, orders, exceptions, replays, scores of edits, rules and budgets, saved views, comments."""

from replenishment.models.actions import PlanAction
from replenishment.models.bulk_acts import BulkAct
from replenishment.models.changes import Snooze, SuggestionChange, SuggestionChangeLine
from replenishment.models.comments import Comment
from replenishment.models.exceptions import Digest, DigestChoice, ExceptionCase, ExceptionEvent
from replenishment.models.orders import (
    ApprovalLimit,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
)
from replenishment.models.plan_sums import PlanSum
from replenishment.models.plans import PlanItems, PlanRun, Suggestion
from replenishment.models.replays import ReplayPolicy, ReplayRun
from replenishment.models.saved_views import SavedView
from replenishment.models.scores import EditScore
from replenishment.models.settings import Budget, PolicyRule, SettingEvent
from replenishment.models.summaries import ShopSummary

__all__ = [
    "ApprovalLimit",
    "Budget",
    "BulkAct",
    "Comment",
    "Digest",
    "DigestChoice",
    "EditScore",
    "ExceptionCase",
    "ExceptionEvent",
    "PlanAction",
    "PlanItems",
    "PlanRun",
    "PlanSum",
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
    "Snooze",
    "Suggestion",
    "SuggestionChange",
    "SuggestionChangeLine",
]
