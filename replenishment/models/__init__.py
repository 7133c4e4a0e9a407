"""Plans, orders and replays."""

from replenishment.models.orders import (
    ApprovalLimit,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
)
from replenishment.models.plans import PlanRun, Suggestion
from replenishment.models.replays import ReplayPolicy, ReplayRun

__all__ = [
    "ApprovalLimit",
    "PlanRun",
    "PurchaseOrder",
    "PurchaseOrderEvent",
    "PurchaseOrderLine",
    "Receipt",
    "ReplayPolicy",
    "ReplayRun",
    "Suggestion",
]
