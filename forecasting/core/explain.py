"""Splitting a forecast into what makes it: contributions by group that add up to the mean, in units.

Contributions are arrays (n, G) or (N, H, G) for the groups of `GROUPS`. What a model starts from before it
looks at a series (its expected prediction, its intercept) belongs to the level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from forecasting.core.models.base import Forecaster, TrainingData

Array = npt.NDArray[Any]

GROUPS = ("level", "trend", "season", "price", "promotion", "signals", "location")
LEVEL = 0

# Parts of the names of the table's own features.
_OWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("trend", ("h", "age", "total_")),
    ("season", ("weekday", "day", "season", "time_of_year", "week", "month", "holiday", "event")),
    ("location", ("location", "store", "region")),
    (
        "level",
        (
            "lag",
            "mean",
            "deviation",
            "share_",
            "size",
            "relative_scale",
            "smooth",
            "since_sale",
            "item",
            "series",
        ),
    ),
)
# Words in the names of a panel's columns, whole ones and parts; the first that fits counts.
_COLUMNS: tuple[tuple[str, frozenset[str], tuple[str, ...]], ...] = (
    (
        "promotion",
        frozenset({"tpr", "ad", "ads", "flyer", "leaflet", "deal", "bogo"}),
        ("promo", "feature", "display", "mailer", "campaign", "coupon", "advert"),
    ),
    ("price", frozenset({"cost", "rrp", "msrp"}), ("price", "discount", "markdown", "rebate")),
    (
        "season",
        frozenset({"week", "month", "day", "quarter", "snap"}),
        ("holiday", "event", "calendar", "season", "weekday", "festival", "school"),
    ),
    (
        "location",
        frozenset({"state", "city", "country", "dc", "site", "shop", "zip"}),
        ("location", "store", "region", "market", "warehouse", "channel", "outlet", "branch"),
    ),
)
_PREFIX = re.compile(r"(known|change|past|static)_(.+)")
_MOST_RATIO = 4.0
_CHUNK = 100_000

Link = Literal["identity", "log"]


def group_of(name: str) -> str:
    """The group of a feature of `FeatureTable`, by its name.

    Columns of the panel (``known_``, ``change_``, ``past_``, ``static_``) go by the words in their names:
    price, promotion, calendar, location; other columns that change are signals, other static ones say what
    the item is and so belong to its level.
    """
    if name.startswith("signal_"):
        return "signals"
    found = _PREFIX.fullmatch(name)
    if found is None:
        for group, parts in _OWN:
            if any(name == part if len(part) == 1 else name.startswith(part) for part in parts):
                return group
        return "level"
    kind, column = found[1], found[2].lower()
    words = set(re.split(r"[^a-z]+", column))
    for group, whole, parts in _COLUMNS:
        if words & whole or any(part in column for part in parts):
            return group
    return "level" if kind == "static" else "signals"


def group_codes(names: Sequence[str]) -> Array:
    """(F,) positions in `GROUPS` of features."""
    return np.array([GROUPS.index(group_of(name)) for name in names], dtype=np.int64)


def contributions_tree(
    booster: Any, x: Array, scale: Array, names: Sequence[str], *, threads: int = 1
) -> Array:
    """Contributions (n, G) float32 of a LightGBM model to ``scale`` (n,) x prediction for ``x`` (n, F).

    TreeSHAP (see `forecasting.core.treeshap`), summed by group, in units. Where the objective has a log link,
    the values are of the logarithm; `log_to_units` turns them into parts of the prediction.
    """
    from forecasting.core.treeshap import tree_values

    codes = group_codes(names)
    try:
        values, base = tree_values(booster, x, codes, len(GROUPS), threads=threads)
    except ValueError:  # trees of a kind that only LightGBM itself explains, at many times the cost
        raw = booster.predict(x, pred_contrib=True, num_threads=threads)
        values, base = _by_group(raw[:, :-1], codes), float(raw[0, -1]) if len(raw) else 0.0
    parts = to_units(values, base, tree_link(booster))
    return (parts * np.asarray(scale, dtype=np.float64)[:, None]).astype(np.float32)


def tree_link(booster: Any) -> Link:
    """Whether a LightGBM model predicts the exponential of its raw score, or the score itself.

    ValueError for other links: such a model is no forecaster of demand.
    """
    head = booster.model_to_string(num_iteration=1)
    found = re.search(r"^objective=(\w+)(.*)$", head, re.MULTILINE)
    objective = found[1] if found else "none"
    if objective in {"tweedie", "poisson", "gamma"}:
        return "log"
    if objective in {"regression", "regression_l1", "huber", "fair", "quantile", "mape"} and (
        found is None or "sqrt" not in found[2]
    ):
        return "identity"
    raise ValueError(f"no way to split predictions of the objective {objective!r} into parts")


def contributions_linear(
    coefficients: Array, design: Array, groups: Array, link: Link = "identity", *, intercept: float = 0.0
) -> Array:
    """Contributions (n, G) float64 of a linear model's terms; ``groups`` (D,) are positions in `GROUPS`.

    They add up to ``intercept + design @ coefficients``, with a log link to the exponential of that.
    """
    values = np.zeros((len(design), len(GROUPS)))
    for code in np.unique(groups):
        terms = groups == code
        values[:, code] = design[:, terms] @ coefficients[terms]
    return to_units(values, intercept, link)


def to_units(values: Array, base: float, link: Link) -> Array:
    """Additive parts (n, G) of the prediction from parts of the score and the score it starts from."""
    if link == "log":
        return log_to_units(values, base)
    parts = np.array(values, dtype=np.float64)
    parts[:, LEVEL] += base
    return parts


def log_to_units(values: Array, base: float) -> Array:
    """Parts of exp(base + sum of the values) that add up to it: values times the logarithmic mean.

    The logarithmic mean of exp(base + sum) and exp(base) makes the split exact, independent of the order of
    the groups, and nothing is left over. Source: Ang, Decomposition analysis for policymaking in energy,
    Energy Policy 32 (2004), LMDI.
    """
    total = values.sum(axis=1)
    flat = np.abs(total) < 1e-12
    weight = np.exp(base) * np.where(flat, 1.0, np.expm1(total) / np.where(flat, 1.0, total))
    parts: Array = values * weight[:, None]
    parts[:, LEVEL] += np.exp(base)
    return parts


def contributions_blend(parts: Mapping[str, Array], weights: Mapping[str, float | Array]) -> Array:
    """Contributions (N, H, G) of a weighted sum of models; a weight is a number, or (N,) for each series."""
    total: Any = 0.0
    for name, part in parts.items():
        weight = np.asarray(weights[name], dtype=np.float64)
        total = total + part * (weight[:, None, None] if weight.ndim else weight)
    return np.asarray(total)


def scale_to(mean: Array, contributions: Array) -> Array:
    """Contributions (..., G) float32 that add up to a published mean (...) after a cap or correction.

    All parts change by the same factor, and a mean that was cut to 0 has none. Where no factor makes sense
    (parts that add up to nothing or less, or a factor above 4), the level takes the difference.
    """
    parts = np.asarray(contributions, dtype=np.float64)
    mean = np.asarray(mean, dtype=np.float64)
    total = parts.sum(axis=-1)
    fits = (total > 0) & (mean <= _MOST_RATIO * total)
    ratio = np.divide(mean, total, out=np.ones(mean.shape), where=fits)
    same = np.abs(mean - total) <= 1e-6 * np.abs(parts).sum(axis=-1)
    ratio = np.where(same, 1.0, np.where(mean <= 0, 0.0, ratio))
    result: Array = (parts * ratio[..., None]).astype(np.float32)
    others = result.sum(axis=-1, dtype=np.float64) - result[..., LEVEL]
    result[..., LEVEL] = mean - others
    return result


def explain_model(model: Forecaster, data: TrainingData, origin: int, rows: Array | None = None) -> Array:
    """Contributions (n, H, G) float32 of a fitted model's forecast of some series (positions; default all).

    They add up to what the model predicts from ``origin`` on. A model that can split its forecast itself has
    ``explain(data, origin, rows)``; one on the shared features is split by its trees or coefficients; of the
    others, seasonal naive is the recent mean and the season, and the rest are split along their path: first
    value of the straight line through it, its rise, and what is left.
    """
    rows = np.arange(data.panel.count) if rows is None else np.asarray(rows)
    own = getattr(model, "explain", None)
    if own is not None:
        return np.asarray(own(data, origin, rows), dtype=np.float32)
    mean = model.predict(data, origin)[rows].astype(np.float64)
    if model.name == "seasonal_naive":
        return scale_to(mean, _split_seasonal_naive(mean, data, origin, rows))
    for name, fitted, split in (
        ("lightgbm", "booster_", _split_boosted),
        ("tree", "model_", _split_tree),
        ("linear", "coefficients_", _split_log_linear),
        ("svr", "model_", _split_score),
        ("deep", "graph_", _split_score),
    ):
        # Where there was too little to train on, these models give the level.
        if model.name == name and getattr(model, fitted, None) is not None:
            return scale_to(mean, split(model, data, origin, rows))
    return scale_to(mean, _split_path(mean))


def _split_boosted(model: Any, data: TrainingData, origin: int, rows: Array) -> Array:
    x, scale = _table(data, origin, rows)
    parts = contributions_tree(model.booster_, x, scale, data.features.names, threads=data.settings.threads)
    return parts.reshape(len(rows), data.horizon, len(GROUPS))


def _split_tree(model: Any, data: TrainingData, origin: int, rows: Array) -> Array:
    """Of `DecisionTree`: Shapley values of its one tree."""
    from forecasting.core.treeshap import shapley_values, single_tree

    x, scale = _table(data, origin, rows)
    trees = single_tree(model.model_.tree_, group_codes(data.features.names))
    values = shapley_values(trees, x, len(GROUPS), threads=data.settings.threads)
    parts = to_units(values, trees.base, "identity") * scale[:, None]
    return parts.reshape(len(rows), data.horizon, len(GROUPS))


def _split_log_linear(model: Any, data: TrainingData, origin: int, rows: Array) -> Array:
    """Of `LinearDirect`: the parts of exp(score), smeared as the model does, less its logs' constant."""
    x, scale = _table(data, origin, rows)
    target = origin + np.tile(np.arange(data.horizon), len(rows))
    terms = model.design_.terms(data, x, np.repeat(rows, data.horizon), target)
    codes = _design_codes(model, data)
    parts = np.zeros((len(x), len(GROUPS)))
    for part, design in model._chunks(terms, x):
        parts[part] = contributions_linear(
            model.coefficients_, design, codes, "log", intercept=model.intercept_
        )
    score = np.log(np.maximum(parts.sum(axis=1), 1e-300))
    parts *= np.interp(score, model.middles_, model.factors_)[:, None]
    parts[:, LEVEL] -= model.zero
    return (parts * scale[:, None]).reshape(len(rows), data.horizon, len(GROUPS))


def _split_score(model: Any, data: TrainingData, origin: int, rows: Array) -> Array:
    """Of `SupportVector` and `DeepDemand`: what the score loses without a group's columns, and gains by them
    alone, averaged.

    Columns left out are 0: the mean of a standardised term, a code that is not known. With interactions of no
    more than two groups these are the Shapley values (the mean of the first and the last marginal
    contribution); what is left of others goes to the level.
    """
    x, scale = _table(data, origin, rows)
    target = origin + np.tile(np.arange(data.horizon), len(rows))
    terms = model.design_.terms(data, x, np.repeat(rows, data.horizon), target)
    codes = _design_codes(model, data)
    base = float(model.score(np.zeros((1, len(codes))))[0])
    values = np.zeros((len(x), len(GROUPS)))
    for at in range(0, len(x), _CHUNK):
        part = slice(at, at + _CHUNK)
        columns = model.design_.columns(terms.take(part), x[part])
        whole = model.score(columns)
        for code in np.unique(codes):
            inside = codes == code
            alone = model.score(np.where(inside, columns, 0.0))
            without = model.score(np.where(inside, 0.0, columns))
            values[part, code] = (whole - without + alone - base) / 2
        values[part, LEVEL] += whole - base - values[part].sum(axis=1)
    parts = log_to_units(values, base) * float(model.factor_)
    parts[:, LEVEL] -= model.zero
    return (parts * scale[:, None]).reshape(len(rows), data.horizon, len(GROUPS))


def _design_codes(model: Any, data: TrainingData) -> Array:
    """(C,) groups of the columns of a model's `Design`."""
    codes = group_codes(model.design_.features)
    known = {group_of(f"known_{name}") for name in data.panel.known}
    if "promotion" not in known and "price" in known:
        # The design's joint effect of all known columns goes by the name of a promotion.
        codes[codes == GROUPS.index("promotion")] = GROUPS.index("price")
    return codes


def _split_path(mean: Array) -> Array:
    """A path (n, H) as level, the straight line's first value; trend, its rise; and season, what is left."""
    parts = np.zeros((*mean.shape, len(GROUPS)))
    steps = np.arange(mean.shape[1], dtype=np.float64)
    centred = steps - steps.mean()
    slope = mean @ centred / max(float(centred @ centred), 1.0)
    line = mean.mean(axis=1)[:, None] + slope[:, None] * centred
    parts[..., LEVEL] = line[:, :1]
    parts[..., GROUPS.index("trend")] = line - line[:, :1]
    parts[..., GROUPS.index("season")] = mean - line
    return parts


def _split_seasonal_naive(mean: Array, data: TrainingData, origin: int, rows: Array) -> Array:
    """The recent mean (N,) of the moving average as the level, and the rest as the season."""
    from forecasting.core.models.baselines import MovingAverage

    recent = MovingAverage(data.settings).fit(data, origin).predict(data, origin)[rows].astype(np.float64)
    parts = np.zeros((*mean.shape, len(GROUPS)))
    parts[..., LEVEL] = recent
    parts[..., GROUPS.index("season")] = mean - recent
    return parts


def _table(data: TrainingData, origin: int, rows: Array) -> tuple[Array, Array]:
    """Features (n x H, F) of some series at an origin and their scales (n x H,), h fastest."""
    block = data.features.block(origin, data.horizon)
    if len(rows) < data.panel.count:
        block = block.reshape(data.panel.count, data.horizon, -1)[rows].reshape(-1, block.shape[1])
    return block, np.repeat(data.features.level(origin).scale[rows], data.horizon)


def _by_group(values: Array, codes: Array) -> Array:
    result = np.zeros((len(values), len(GROUPS)))
    for code in np.unique(codes):
        result[:, code] = values[:, codes == code].sum(axis=1)
    return result
