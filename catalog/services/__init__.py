"""What may be written to the catalog."""

from catalog.services.behaviour import (
    Event,
    EventsRefusedError,
    EventsTaken,
    behaviour_roll_up,
    behaviour_roll_up_days,
    events_record,
    events_tidy,
)
from catalog.services.errors import CatalogError
from catalog.services.health import health_keep
from catalog.services.import_checking import batch_path, mapping_for
from catalog.services.import_options import KINDS
from catalog.services.imports import (
    import_confirm,
    import_create,
    import_discard,
    import_kind_set,
    import_rows,
    import_run,
)
from catalog.services.job_lines import job_lines_prune
from catalog.services.picture_import import picture_uploads_prune
from catalog.services.picture_zip import MOST_PHOTOS
from catalog.services.pictures import picture_add, picture_delete
from catalog.services.preferences import preference_set
from catalog.services.products import products_categorise
from catalog.services.rows import UpsertResult, rows_upsert
from catalog.services.sales import sales_roll_up
from catalog.services.stock import stock_receive, stock_send
from catalog.services.supply import lead_times_add
from catalog.services.takeback import batch_take_back

__all__ = [
    "KINDS",
    "MOST_PHOTOS",
    "CatalogError",
    "Event",
    "EventsRefusedError",
    "EventsTaken",
    "UpsertResult",
    "batch_path",
    "batch_take_back",
    "behaviour_roll_up",
    "behaviour_roll_up_days",
    "events_record",
    "events_tidy",
    "health_keep",
    "import_confirm",
    "import_create",
    "import_discard",
    "import_kind_set",
    "import_rows",
    "import_run",
    "job_lines_prune",
    "lead_times_add",
    "mapping_for",
    "picture_add",
    "picture_delete",
    "picture_uploads_prune",
    "preference_set",
    "products_categorise",
    "rows_upsert",
    "sales_roll_up",
    "stock_receive",
    "stock_send",
]
