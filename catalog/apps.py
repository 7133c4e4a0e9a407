"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Facts: products, locations, suppliers, sales, stock, prices."""

    name = "catalog"
    verbose_name = _("Catalog")
