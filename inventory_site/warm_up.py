"""What the first request of a web process would wait for, done while it waits for that request.

A web process starts light, as commands and tests do. What its pages need beyond that takes seconds once:
libraries for charts and reckoning, compiled code, templates.
"""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from pathlib import Path

logger = logging.getLogger(__name__)

# Each loads, with all that it stands on, what some page would load at its first use.
_MODULES = (
    "adbc_driver_postgresql.dbapi",
    "scipy.sparse",
    "scipy.stats",
    "forecasting.core.accuracy",
    "replenishment.charts.ahead",
    "replenishment.charts.replay",
    "replenishment.charts.sku_story",
    "replenishment.charts.what_if",
    "replenishment.core.lead_times_learned",
)


def warm_up() -> None:
    """Load libraries, addresses, templates and compiled code. Reads nothing of the database."""
    from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
    from django.urls import get_resolver

    get_resolver().url_patterns  # noqa: B018  # reading them imports the views
    for module in _MODULES:
        import_module(module)
    engine = engines["django"]
    for folder in map(Path, engine.dirs):
        for path in sorted(folder.rglob("*.html")):
            try:
                engine.get_template(str(path.relative_to(folder)))
            except (TemplateDoesNotExist, TemplateSyntaxError):
                logger.exception("%s can't be read", path)
    from replenishment.core import warm_up as planning

    planning.warm_up()


def warm_up_start() -> threading.Thread:
    """The same beside the requests: those that come at once are answered, only not as fast."""
    thread = threading.Thread(target=_logged, name="warm-up", daemon=True)
    thread.start()
    return thread


def _logged() -> None:
    try:
        warm_up()
    except Exception:
        # Pages load what they need themselves.
        logger.exception("The warm-up was cut off")
