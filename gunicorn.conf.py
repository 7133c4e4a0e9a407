"""Settings of the web server: gunicorn reads this file by itself where it is started in this folder."""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    """A new worker loads in the background what its first pages would wait for."""
    from inventory_site.warm_up import warm_up_start

    warm_up_start()
