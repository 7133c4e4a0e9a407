"""The Celery application: workers run forecasts, plans and imports in the background."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_site.settings")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle OpenMP threads sleep instead of spinning

TRANSPORT_ALIASES["filesystem"] = "inventory_site.file_broker:Transport"
app = Celery("forestock")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
