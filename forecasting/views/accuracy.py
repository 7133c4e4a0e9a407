"""The accuracy page: how good forecasts were on demand that they had not seen, from frozen rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from catalog.models import Location, Product
from forecasting.charts import LineChart, line_chart
from forecasting.models import ForecastOverride, ForecastRun
from forecasting.selectors import accuracy as reads
from forecasting.selectors.lead_bands import lead_bands
from forecasting.selectors.series_accuracy import CLASSES, PREDICTABILITY, SeriesTable, accuracy_table
from forecasting.views.access import inside_only
from forecasting.views.scores import coverage_rows, decision_lines
from forecasting.words import ALL_MODELS, FREQUENCIES, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS, DECISIONS, GROUPS = 30, 30, 20
# Scores whose drift can be looked at.
DRIFTS = ("wape", "bias", "pinball", "coverage")


@dataclass(frozen=True)
class Group:
    """A line of a table of groups: its name, its scores, and the value that filters by it (None: can't)."""

    name: str
    score: reads.GroupScore
    value: Any = None


@dataclass(frozen=True)
class Worst:
    """One of the costliest product-locations."""

    product: Product | None
    location: Location | None
    row: reads.WorstSeries
    model: str


@require_GET
@inside_only
@permission_required("forecasting.view_accuracysnapshot", raise_exception=True)
def accuracy(request: HttpRequest) -> HttpResponse:
    """Scores of the latest tested run, or of another one, sliced and filtered by the address."""
    # A JSON column of every run would be read for the list: the chosen one alone brings its own.
    runs = list(reads.accuracy_runs().defer("report", "versions")[:RUNS])
    run = _run(request, runs)
    if run is None:
        return render(request, "forecasting/accuracy.html", {"run": None, "decisions": []})
    from forecasting.core.accuracy import band_ends

    tree = reads.category_tree(get_language() or "")
    locations = {place.pk: place for place in Location.objects.all()}
    ends = band_ends(int(run.spec["horizon"]))
    table, leads = accuracy_table(run), lead_bands(run)
    usual = reads.AccuracyFilter(within_lead_time=leads is not None)
    chosen = _filter(request, usual, table=table, bands=len(ends), tree=tree, locations=locations)
    report = reads.accuracy_report(table, chosen, tree, leads)
    drift = request.GET.get("drift", "")
    drift = drift if drift in DRIFTS else DRIFTS[0]
    return render(
        request,
        "forecasting/accuracy.html",
        {
            "run": run,
            "runs": runs,
            "chosen": chosen,
            "is_filtered": chosen != usual,
            "knows_lead_times": leads is not None,
            "report": report,
            "tested": len(table.product),
            "coverage": coverage_rows(report.overall.scores),
            "frequency": name_of(FREQUENCIES, run.spec["freq"]),
            "bands": _bands(ends, name_of(FREQUENCIES, run.spec["freq"])),
            "classes": CLASSES,
            "predictability": PREDICTABILITY,
            "matrix": _matrix(report),
            "crumbs": [(pk, tree.names[pk]) for pk in tree.path(chosen.category_id)],
            "categories": _categories(report.categories, tree, chosen.category_id),
            "locations": [
                Group(locations[g.key].code if g.key in locations else "", g, g.key)
                for g in report.locations[:GROUPS]
            ],
            "location_choices": [
                locations[pk] for pk in sorted(set(table.location.tolist())) if pk in locations
            ],
            "models": [Group(name_of(ALL_MODELS, g.key), g, g.key) for g in report.models],
            "model_choices": [(name, name_of(ALL_MODELS, name)) for name in table.model_names],
            "more_categories": max(len(report.categories) - GROUPS, 0),
            "more_locations": max(len(report.locations) - GROUPS, 0),
            "worst": _worst(report.worst, locations),
            "overrides": _overrides(),
            "decisions": decision_lines(reads.decisions_list()[:DECISIONS]),
            "drift": drift,
            "drifts": [(name, str(words)) for name, words in _drift_names().items()],
            "drift_chart": _drift_chart(reads.accuracy_drift(run), drift),
            "step_chart": _step_chart(run.report.get("by_step", [])),
        },
    )


def _run(request: HttpRequest, runs: Sequence[ForecastRun]) -> ForecastRun | None:
    """The run that the address names, else the newest. 404 for one without accuracy."""
    asked = request.GET.get("run", "")
    if not asked:
        return runs[0] if runs else None
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404
    found = next((run for run in runs if run.pk == int(asked)), None)
    found = found or reads.accuracy_runs().filter(pk=int(asked)).first()
    if found is None:
        raise Http404
    return found


def _filter(
    request: HttpRequest,
    usual: reads.AccuracyFilter,
    *,
    table: SeriesTable,
    bands: int,
    tree: reads.Tree,
    locations: dict[int, Location],
) -> reads.AccuracyFilter:
    """What the address asks for; a value that there is not, filters nothing.

    Unless it names a band, or "all" of them, each product-location counts up to its lead time, where known.
    """
    get = request.GET.get
    numbers = {
        name: int(text) if (text := get(name, "")).isdecimal() and len(text) <= 18 else None
        for name in ("band", "category", "location")
    }
    band = numbers["band"]
    named = band is not None and 1 <= band <= bands
    return reads.AccuracyFilter(
        band=band - 1 if band is not None and named else None,
        within_lead_time=usual.within_lead_time and not named and get("band") != "all",
        abc=get("abc") if get("abc") in CLASSES else None,
        xyz=get("xyz") if get("xyz") in PREDICTABILITY else None,
        category_id=numbers["category"] if numbers["category"] in tree.parent else None,
        location_id=numbers["location"] if numbers["location"] in locations else None,
        model=get("model") if get("model") in table.model_names else None,
    )


def _bands(ends: list[int], periods: str) -> list[tuple[int, str]]:
    starts = [1, *(end + 1 for end in ends[:-1])]
    return [
        (
            number,
            f"{start}" if start == end else f"{start}–{end}",
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def _matrix(report: reads.AccuracyReport) -> list[tuple[str, list[reads.GroupScore | None]]]:
    """Rows A to C, each with its cells X to Z; None where no product-location is of that kind."""
    return [(a, [report.matrix.get((a, x)) for x in PREDICTABILITY]) for a in CLASSES]


def _categories(groups: list[reads.GroupScore], tree: reads.Tree, top: int | None) -> list[Group]:
    return [
        Group(
            name=_("Without a category") if group.key is None else tree.names[group.key],
            score=group,
            value=None if group.key in {None, top} else group.key,
        )
        for group in groups[:GROUPS]
    ]


def _worst(rows: list[reads.WorstSeries], locations: dict[int, Location]) -> list[Worst]:
    products = Product.objects.in_bulk([row.product_id for row in rows])
    return [
        Worst(
            product=products.get(row.product_id),
            location=locations.get(row.location_id),
            row=row,
            model=name_of(ALL_MODELS, row.model),
        )
        for row in rows
    ]


def _overrides() -> list[dict[str, Any]]:
    """Override against model, per kind and together: errors as shares of what was sold."""
    kinds = dict(ForecastOverride.Kind.choices)
    rows = reads.override_value_added()
    for row in rows:
        row["name"] = str(kinds.get(row["override__kind"], row["override__kind"])).partition(":")[0]
    if len(rows) > 1:
        names = ("number", "periods", "actual", "model_error", "override_error")
        rows.append({name: sum(row[name] for row in rows) for name in names} | {"name": _("All overrides")})
    for row in rows:
        sold = row["actual"]
        row["model_wape"] = row["model_error"] / sold if sold else None
        row["override_wape"] = row["override_error"] / sold if sold else None
        row["value_added"] = row["model_error"] - row["override_error"]
    return rows


def _drift_names() -> dict[str, str]:
    return {
        "wape": _("WAPE"),
        "bias": _("Bias"),
        "pinball": _("Pinball loss"),
        "coverage": _("Coverage of P95"),
    }


def _drift_chart(points: list[reads.DriftPoint], score: str) -> LineChart | None:
    if score == "coverage":
        lines = [
            (_("At most P95"), "accent", [point.champions.get("coverage_95") for point in points]),
            (_("Below P95"), "muted", [point.champions.get("coverage_95_below") for point in points]),
        ]
    else:
        lines = [
            (_("Champions together"), "accent", [point.champions.get(score) for point in points]),
            (_("Seasonal naive"), "muted", [point.naive.get(score) for point in points]),
        ]
    return line_chart(
        [point.as_of for point in points],
        lines,
        unit="number" if score == "pinball" else "percent",
        from_zero=score != "coverage",
    )


def _step_chart(steps: list[dict[str, float | None]]) -> LineChart | None:
    return line_chart(
        range(1, len(steps) + 1),
        [
            (_("Champions together"), "accent", [step.get("wape") for step in steps]),
            (_("Seasonal naive"), "muted", [step.get("naive_wape") for step in steps]),
        ],
    )
