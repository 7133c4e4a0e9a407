"""Acts on many suggestions: few at once are done at once, many in the background, as a job."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _

from catalog.models import Job, JobLostError
from catalog.services.heartbeat import Heartbeat
from replenishment.models import BulkAct, PlanRun, PurchaseOrder, SuggestionChange
from replenishment.selectors.plans import plan_latest
from replenishment.services.bulk_acts import Act
from replenishment.services.bulk_chosen import Chosen, Seen, seen_pack, seen_read, seen_unpack
from replenishment.services.bulk_progress import Report
from replenishment.services.drafts import drafts_create, drafts_make, drafts_submit
from replenishment.services.errors import ReplenishmentError, SuggestionError
from replenishment.services.orders import permission_require
from replenishment.services.suggestion_bulk import Acted, suggestions_act
from replenishment.services.suggestion_undo import Undone, change_undo, undo_check
from replenishment.services.suggestions import EDIT, plan_stale

logger = logging.getLogger(__name__)

Kind = BulkAct.Kind
MOST_AT_ONCE = 500
"""So many suggestions at most are done within a request: in about a second, on a busy machine too
(`benchmarks.workbench_acts`)."""
_NUMBERS_KEPT = 8


def act_ask(
    *, suggestions: Chosen, act: Act, acting_user: User, seen_plan_run_id: int | None = None
) -> Acted | BulkAct:
    """Act on these as `suggestions_act` does; on more than MOST_AT_ONCE in the background.

    A queued act is of the suggestions as they are now. Whoever calls this dispatches its task.
    """
    permission_require(acting_user, EDIT)
    act.check()
    plan, seen = _asked(suggestions, seen_plan_run_id)
    if len(seen) > MOST_AT_ONCE:
        return _queued(plan, act.kind, seen, acting_user, values=act.to_dict())
    return suggestions_act(
        suggestion_ids=seen, act=act, acting_user=acting_user, seen_plan_run_id=seen_plan_run_id
    )


def drafts_ask(
    *, suggestions: Chosen, acting_user: User, submits: bool = False, seen_plan_run_id: int | None = None
) -> list[PurchaseOrder] | BulkAct:
    """Draft orders as `drafts_create` or `drafts_submit` does; of more than MOST_AT_ONCE as a job."""
    permission_require(acting_user, "add_purchaseorder")
    if submits:
        permission_require(acting_user, "submit_purchaseorder")
    plan, seen = _asked(suggestions, seen_plan_run_id)
    if len(seen) > MOST_AT_ONCE:
        return _queued(plan, Kind.SUBMIT if submits else Kind.DRAFT, seen, acting_user)
    make = drafts_submit if submits else drafts_create
    return make(suggestion_ids=list(seen), acting_user=acting_user)


def undo_ask(*, change_id: int, acting_user: User) -> Undone | BulkAct:
    """Take a change back as `change_undo` does; one of more than MOST_AT_ONCE suggestions as a job.

    Raises SuggestionError where that is on its way already.
    """
    permission_require(acting_user, EDIT)
    if SuggestionChange.objects.get(pk=change_id).lines_count <= MOST_AT_ONCE:
        return change_undo(change_id=change_id, acting_user=acting_user)
    with transaction.atomic():
        # Locked, so that of two who ask at once one is told that it is on its way.
        change = SuggestionChange.objects.select_for_update(of=("self",)).get(pk=change_id)
        plan = undo_check(change, plan_latest(), acting_user)
        waiting = (Job.State.QUEUED, Job.State.RUNNING)
        if BulkAct.objects.filter(undoes=change, state__in=waiting).exists():
            raise SuggestionError(_("This is being undone already."))
        return BulkAct.objects.create(
            plan_run=plan,
            kind=Kind.REDO if change.kind == SuggestionChange.Kind.UNDO else Kind.UNDO,
            undoes=change,
            rows_count=change.lines_count,
            created_by=acting_user,
        )


def _asked(suggestions: Chosen, seen_plan_run_id: int | None) -> tuple[PlanRun, Seen]:
    """The latest plan, and how the suggestions stand, all of which have to be its own."""
    plan = plan_latest()
    if plan is None or seen_plan_run_id not in {None, plan.pk}:
        raise plan_stale()
    return plan, seen_read(suggestions, plan)


def _queued(
    plan: PlanRun, kind: str, seen: Seen, acting_user: User, *, values: dict[str, Any] | None = None
) -> BulkAct:
    return BulkAct.objects.create(
        plan_run=plan,
        kind=kind,
        values=values or {},
        rows_count=len(seen),
        seen=seen_pack(seen),
        created_by=acting_user,
    )


def bulk_act_execute(*, act_id: int) -> BulkAct:
    """Do a queued act, or take up one whose worker fell silent; nothing if another worker is alive on it.

    All of it and the job's last state are written in one transaction: a worker that is killed in the middle
    has done nothing, and who takes the job up does it once.
    """
    claim = BulkAct.take(act_id)
    job = BulkAct.objects.select_related("created_by", "plan_run").get(pk=act_id)
    if claim is None:
        logger.info("Act %d is %s: nothing to do", act_id, job.state)
        return job
    try:
        _execute(job, claim)
    except JobLostError:
        logger.warning("Act %d was lost to another worker, or stopped", act_id)
    except (ReplenishmentError, PermissionDenied) as error:
        logger.info("Act %d failed: %s", act_id, error)
        BulkAct.fail(act_id, claim, str(error))
    except KeyboardInterrupt:
        BulkAct.fail(act_id, claim, _("Interrupted."))
        raise
    except Exception as error:
        logger.exception("Act %d failed", act_id)
        reason = f"{type(error).__name__}: {error}"[:1000]
        BulkAct.fail(act_id, claim, _("Unexpected error: %s") % reason)
    job.refresh_from_db()
    return job


def _execute(job: BulkAct, claim: uuid.UUID) -> None:
    start = time.perf_counter()
    with ExitStack() as beats:
        heartbeat = Heartbeat(BulkAct, job.pk, claim)
        # SQLite has one writer: a thread that says how far the act is would wait for the act itself.
        if connection.vendor != "sqlite":
            beats.enter_context(heartbeat)
        with transaction.atomic():
            done = _done(job, heartbeat.report)
            # From here on the row of the job is this transaction's: nobody can take or stop it.
            beats.close()
            seconds = round(time.perf_counter() - start, 1)
            report = dict(done.pop("report")) | {"seconds": seconds}
            BulkAct.finish(job.pk, claim, seen=b"", report=report, **done)


def _done(job: BulkAct, report: Report) -> dict[str, Any]:
    """Do it; what the job then keeps."""
    user = job.created_by
    assert user is not None  # noqa: S101 - whoever asks is kept
    if job.undoes_id is not None:
        undone = change_undo(change_id=job.undoes_id, acting_user=user, report=report)
        left = {"changed": undone.passed_over} if undone.passed_over else {}
        return _kept(undone.change, undone.change.lines_count, left)
    seen = seen_unpack(job.seen)
    if job.kind in {Kind.DRAFT, Kind.SUBMIT}:
        drafted = drafts_make(
            suggestion_ids=list(seen),
            acting_user=user,
            submits=job.kind == Kind.SUBMIT,
            seen=seen,
            report=report,
        )
        numbers = [order.number for order in drafted.orders]
        more = {"orders": len(numbers), "numbers": numbers[:_NUMBERS_KEPT]}
        return _kept(None, drafted.lines, dict(drafted.passed.most_common()), more)
    acted = suggestions_act(
        suggestion_ids=seen,
        act=Act.from_dict(job.values),
        acting_user=user,
        seen_plan_run_id=job.plan_run_id,
        seen=seen,
        report=report,
    )
    worth = {"value_before": acted.value_before, "value_after": acted.value_after}
    return _kept(acted.change, acted.changed, acted.passed_over, worth)


def _kept(
    change: SuggestionChange | None,
    changed: int,
    passed: Mapping[Any, int],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    counts = {"changed": changed, "passed_over": {str(why): count for why, count in passed.items()}}
    return {"change": change, "report": counts | dict(more or {})}
