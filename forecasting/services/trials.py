"""Trials of signals in the background: which of them make forecasts better."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import asdict, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from catalog.models import JobLostError
from forecasting import selectors
from forecasting.models import SignalTrial, SignalVerdict
from forecasting.services.inputs import panel_read
from forecasting.services.runs import ForecastError

if TYPE_CHECKING:
    from forecasting.core.spec import ForecastSpec
    from forecasting.core.trials import TrialResult, Verdict
    from forecasting.selectors.signal_columns import Signal

logger = logging.getLogger(__name__)

# The share of the whole that reading takes.
_READ = 0.1


def trial_create(
    *, acting_user: AbstractBaseUser | None, as_of: date | None = None, spec: ForecastSpec | None = None
) -> SignalTrial:
    """Queue a trial of all signals from what is known now, as of a day (default: that of the next forecast).

    The default spec is the core's (weeks, four ahead, eight origins, a sample of 1,500 product-locations).
    Whoever calls this dispatches the task. Raises ForecastError for a day in the future, or without sales.
    """
    from catalog.selectors import today
    from forecasting.core.trials import SPEC

    as_of = as_of or selectors.as_of_default()
    if as_of is None:
        raise ForecastError(_("There are no sales yet: import some first."))
    if as_of > today():
        raise ForecastError(_("%s is in the future.") % date_format(as_of))
    spec = spec or replace(SPEC, threads=settings.FORESTOCK_THREADS)
    return SignalTrial.objects.create(
        as_of=as_of,
        known_at=timezone.now(),
        spec=spec.to_dict(),
        created_by_id=acting_user.pk if acting_user else None,
    )


def trial_execute(*, trial_id: int) -> SignalTrial:
    """Do a queued trial, or take up one whose worker fell silent; nothing if another worker is alive on it.

    Safe to call twice. A failure is kept on the trial, as a reason for people; one that was lost to another
    worker meanwhile is left alone. Returns the trial as it stands.
    """
    from catalog.services.heartbeat import Heartbeat
    from forecasting.core.panel import PanelError
    from forecasting.core.trials import TrialError

    claim = SignalTrial.take(trial_id)
    job = SignalTrial.objects.get(pk=trial_id)
    if claim is None:
        logger.info("Trial of signals %d is %s: nothing to do", trial_id, job.state)
        return job
    try:
        with Heartbeat(SignalTrial, trial_id, claim) as heartbeat:
            found, result, seconds = _try(job, heartbeat)
        _store(job, claim, found, result, seconds)
    except JobLostError:
        logger.warning("Trial of signals %d was lost to another worker", trial_id)
    except TrialError:
        SignalTrial.fail(trial_id, claim, _("The history is too short to try signals on it."))
    except (ForecastError, PanelError) as error:
        SignalTrial.fail(trial_id, claim, str(error))
    except KeyboardInterrupt:
        SignalTrial.fail(trial_id, claim, _("Interrupted."))
        raise
    except Exception as error:
        logger.exception("Trial of signals %d failed", trial_id)
        text = f"{type(error).__name__}: {error}"[:1000]
        SignalTrial.fail(trial_id, claim, _("Unexpected error: %s") % text)
    job.refresh_from_db()
    return job


def _try(job: SignalTrial, heartbeat: Any) -> tuple[tuple[Signal, ...], TrialResult, float]:
    from forecasting.core.spec import ForecastSpec
    from forecasting.core.trials import trial

    start = time.perf_counter()
    heartbeat.report("read", 0.0)
    panel, spec, found = panel_read(
        as_of=job.as_of,
        known_at=job.known_at,
        spec=ForecastSpec.from_dict(job.spec),
        signals=None,
        sample=True,
    )
    heartbeat.report("try", _READ)
    result = trial(
        panel,
        as_of=job.as_of,
        signals={signal.name: (signal.name,) for signal in found},
        spec=spec,
        progress=lambda share: heartbeat.report("try", _READ + (1 - _READ) * share),
    )
    return found, result, round(time.perf_counter() - start, 1)


def _store(
    job: SignalTrial, claim: uuid.UUID, found: tuple[Signal, ...], result: TrialResult, seconds: float
) -> None:
    """All verdicts and the trial's last state, or nothing. Raises `JobLostError`."""
    reasons = {verdict.signal: verdict.reason for verdict in result.verdicts} | result.left_out
    report = {
        "signals": {
            signal.name: asdict(signal) | {"since": signal.since.isoformat(), "reason": reasons[signal.name]}
            for signal in found
        },
        "together": asdict(result.together) if result.together else None,
        "origins": list(result.origins),
        "series": result.series,
        "seconds": seconds,
    }
    with transaction.atomic():
        SignalTrial.beat(job.pk, claim)
        SignalVerdict.objects.filter(trial=job).delete()
        SignalVerdict.objects.bulk_create([_row(job, verdict) for verdict in result.verdicts])
        SignalTrial.finish(job.pk, claim, report=report)


def _row(job: SignalTrial, verdict: Verdict) -> SignalVerdict:
    values = asdict(verdict)
    del values["reason"]
    return SignalVerdict(trial=job, **values)
