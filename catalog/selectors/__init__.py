"""What may be read of the catalog."""

from catalog.selectors.access import PartnerScope, partner_scope, products_search
from catalog.selectors.attributes import SERIES_ATTRIBUTES
from catalog.selectors.calendar import today
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import read_frame
from catalog.selectors.money import exchange_rate, exchange_rates_frame
from catalog.selectors.panel import demand_panel, unique_id_split
from catalog.selectors.stock import returned_units, stock_on, stock_records
from catalog.selectors.supply import prices_latest, terms_best

__all__ = [
    "SERIES_ATTRIBUTES",
    "PartnerScope",
    "demand_panel",
    "exchange_rate",
    "exchange_rates_frame",
    "facts_sql",
    "partner_scope",
    "prices_latest",
    "products_search",
    "read_frame",
    "returned_units",
    "stock_on",
    "stock_records",
    "terms_best",
    "today",
    "unique_id_split",
]
