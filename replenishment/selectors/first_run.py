"""How far a new shop is on its way to its first suggestions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.models import (
    DataHealth,
    ImportBatch,
    Job,
    Location,
    Product,
    SalesRecord,
    StockLevel,
    Supplier,
    SupplyTerms,
)
from catalog.selectors import health_latest
from forecasting.models import ForecastRun
from replenishment.models import PlanRun

State = Literal["done", "next", "running", "check", "failed", "blocked"]
# Each kind of file with the kinds whose codes its rows name, in the order in which they go.
FILES: dict[str, tuple[str, ...]] = {
    "location": (),
    "product": (),
    "sales": ("location", "product"),
    "stock": ("location", "product"),
    "supplier": (),
    "supply_terms": ("supplier", "product"),
}
_MODELS = {
    "location": Location,
    "product": Product,
    "sales": SalesRecord,
    "stock": StockLevel,
    "supplier": Supplier,
    "supply_terms": SupplyTerms,
}
# Sales may also come as the lines of customers' orders.
_ALSO = {"order_lines": "sales"}
_RECENT = 60


@dataclass(frozen=True)
class FileStep:
    """A file that a shop needs: what state it is in, its latest import, and the kinds that it waits for."""

    kind: str
    state: State
    batch: ImportBatch | None
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class FirstRun:
    """The five steps: files, their columns, the health of the data, the first forecast, the first plan.

    `drafts` are files whose columns are to be checked, in the order in which they go.
    `forecast` and `plan` are the latest of their kind, in whatever state.
    """

    files: list[FileStep]
    drafts: list[ImportBatch]
    health: DataHealth | None
    forecast: ForecastRun | None
    plan: PlanRun | None
    has_forecast: bool
    has_plan: bool

    @property
    def files_done(self) -> int:
        """How many of the needed files have rows."""
        return sum(file.state == "done" for file in self.files)

    @property
    def states(self) -> dict[str, State]:
        """The state of each step."""
        uploaded = all(file.state in {"done", "check", "running"} for file in self.files)
        loaded = self.files_done == len(self.files)
        sold = any(file.kind == "sales" and file.state == "done" for file in self.files)
        running = any(file.state == "running" for file in self.files)
        files: State = "done" if uploaded else "next"
        if running:
            files = "running"
        columns: State = "check" if self.drafts else "done" if loaded else "blocked"
        health: State = "blocked"
        if self.health is not None and sold:
            health = "done" if loaded else "next"
        return {
            "files": files,
            "columns": columns,
            "health": health,
            "forecast": _job_state(self.forecast, is_done=self.has_forecast, is_ready=sold),
            "plan": _job_state(self.plan, is_done=self.has_plan, is_ready=self.has_forecast),
        }

    @property
    def is_waiting(self) -> bool:
        """Whether something is under way that changes a step by itself."""
        return any(file.state == "running" for file in self.files) or "running" in self.states.values()


def first_run() -> FirstRun:
    """Where the shop stands; a handful of look-ups, whatever it holds."""
    latest: dict[str, ImportBatch] = {}
    drafts = []
    recent = ImportBatch.objects.defer("errors", "drops", "mapping").order_by("-pk")
    for batch in recent[:_RECENT]:
        kind = _ALSO.get(batch.kind, batch.kind)
        if batch.is_draft:
            drafts.append(batch)
        if batch.taken_back_at is None and batch.state != Job.State.STOPPED:
            latest.setdefault(kind, batch)
    held = {kind: model._base_manager.exists() for kind, model in _MODELS.items()}
    runs = ForecastRun.objects.defer("report", "versions").order_by("-pk")
    plans = PlanRun.objects.defer("report").order_by("-pk")
    forecast, plan = runs.first(), plans.first()
    return FirstRun(
        files=[_file(kind, latest.get(kind), held) for kind in FILES],
        drafts=sorted(drafts, key=_place),
        health=health_latest(),
        forecast=forecast,
        plan=plan,
        has_forecast=_any_done(forecast, runs),
        has_plan=_any_done(plan, plans),
    )


def _place(batch: ImportBatch) -> tuple[int, int]:
    """What others refer to comes first, then what was uploaded first."""
    kind = _ALSO.get(batch.kind, batch.kind)
    return (list(FILES).index(kind) if kind in FILES else len(FILES), batch.pk)


def _any_done(newest: ForecastRun | PlanRun | None, rows: object) -> bool:
    if newest is None or newest.state == Job.State.DONE:
        return newest is not None
    return bool(rows.filter(state=Job.State.DONE).exists())  # type: ignore[attr-defined]


def _file(kind: str, batch: ImportBatch | None, held: dict[str, bool]) -> FileStep:
    waits = tuple(name for name in FILES[kind] if not held[name])
    state: State = "done" if held[kind] else "blocked" if waits else "next"
    if batch is not None:
        if batch.is_draft:
            state = "check"
        elif not batch.is_finished:
            state = "running"
        elif batch.state == Job.State.FAILED and not held[kind]:
            state = "failed"
    return FileStep(kind, state, batch, waits)


def _job_state(job: ForecastRun | PlanRun | None, *, is_done: bool, is_ready: bool) -> State:
    if is_done:
        return "done"
    if job is not None and not job.is_finished:
        return "running"
    if not is_ready:
        return "blocked"
    return "failed" if job is not None and job.state == Job.State.FAILED else "next"
