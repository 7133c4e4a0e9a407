"""The catalog in the admin: each module registers its own pages."""

from catalog.admin import imports, pictures, products, signals, supply

__all__ = ["imports", "pictures", "products", "signals", "supply"]
