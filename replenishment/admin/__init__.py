"""This app in the admin."""

from replenishment.admin import exceptions, orders, plans, settings

__all__ = ["exceptions", "orders", "plans", "settings"]
