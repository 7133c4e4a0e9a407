"""Plans and orders."""

from replenishment.models.orders import (
    ApprovalLimit,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
)
from replenishment.models.plans import PlanRun, Suggestion

__all__ = [
    "ApprovalLimit",
    "PlanRun",
    "PurchaseOrder",
    "PurchaseOrderEvent",
    "PurchaseOrderLine",
    "Receipt",
    "Suggestion",
]
