"""This app in the admin."""

from replenishment.admin import orders, settings

__all__ = ["orders", "settings"]
