"""This app in the admin."""

from replenishment.admin import orders, plans, settings

__all__ = ["orders", "plans", "settings"]
