"""What may be read of the catalog."""

from catalog.selectors.access import PartnerScope, partner_scope, products_search
from catalog.selectors.attributes import SERIES_ATTRIBUTES
from catalog.selectors.calendar import today
from catalog.selectors.categories import categories_under
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import ids_in, read_frame
from catalog.selectors.money import exchange_rate, exchange_rates_frame
from catalog.selectors.panel import demand_panel, unique_id_split
from catalog.selectors.stock import stock_on
from catalog.selectors.supply import prices_latest, terms_best

__all__ = [
    "SERIES_ATTRIBUTES",
    "PartnerScope",
    "categories_under",
    "demand_panel",
    "exchange_rate",
    "exchange_rates_frame",
    "facts_sql",
    "ids_in",
    "partner_scope",
    "prices_latest",
    "products_search",
    "read_frame",
    "stock_on",
    "terms_best",
    "today",
    "unique_id_split",
]
