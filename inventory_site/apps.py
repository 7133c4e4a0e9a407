"""The app's registration with Django."""

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class InventorySiteConfig(AppConfig):
    """What all pages share."""

    name = "inventory_site"
    verbose_name = _("Site")

    def ready(self) -> None:
        """In the admin, libraries stand by what they are for, not by their names."""
        apps.get_app_config("axes").verbose_name = _("Log-ins")
        apps.get_app_config("knox").verbose_name = _("API tokens")
