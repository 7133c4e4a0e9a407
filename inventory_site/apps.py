"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InventorySiteConfig(AppConfig):
    """What all pages share."""

    name = "inventory_site"
    verbose_name = _("Site")
