"""Settings, addresses, the Celery application, and what all pages share. Sits on top of the three apps."""

from inventory_site.celery import app as celery_app

__all__ = ["celery_app"]
