"""The frozen accuracy of a run's product-locations, summed up by what the reader asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from catalog.models import Category
from forecasting.models import AccuracySnapshot, ChampionDecision, ForecastRun, OverrideScore, SeriesAccuracy
from forecasting.selectors.runs import CHAMPIONS, OVERALL
from forecasting.selectors.series_accuracy import CLASSES, PREDICTABILITY, SeriesTable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WORST = 20
_MOST_POINTS = 120


@dataclass(frozen=True)
class AccuracyFilter:
    """Which product-locations and which band of the horizon count; None: all. A category means its branch.

    With `within_lead_time` the bands of each up to the one in which its lead time ends, whatever `band` says.
    """

    band: int | None = None
    within_lead_time: bool = False
    abc: str | None = None
    xyz: str | None = None
    category_id: int | None = None
    location_id: int | None = None
    model: str | None = None


@dataclass(frozen=True)
class GroupScore:
    """Scores of some product-locations together.

    `money` is absolute error x price in the home currency over all held-out periods, `money_wape` its share
    of the demand's worth; None where no price is known. `error_share` is the part of the whole's `money`.
    """

    key: Any
    series: int
    scores: dict[str, float | None]
    money: float | None
    money_wape: float | None
    left_out: int
    error_share: float | None = None


@dataclass(frozen=True)
class WorstSeries:
    """A product-location among those whose errors cost most."""

    product_id: int
    location_id: int
    abc: str
    xyz: str
    model: str
    group: GroupScore


@dataclass(frozen=True)
class AccuracyReport:
    """The scores of the filtered product-locations: together, and by each way to slice them.

    `matrix` is keyed by (ABC, XYZ); `categories` by the branch one level below the filter's category (None:
    without a category); the worst come first in each.
    """

    overall: GroupScore
    matrix: dict[tuple[str, str], GroupScore]
    categories: list[GroupScore]
    locations: list[GroupScore]
    models: list[GroupScore]
    worst: list[WorstSeries]


@dataclass(frozen=True)
class Tree:
    """The category tree: parents and names by id."""

    parent: Mapping[int, int | None] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def path(self, category_id: int | None) -> list[int]:
        """From the root down to a category."""
        found: list[int] = []
        while category_id is not None and category_id in self.parent and category_id not in found:
            found.append(category_id)
            category_id = self.parent[category_id]
        return found[::-1]

    def below(self, category_id: int, top: int | None) -> int | None:
        """The child of `top` (None: the root) on the way to a category; `top` itself where it is that one.

        None where the category does not lie below `top`.
        """
        path = self.path(category_id)
        if top is None:
            return path[0] if path else None
        if top not in path:
            return None
        place = path.index(top)
        return path[min(place + 1, len(path) - 1)]


def accuracy_runs() -> QuerySet[ForecastRun]:
    """Finished runs that still hold the accuracy of their product-locations, the latest as-of date first."""
    rows = SeriesAccuracy.objects.filter(run=OuterRef("pk"))
    return ForecastRun.objects.filter(Exists(rows), state=ForecastRun.State.DONE).order_by("-as_of", "-pk")


def category_tree(language: str) -> Tree:
    """All categories, with their names in a language where they have one."""
    rows = list(Category.objects.values_list("pk", "parent_id", "name", "names"))
    return Tree(
        parent={pk: parent for pk, parent, _name, _names in rows},
        names={pk: names.get(language) or name for pk, _parent, name, names in rows},
    )


def accuracy_report(
    table: SeriesTable, chosen: AccuracyFilter, tree: Tree, leads: npt.NDArray[Any] | None = None
) -> AccuracyReport:
    """What the accuracy of a run is for the chosen product-locations and bands of the horizon.

    `leads` (N,) is the band in which each lead time ends (`lead_bands`), for `within_lead_time`.
    """
    import numpy as np

    rows = np.flatnonzero(_chosen(table, chosen, tree))
    if chosen.within_lead_time and leads is not None:
        counts = np.arange(table.sums.shape[1]) <= leads[rows][:, None]
        sums = np.einsum("nb,nbs->ns", counts, table.sums[rows], dtype=np.float64)
    else:
        bands = slice(None) if chosen.band is None else slice(chosen.band, chosen.band + 1)
        sums = table.sums[rows, bands].sum(axis=1, dtype=np.float64)
    view = _View(sums, table.price[rows])
    [overall] = view.groups(np.zeros(len(rows), dtype=np.int64), [None])
    cell = table.abc[rows] * (len(PREDICTABILITY) + 1) + table.xyz[rows]
    keys = [(a, x) for a in (*CLASSES, "") for x in (*PREDICTABILITY, "")]
    branches, branch = _branches(table.category[rows], chosen.category_id, tree)
    places, place = np.unique(table.location[rows], return_inverse=True)
    return AccuracyReport(
        overall=overall,
        matrix={group.key: group for group in view.groups(cell, keys, overall)},
        categories=_costliest(view.groups(branch, branches, overall)),
        locations=_costliest(view.groups(place, places.tolist(), overall)),
        models=_costliest(view.groups(table.model[rows], table.model_names, overall)),
        worst=_worst(table, rows, view, overall),
    )


@dataclass(frozen=True)
class DriftPoint:
    """The scores of one run over all series: of its champions, and of seasonal naive where it was run."""

    run_id: int
    as_of: Any
    champions: dict[str, float | None]
    naive: dict[str, float | None]


def accuracy_drift(run: ForecastRun) -> list[DriftPoint]:
    """The scores of this and earlier runs of the same frequency and horizon, oldest first; one per as-of day.

    From the frozen snapshots, which outlive a run's distributions.
    """
    rows = (
        AccuracySnapshot.objects.filter(
            segment=OVERALL,
            model__in=[CHAMPIONS, "seasonal_naive"],
            frequency=run.spec["freq"],
            horizon=run.spec["horizon"],
            as_of__lte=run.as_of,
            run_id__lte=run.pk,
        )
        .order_by("-as_of", "-run_id")
        .values_list("run_id", "as_of", "model", "scores")[: 4 * _MOST_POINTS]
    )
    by_day: dict[Any, tuple[int, dict[str, Any]]] = {}
    for run_id, as_of, model, scores in rows:
        kept = by_day.setdefault(as_of, (run_id, {}))
        if kept[0] == run_id:  # the newest run of the day
            kept[1][model] = scores
    points = [
        DriftPoint(run_id, as_of, models[CHAMPIONS], models.get("seasonal_naive", {}))
        for as_of, (run_id, models) in by_day.items()
        if CHAMPIONS in models
    ]
    return points[:_MOST_POINTS][::-1]


def decisions_list(*, run: ForecastRun | None = None) -> QuerySet[ChampionDecision]:
    """Who became champion where: of one run, or of all, newest first."""
    found = ChampionDecision.objects.select_related("run").order_by("-run_id", "segment")
    found = found.defer("run__report", "run__versions")
    return found if run is None else found.filter(run=run)


def override_value_added() -> list[dict[str, Any]]:
    """Per kind of override: how many were scored, units sold, and both absolute errors (`OverrideScore`)."""
    rows: Any = (
        OverrideScore.objects.values("override__kind")
        .order_by("override__kind")
        .annotate(
            number=Count("pk"),
            periods=Sum("periods"),
            actual=Sum("actual"),
            model_error=Sum("model_error"),
            override_error=Sum("override_error"),
        )
    )
    return list(rows)


class _View:
    """Filtered sums (n, S) and prices (n,), to be added up by groups."""

    def __init__(self, sums: npt.NDArray[Any], price: npt.NDArray[Any]) -> None:
        import numpy as np

        from forecasting.core.accuracy import COLUMN

        known = np.isfinite(price)
        price = np.where(known, price, 0.0)
        self.money = price * sums[:, COLUMN["absolute_error"]]
        worth = price * sums[:, COLUMN["actual"]]
        self.table = np.column_stack([sums, self.money, worth, known])

    def groups(
        self, codes: npt.NDArray[Any], keys: list[Any], whole: GroupScore | None = None
    ) -> list[GroupScore]:
        """The scores of each group that has a row; `codes` (n,) are places in `keys`."""
        import numpy as np
        from scipy.sparse import csr_array

        count, size = len(codes), len(keys)
        series = np.bincount(codes, minlength=size)
        # One row of ones a group: a tenth of the time of summing column by column.
        belongs = csr_array((np.ones(count), codes, np.arange(count + 1)), shape=(count, size)).T
        totals = belongs @ self.table
        return [
            self._group(key, int(series[place]), totals[place], whole)
            for place, key in enumerate(keys)
            if series[place] or whole is None
        ]

    def one(self, row: int, whole: GroupScore) -> GroupScore:
        """The scores of a single row."""
        return self._group(row, 1, self.table[row], whole)

    @staticmethod
    def _group(key: Any, series: int, total: npt.NDArray[np.float64], whole: GroupScore | None) -> GroupScore:
        from forecasting.core.accuracy import COLUMN, scores_of

        *sums, money, worth, priced = total.tolist()
        known = priced > 0
        all_money = whole.money if whole else None
        return GroupScore(
            key=key,
            series=series,
            scores=scores_of(total),
            money=money if known else None,
            money_wape=money / worth if known and worth > 0 else None,
            left_out=round(sums[COLUMN["left_out"]]),
            error_share=money / all_money if known and all_money else None,
        )


def _chosen(table: SeriesTable, chosen: AccuracyFilter, tree: Tree) -> npt.NDArray[Any]:
    import numpy as np

    use = np.ones(len(table.product), dtype=bool)
    if chosen.abc is not None:
        use &= table.abc == CLASSES.index(chosen.abc)
    if chosen.xyz is not None:
        use &= table.xyz == PREDICTABILITY.index(chosen.xyz)
    if chosen.location_id is not None:
        use &= table.location == chosen.location_id
    if chosen.model is not None:
        known = chosen.model in table.model_names
        use &= table.model == table.model_names.index(chosen.model) if known else False
    if chosen.category_id is not None:
        branch = [pk for pk in tree.parent if chosen.category_id in tree.path(pk)]
        use &= np.isin(table.category, branch)
    return use


def _branches(
    category: npt.NDArray[Any], top: int | None, tree: Tree
) -> tuple[list[int | None], npt.NDArray[Any]]:
    """The branches below `top` and each row's place among them."""
    import numpy as np

    found, inverse = np.unique(category, return_inverse=True)
    branch = [tree.below(int(pk), top) for pk in found]
    keys = list(dict.fromkeys(branch))
    places = np.array([keys.index(key) for key in branch], dtype=np.int64)
    return keys, places[inverse] if len(found) else np.zeros(0, dtype=np.int64)


def _costliest(groups: list[GroupScore]) -> list[GroupScore]:
    return sorted(groups, key=lambda group: (-(group.money or 0.0), str(group.key)))


def _worst(table: SeriesTable, rows: npt.NDArray[Any], view: _View, overall: GroupScore) -> list[WorstSeries]:
    """The product-locations whose absolute errors cost most; those that were never wrong are left out."""
    import numpy as np

    order = np.argsort(-view.money, kind="stable")[:WORST]
    return [
        WorstSeries(
            product_id=int(table.product[rows[place]]),
            location_id=int(table.location[rows[place]]),
            abc=(*CLASSES, "")[table.abc[rows[place]]],
            xyz=(*PREDICTABILITY, "")[table.xyz[rows[place]]],
            model=table.model_names[table.model[rows[place]]],
            group=view.one(int(place), overall),
        )
        for place in order
        if view.money[place] > 0
    ]
