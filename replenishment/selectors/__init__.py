"""Reads of this app."""

from replenishment.selectors.on_order import on_order
from replenishment.selectors.plans import plan_latest

__all__ = ["on_order", "plan_latest"]
