"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReplenishmentConfig(AppConfig):
    """Orders: policies, plans, purchase orders, receipts."""

    name = "replenishment"
    verbose_name = _("Replenishment")
