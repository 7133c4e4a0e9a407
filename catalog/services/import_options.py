"""What can be imported, and which options each kind takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.importers import complete_journey, online_retail
from catalog.importers.datasets import DATA_SETS
from catalog.models import ImportBatch
from catalog.services.errors import CatalogError

KINDS: dict[str, str | Promise] = {
    **{kind: data_set.label for kind, data_set in DATA_SETS.items()},
    online_retail.KIND: gettext_lazy("UCI Online Retail (order lines as published)"),
    complete_journey.KIND: gettext_lazy("The Complete Journey (order lines of the installed package)"),
    ImportBatch.PHOTOS: gettext_lazy("Product photos (ZIP file)"),
}
"""Every kind that `import_create` takes, with its name for people."""


def options_check(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, if this kind takes them and they have a sense. Raises `CatalogError`.

    Files: `decimal` (point, comma), `date_order` (auto, dmy, mdy), `constants` (column -> value of all rows).
    The Complete Journey: `stores`, `pairs`, `max_quantity` (numbers), `leave_out` (departments).
    """
    checks = _JOURNEY if kind == complete_journey.KIND else _FILE if kind in DATA_SETS else {}
    for name, value in options.items():
        if name not in checks:
            raise CatalogError(_("There is no option “%s” here.") % str(name)[:40])
        if not checks[name](value):
            raise CatalogError(_("The option “%s” has a value that can't be right.") % name)
    constants = options.get("constants", {})
    for name in constants:
        if not DATA_SETS[kind].knows(name) or DATA_SETS[kind].family_of(name):
            raise CatalogError(_("There is no column “%s”.") % str(name)[:80])
    return dict(options)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000_000


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_constants(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(text, str) and text for name, text in value.items()
    )


_FILE = {
    "decimal": lambda value: value in ("point", "comma"),
    "date_order": lambda value: value in ("auto", "dmy", "mdy"),
    "constants": _is_constants,
}
_JOURNEY = {"stores": _is_count, "pairs": _is_count, "max_quantity": _is_count, "leave_out": _is_texts}
