"""Exact TreeSHAP of a LightGBM model, summed by groups of features, at a small share of the usual cost.

The values are those of LightGBM's ``predict(pred_contrib=True)``: path-dependent TreeSHAP (Lundberg, Erion
and Lee, Consistent individualized feature attribution for tree ensembles, 2018). A leaf is a game that
multiplies one factor for each feature on its path: 1 or 0 (the row takes the path, or not) where the feature
is known, and the share of training rows that take it where it is not. The Shapley value of such a product is
an integral over [0, 1] of a polynomial, which Gauss and Legendre's quadrature gives exactly. It depends on
the row only by the set of features that take the path; so each set is computed once and looked up for all
other rows (as in Yang, Fast TreeSHAP, 2021, version 2).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Sets of features are bits of an int32; of paths with more than so many features nothing is kept.
MOST_FEATURES = 30
_MOST_KEPT = 14
_MOST_SETS = 1 << 19  # 32 MiB for each thread
_BLOCK = 256
_CHUNK = 50_000
# Groups in memory: a fixed number, so that they are added by vector instructions.
_WIDTH = 8
_ZERO = 1e-35  # LightGBM's kZeroThreshold


@dataclass(frozen=True, eq=False)
class Trees:
    """All trees in flat arrays; ``*_at`` (count + 1) say where each tree's, leaf's or node's part begins.

    Nodes: ``feature``, ``threshold``, ``kind`` (LightGBM's decision_type bits), ``bits_at``/``bits`` (the
    categories that go left, as a bitset). Leaves: ``value``. Steps of a leaf's path: ``node`` (within its
    tree), ``left``, ``bit`` (place of the feature among the leaf's). Features of a leaf: ``share`` (of
    training rows that take the path) and ``group``. ``base`` is the sum of the trees' expected values.
    """

    node_at: Array
    feature: Array
    threshold: Array
    kind: Array
    bits_at: Array
    bits: Array
    leaf_at: Array
    value: Array
    step_at: Array
    node: Array
    left: Array
    bit: Array
    share_at: Array
    share: Array
    group: Array
    base: float


def tree_values(
    booster: Any, x: Array, groups: Array, count: int, *, threads: int = 1, kept: int = _MOST_KEPT
) -> tuple[Array, float]:
    """Shapley values (n, count) float64 of the raw score, by group, and the expected raw score.

    ``groups`` (F,) gives each feature's group, 0 to ``count`` - 1. They and the base add up to the raw score.
    Sets of features are kept for paths of up to ``kept`` features: memory against time. ValueError for linear
    trees, several trees an iteration, a path of more than 30 features, or more than 8 groups.
    """
    trees = read_trees(booster.model_to_string(), groups)
    return shapley_values(trees, x, count, threads=threads, kept=kept), trees.base


def shapley_values(trees: Trees, x: Array, count: int, *, threads: int = 1, kept: int = _MOST_KEPT) -> Array:
    """Shapley values (n, count) float64 by group, for ``x`` (n, F). ValueError for more than 8 groups."""
    if count > _WIDTH:
        raise ValueError(f"more than {_WIDTH} groups")
    out = np.zeros((len(x), _WIDTH))
    nodes, weights = _quadrature()
    fields = (
        trees.node_at, trees.feature, trees.threshold, trees.kind, trees.bits_at, trees.bits,
        trees.leaf_at, trees.value, trees.step_at, trees.node, trees.left, trees.bit,
        trees.share_at, trees.share, trees.group,
    )  # fmt: skip

    def part(start: int) -> None:
        rows = slice(start, start + _CHUNK)
        _values(np.ascontiguousarray(x[rows].T, dtype=np.float32), out[rows], kept, nodes, weights, *fields)

    starts = range(0, len(x), _CHUNK)
    if threads > 1 and len(starts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, starts))
    else:
        for start in starts:
            part(start)
    return out[:, :count]


def read_trees(text: str, groups: Array) -> Trees:
    """The trees of LightGBM's text format. Raises ValueError as `tree_values` does."""
    head, *parts = text.split("\nTree=")
    if "\nnum_tree_per_iteration=1\n" not in head:
        raise ValueError("a model of several trees an iteration")
    return _flat([_Tree.from_text(part.split("\n\n")[0]) for part in parts], groups)


def single_tree(tree: Any, groups: Array) -> Trees:
    """A regression tree of scikit-learn (its ``tree_``). ValueError for a path of more than 30 features."""
    return _flat([_Tree.from_sklearn(tree)], groups)


def _flat(trees: list[_Tree], groups: Array) -> Trees:
    node_at, leaf_at, step_at, share_at, bits_at = [0], [0], [0], [0], [0]
    names = ["feature", "threshold", "kind", "bits", "value", "node", "left", "bit", "share", "group"]
    lists: dict[str, list[Any]] = {name: [] for name in names}
    base = 0.0
    for tree in trees:
        base += tree.base
        if tree.leaves > 1:
            lists["feature"] += tree.feature
            lists["threshold"] += tree.threshold
            lists["kind"] += tree.kind
            for bits in tree.bits:
                lists["bits"] += bits
                bits_at.append(len(lists["bits"]))
            for leaf, path in enumerate(tree.paths()):
                shares: dict[int, float] = {}
                places: dict[int, int] = {}
                for node, left, share in path:
                    feature = tree.feature[node]
                    places.setdefault(feature, len(places))
                    shares[feature] = shares.get(feature, 1.0) * share
                    lists["node"].append(node)
                    lists["left"].append(left)
                    lists["bit"].append(places[feature])
                if len(shares) > MOST_FEATURES:
                    raise ValueError(f"a path of more than {MOST_FEATURES} features")
                lists["share"] += shares.values()
                lists["group"] += (int(groups[feature]) for feature in shares)
                lists["value"].append(tree.value[leaf])
                step_at.append(len(lists["node"]))
                share_at.append(len(lists["share"]))
        node_at.append(len(lists["feature"]))
        leaf_at.append(len(lists["value"]))
    kinds = {
        "threshold": np.float64,
        "value": np.float64,
        "share": np.float64,
        "left": np.int32,
        "bit": np.int32,
    }
    arrays = {name: np.array(values, dtype=kinds.get(name, np.int64)) for name, values in lists.items()}
    starts = (node_at, leaf_at, step_at, share_at, bits_at)
    where = ("node_at", "leaf_at", "step_at", "share_at", "bits_at")
    arrays |= {name: np.array(values, dtype=np.int64) for name, values in zip(where, starts, strict=True)}
    return Trees(**arrays, base=base)


@dataclass(frozen=True)
class _Tree:
    """One tree: of each inner node its split and children (leaf k is ~k), of each leaf its value, and sizes.

    ``bits`` are the words of a categorical split's bitset, none for a numeric one.
    """

    value: list[float]
    feature: list[int]
    threshold: list[float]
    kind: list[int]
    left: list[int]
    right: list[int]
    inner: list[float]
    outer: list[float]
    bits: list[list[int]]

    @property
    def leaves(self) -> int:
        return len(self.value)

    @property
    def base(self) -> float:
        """The mean of the rows it was trained on."""
        return float(np.dot(self.value, self.outer) / sum(self.outer)) if self.outer else self.value[0]

    @classmethod
    def from_text(cls, text: str) -> _Tree:
        fields = dict(line.split("=", 1) for line in text.split("\n")[1:] if "=" in line)
        if fields.get("is_linear", "0") != "0":
            raise ValueError("a linear tree")

        def numbers(name: str, kind: type) -> list[Any]:
            return [kind(word) for word in fields.get(name, "").split()]

        value = numbers("leaf_value", float)
        if len(value) == 1:
            return cls(value, [], [], [], [], [], [], [], [])
        kinds, thresholds = numbers("decision_type", int), numbers("threshold", float)
        starts, words = numbers("cat_boundaries", int), numbers("cat_threshold", int)
        return cls(
            value=value,
            feature=numbers("split_feature", int),
            threshold=thresholds,
            kind=kinds,
            left=numbers("left_child", int),
            right=numbers("right_child", int),
            inner=numbers("internal_count", float),
            outer=numbers("leaf_count", float),
            bits=[
                words[starts[int(threshold)] : starts[int(threshold) + 1]] if kind & 1 else []
                for kind, threshold in zip(kinds, thresholds, strict=True)
            ],
        )

    @classmethod
    def from_sklearn(cls, tree: Any) -> _Tree:
        inside = tree.children_left >= 0
        # Inner nodes and leaves are numbered apart.
        place = np.where(inside, np.cumsum(inside) - 1, ~(np.cumsum(~inside) - 1))
        return cls(
            value=tree.value[~inside, 0, 0].tolist(),
            feature=tree.feature[inside].tolist(),
            threshold=tree.threshold[inside].tolist(),
            kind=(2 << 2 | np.where(tree.missing_go_to_left[inside], 2, 0)).tolist(),
            left=place[tree.children_left[inside]].tolist(),
            right=place[tree.children_right[inside]].tolist(),
            inner=tree.weighted_n_node_samples[inside].tolist(),
            outer=tree.weighted_n_node_samples[~inside].tolist(),
            bits=[[] for _ in range(int(inside.sum()))],
        )

    def paths(self) -> list[list[tuple[int, bool, float]]]:
        """Of each leaf its steps from the root: node, whether it goes left, share of rows that do."""
        found: list[list[tuple[int, bool, float]]] = [[] for _ in range(self.leaves)]
        stack: list[tuple[int, list[tuple[int, bool, float]]]] = [(0, [])]
        while stack:
            node, path = stack.pop()
            for child, left in ((self.left[node], True), (self.right[node], False)):
                size = self.inner[child] if child >= 0 else self.outer[~child]
                steps = [*path, (node, left, size / self.inner[node])]
                if child >= 0:
                    stack.append((child, steps))
                else:
                    found[~child] = steps
        return found


@cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes and weights on [0, 1], row n for n of them: exact up to degree 2 n - 1."""
    most = MOST_FEATURES // 2 + 1
    nodes, weights = np.zeros((most, most)), np.zeros((most, most))
    for count in range(1, most):
        x, w = np.polynomial.legendre.leggauss(count)
        nodes[count, :count], weights[count, :count] = (x + 1) / 2, w / 2
    return nodes, weights


@numba.njit(nogil=True)
def _decide(x: Array, threshold: float, kind: int, bits: Array, goes: Array) -> None:
    """LightGBM's decision, 1 for left: bit 0 of the kind is categorical, 1 default left, 2 and 3 the missing
    type (0 none, 1 zero, 2 NaN).
    """
    missing = (kind >> 2) & 3
    other = (kind >> 1) & 1
    if kind & 1:
        for row in range(len(x)):
            value = x[row]
            code = int(value) if value >= 0 else -1
            inside = 0 <= code < 32 * len(bits)
            goes[row] = (bits[code // 32] >> (code % 32)) & 1 if inside else 0
    elif missing == 2:
        for row in range(len(x)):
            goes[row] = other if np.isnan(x[row]) else x[row] <= threshold
    else:
        for row in range(len(x)):
            value = 0.0 if np.isnan(x[row]) else x[row]
            goes[row] = other if missing == 1 and abs(value) <= _ZERO else value <= threshold


@numba.njit(nogil=True)
def _shapley(
    value: float, shares: Array, groups: Array, known: int, nodes: Array, weights: Array, out: Array
) -> None:
    """Add a leaf's Shapley values to ``out`` by group; ``known``: bits of the features that take the path."""
    count = len(shares)
    points = (count + 1) // 2
    for point in range(points):
        t = nodes[points, point]
        product = value * weights[points, point]
        for place in range(count):
            product *= shares[place] * (1 - t) + t * ((known >> place) & 1)
        for place in range(count):
            own = (known >> place) & 1
            out[groups[place]] += (own - shares[place]) * product / (shares[place] * (1 - t) + t * own)


@numba.njit(nogil=True)
def _values(
    x: Array, out: Array, kept_features: int, nodes: Array, weights: Array, node_at: Array, feature: Array,
    threshold: Array, kind: Array, bits_at: Array, bits: Array, leaf_at: Array, value: Array, step_at: Array,
    node: Array, left: Array, bit: Array, share_at: Array, share: Array, group: Array,
) -> None:  # fmt: skip
    """Add the Shapley values of all trees to ``out`` (n, _WIDTH); ``x`` is (F, n).

    A tree at a time, so that what is kept of it stays in the processor's cache; a block of rows at a time, so
    that decisions are made by vector instructions.
    """
    most_nodes, most_kept = 1, 1
    longest = np.empty(len(node_at), dtype=np.int64)
    for tree in range(len(node_at) - 1):
        most_nodes = max(most_nodes, node_at[tree + 1] - node_at[tree])
        # The longest paths whose sets are kept, so that a tree's fit into memory.
        longest[tree], size = kept_features + 1, _MOST_SETS + 1
        while size > _MOST_SETS:
            longest[tree] -= 1
            size = 0
            for leaf in range(leaf_at[tree], leaf_at[tree + 1]):
                count = share_at[leaf + 1] - share_at[leaf]
                size += 1 << count if count <= longest[tree] else 0
        most_kept = max(most_kept, size)
    goes = np.zeros((most_nodes, _BLOCK), dtype=np.int32)
    known = np.zeros(_BLOCK, dtype=np.int32)
    kept = np.empty((most_kept, _WIDTH))
    is_kept = np.zeros(most_kept, dtype=np.bool_)
    for tree in range(len(node_at) - 1):
        first = node_at[tree]
        is_kept[:] = False
        for start in range(0, x.shape[1], _BLOCK):
            rows = min(_BLOCK, x.shape[1] - start)
            for at in range(first, node_at[tree + 1]):
                words = bits[bits_at[at] : bits_at[at + 1]]
                _decide(
                    x[feature[at], start : start + rows], threshold[at], kind[at], words, goes[at - first]
                )
            begin = 0
            for leaf in range(leaf_at[tree], leaf_at[tree + 1]):
                low, high = share_at[leaf], share_at[leaf + 1]
                known[:] = (1 << (high - low)) - 1
                for step in range(step_at[leaf], step_at[leaf + 1]):
                    way, place = goes[node[step]], bit[step]
                    side = left[step]
                    for row in range(_BLOCK):
                        known[row] &= ~((way[row] ^ side) << place)
                if high - low > longest[tree]:
                    for row in range(rows):
                        _shapley(
                            value[leaf], share[low:high], group[low:high], known[row], nodes, weights,
                            out[start + row],
                        )  # fmt: skip
                    continue
                for row in range(rows):
                    at = begin + known[row]
                    if not is_kept[at]:
                        kept[at] = 0.0
                        _shapley(
                            value[leaf],
                            share[low:high],
                            group[low:high],
                            known[row],
                            nodes,
                            weights,
                            kept[at],
                        )
                        is_kept[at] = True
                    for place in range(_WIDTH):
                        out[start + row, place] += kept[at, place]
                begin += 1 << (high - low)
