"""The demo's summary: what the signals say, how well each model did on the holdout, what the plan says."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Sum

from forecasting.models import ForecastRun, SignalRun, SignalTrial
from replenishment.models import PlanRun


def summary_lines(forecast: ForecastRun, plan: PlanRun) -> Iterator[str]:
    """Two short tables, a line each."""
    yield (
        f"\nForecast {forecast.pk}: {forecast.series:,} product-locations as of {forecast.as_of}, "
        f"{forecast.spec['horizon']} weeks ahead; rolling-origin holdout, weekly:"
    )
    yield (f"  {'model':24}{'WAPE':>8}{'bias':>8}{'pinball':>9}{'cumulative':>12}")
    rows = forecast.snapshots.filter(segment="overall").order_by("scores__wape")
    for row in rows:
        columns = (("wape", "8.3f"), ("bias", "+8.3f"), ("pinball", "9.3f"), ("cum_pinball", "12.3f"))
        yield f"  {row.model:24}" + "".join(_figure(row.scores.get(name), form) for name, form in columns)
    due = plan.suggestions.filter(order_quantity__gt=0)
    yield (
        f"Plan {plan.pk}: {due.count():,} of {plan.suggestions.count():,} product-locations to order, "
        f"{plan.exceptions_count} exceptions; stock and supplier terms are assumed."
    )
    suppliers = due.values("supplier__name").annotate(count=Count("pk"), value=Sum("home_value"))
    for supplier in suppliers.order_by("-value")[:8]:
        yield (
            f"  {supplier['supplier__name']:28}{supplier['count']:6} lines{supplier['value'] or 0:12,.0f} USD"
        )


def signal_lines(run: SignalRun, trial: SignalTrial) -> Iterator[str]:
    """What was read of each signal, and what the trial found; a step that did nothing counts 0."""

    def told(step: str, name: str) -> int:
        return int(run.report.get(step, {}).get(name) or 0)

    yield (
        f"\nSignals: {told('reviews', 'new'):,} reviews read, {told('reviews', 'left_out'):,} left out; "
        f"pictures of {told('pictures', 'products'):,} products; "
        f"{told('categories', 'suggested'):,} categories suggested, "
        f"{told('categories', 'contradicted'):,} doubted; "
        f"{told('look_alikes', 'products'):,} new products with look-alikes."
    )
    classes = run.report.get("trends", {}).get("classes", {})
    yield "  trends: " + ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in classes.items())
    for label, used in (("used", True), ("shown, but not used", False)):
        found = trial.verdicts.filter(used=used).order_by("difference", "signal")
        words = [f"{one.signal} ({one.wape_with / one.wape_without - 1:+.1%} WAPE)" for one in found]
        yield f"  {label}: " + (", ".join(words) or "none")


def _figure(value: float | None, form: str) -> str:
    """A score in its column; a dash where there is none: only champions and yardsticks have quantiles."""
    return f"{value:{form}}" if value is not None else "-".rjust(int(form.strip("+").split(".")[0]))
