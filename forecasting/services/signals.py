"""Reading the signals: reviews, pictures and titles, and what they and the sales say of each product."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import JobLine, JobLostError
from forecasting.models import SignalRun
from forecasting.services.behaviour import behaviour_read
from forecasting.services.categories import categories_suggest
from forecasting.services.look_alikes import look_alikes_find
from forecasting.services.pictures import pictures_read
from forecasting.services.product_texts import texts_step
from forecasting.services.trends import trends_read
from forecasting.services.voices import reviews_step

logger = logging.getLogger(__name__)

Say = Callable[[float], None]
"""Told the share of a step that is done; raises `JobLostError` when another worker has the run."""

Step = Callable[[SignalRun, Say], dict[str, Any]]
"""Reads what is new since the step's last time, writes it, and returns what the run's report keeps.

A step is safe to repeat: a run that was taken up again does all of its steps once more.
"""

STEPS: tuple[tuple[str, Step], ...] = (
    ("reviews", reviews_step),
    ("pictures", pictures_read),
    ("texts", texts_step),
    ("categories", categories_suggest),
    ("look_alikes", look_alikes_find),
    ("behaviour", behaviour_read),
    ("trends", trends_read),
)
"""The steps by name, in order: a later one may use what an earlier one wrote."""


def signal_run_create(*, acting_user: AbstractBaseUser | None, as_of: date | None = None) -> SignalRun:
    """Queue a reading of all signals from what is known now. Whoever calls this dispatches the task."""
    from catalog.selectors import today

    return SignalRun.objects.create(
        as_of=as_of or today(),
        known_at=timezone.now(),
        created_by_id=acting_user.pk if acting_user else None,
    )


def signal_run_execute(*, run_id: int) -> SignalRun:
    """Do a queued reading, or take up one whose worker fell silent; nothing if another worker is alive on it.

    A step that fails is told in the report and does not keep the others from being done; the run then ends
    as failed. Returns the run as it stands.
    """
    from catalog.services.heartbeat import Heartbeat

    claim = SignalRun.take(run_id)
    run = SignalRun.objects.get(pk=run_id)
    if claim is None:
        logger.info("Reading of signals %d is %s: nothing to do", run_id, run.state)
        return run
    report: dict[str, Any] = {}
    failed: list[str] = []
    try:
        with Heartbeat(SignalRun, run_id, claim) as heartbeat:
            for place, (name, step) in enumerate(STEPS):
                begin = place / len(STEPS)
                heartbeat.report(name, begin)
                start = time.perf_counter()
                try:
                    found = step(
                        run,
                        lambda share, name=name, begin=begin: heartbeat.report(  # type: ignore[misc]
                            name, begin + share / len(STEPS)
                        ),
                    )
                except (JobLostError, KeyboardInterrupt):
                    raise
                except Exception as error:
                    logger.exception("Step %s of reading %d failed", name, run_id)
                    failed.append(f"{name}: {type(error).__name__}: {error}"[:500])
                    found = {"error": failed[-1]}
                    SignalRun.note(
                        run_id, "step-failed", level=JobLine.Level.ERROR, step=name, error=str(error)[:500]
                    )
                report[name] = found | {"seconds": round(time.perf_counter() - start, 3)}
        SignalRun.objects.filter(pk=run_id, claim=claim).update(
            report=report, versions={"python": platform.python_version()}
        )
        if failed:
            SignalRun.fail(run_id, claim, "; ".join(failed))
        else:
            SignalRun.finish(run_id, claim)
    except JobLostError:
        logger.warning("Reading of signals %d was lost to another worker", run_id)
    except KeyboardInterrupt:
        SignalRun.fail(run_id, claim, _("Interrupted."))
        raise
    run.refresh_from_db()
    return run
