"""This app in the admin."""

from replenishment.admin import comments, orders, plans, settings

__all__ = ["comments", "orders", "plans", "settings"]
from replenishment.admin import exceptions

__all__ = ["exceptions", "orders", "plans", "settings"]
