"""What may be read of the catalog."""

from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import read_frame
from catalog.selectors.money import exchange_rate, exchange_rates_frame
from catalog.selectors.panel import demand_panel, unique_id_split

__all__ = [
    "demand_panel",
    "exchange_rate",
    "exchange_rates_frame",
    "facts_sql",
    "read_frame",
    "unique_id_split",
]
