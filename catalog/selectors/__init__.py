"""What may be read of the catalog."""

from catalog.selectors.access import (
    PartnerScope,
    language_of,
    partner_scope,
    preference_of,
    products_search,
)
from catalog.selectors.attributes import SERIES_ATTRIBUTES
from catalog.selectors.behaviour import behaviour_records
from catalog.selectors.calendar import today
from catalog.selectors.categories import categories_under, category_ancestors
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import ids_in, read_frame, reads_by_django, small_reads
from catalog.selectors.health import (
    Freshness,
    Rejected,
    freshness_list,
    health_latest,
    imports_rejected,
)
from catalog.selectors.money import exchange_rate, exchange_rates_frame
from catalog.selectors.months import sales_by_month, stock_by_month
from catalog.selectors.network import kits_frame, lanes_frame, product_statuses, successors_frame
from catalog.selectors.panel import demand_panel, unique_id_split
from catalog.selectors.pictures import PICTURE_SIZES, picture_file, pictures_first, pictures_visible
from catalog.selectors.stock import returned_units, stock_on, stock_records
from catalog.selectors.supply import closures, prices_latest, suppliers_frame, terms_all

__all__ = [
    "PICTURE_SIZES",
    "SERIES_ATTRIBUTES",
    "Freshness",
    "PartnerScope",
    "Rejected",
    "behaviour_records",
    "categories_under",
    "category_ancestors",
    "closures",
    "demand_panel",
    "exchange_rate",
    "exchange_rates_frame",
    "facts_sql",
    "freshness_list",
    "health_latest",
    "ids_in",
    "imports_rejected",
    "kits_frame",
    "lanes_frame",
    "language_of",
    "partner_scope",
    "picture_file",
    "pictures_first",
    "pictures_visible",
    "preference_of",
    "prices_latest",
    "product_statuses",
    "products_search",
    "read_frame",
    "reads_by_django",
    "returned_units",
    "sales_by_month",
    "small_reads",
    "stock_by_month",
    "stock_on",
    "stock_records",
    "successors_frame",
    "suppliers_frame",
    "terms_all",
    "today",
    "unique_id_split",
]
