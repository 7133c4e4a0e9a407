"""The facts of the shop."""

from catalog.models.access import PartnerAccount
from catalog.models.facts import (
    CalendarEvent,
    ExchangeRate,
    OrderLine,
    PriceRecord,
    ProductLocationDay,
    PromotionRecord,
    SalesRecord,
    StockLevel,
    SupersededFact,
)
from catalog.models.imports import ColumnMapping, ImportBatch
from catalog.models.jobs import Job, JobLostError
from catalog.models.places import Location, TransferLane
from catalog.models.products import Category, KitComponent, Product
from catalog.models.recorded import Recorded
from catalog.models.supply import Supplier, SupplierClosure, SupplyTerms

__all__ = [
    "CalendarEvent",
    "Category",
    "ColumnMapping",
    "ExchangeRate",
    "ImportBatch",
    "Job",
    "JobLostError",
    "KitComponent",
    "Location",
    "OrderLine",
    "PartnerAccount",
    "PriceRecord",
    "Product",
    "ProductLocationDay",
    "PromotionRecord",
    "Recorded",
    "SalesRecord",
    "StockLevel",
    "SupersededFact",
    "Supplier",
    "SupplierClosure",
    "SupplyTerms",
    "TransferLane",
]
