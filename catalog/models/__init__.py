"""The facts of the shop."""

from catalog.models.access import PartnerAccount, UserPreference
from catalog.models.behaviour import BehaviourRecord, ShopperEvent
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
from catalog.models.health import DataHealth
from catalog.models.imports import ColumnMapping, ImportBatch
from catalog.models.indicators import Indicator, IndicatorRecord
from catalog.models.jobs import Job, JobLine, JobLostError
from catalog.models.pictures import ProductImage
from catalog.models.places import Location, TransferLane
from catalog.models.products import Category, KitComponent, Product
from catalog.models.recorded import Recorded
from catalog.models.reviews import Review
from catalog.models.supply import Supplier, SupplierClosure, SupplyTerms

__all__ = [
    "BehaviourRecord",
    "CalendarEvent",
    "Category",
    "ColumnMapping",
    "DataHealth",
    "ExchangeRate",
    "ImportBatch",
    "Indicator",
    "IndicatorRecord",
    "Job",
    "JobLine",
    "JobLostError",
    "KitComponent",
    "Location",
    "OrderLine",
    "PartnerAccount",
    "PriceRecord",
    "Product",
    "ProductImage",
    "ProductLocationDay",
    "PromotionRecord",
    "Recorded",
    "Review",
    "SalesRecord",
    "ShopperEvent",
    "StockLevel",
    "SupersededFact",
    "Supplier",
    "SupplierClosure",
    "SupplyTerms",
    "TransferLane",
    "UserPreference",
]
