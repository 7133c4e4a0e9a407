"""Which policy rule holds for each row of a plan, and what it says.

Of the rules that match a row the most specific one wins, whole: by product before category (the deepest one
first), supplier, location, and the letters of ABC and XYZ. What it leaves empty is the plan's, or the terms'.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import polars as pl

from catalog.models import Category
from replenishment.models import PolicyRule

# From the most specific on; each outweighs all after it.
_SCOPES = ("product_id", "category_id", "supplier_id", "location_id", "abc", "xyz")
# What a rule may say, by the plan's column that it writes over.
_SAID = {
    "target_kind": pl.String,
    "target": pl.Float64,
    "holding_rate": pl.Float64,
    "order_cost": pl.Float64,
    "stockout_cost": pl.Float64,
    "max_stock": pl.Float64,
    "review_days": pl.Float64,
}
_OWN = {
    "policy_kind": pl.String,
    "typed_reorder_point": pl.Float64,
    "typed_order_up_to": pl.Float64,
    "season_days": pl.Float64,
    "salvage_share": pl.Float64,
    "service_group": pl.String,
}
_RULE = {"rule_id": pl.Int64, **{f"{name}_said": kind for name, kind in _SAID.items()}, **_OWN}


def rules_applied(frame: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """The frame with `rule_id` (null: none) and what the rule says in place of the plan's values.

    `frame` has product_id, category_id, supplier_id, location_id, abc, xyz and the columns of a target
    (`plan_items.with_targets`). Adds the core's columns of kinds of policies (`Items`).
    """
    rules = list(PolicyRule.objects.filter(is_active=True).order_by("pk"))
    won = rules_won(frame, rules)
    said = pl.DataFrame([_said(rule, as_of) for rule in rules], schema=_RULE, orient="row")
    return (
        frame.with_columns(won)
        .join(said, on="rule_id", how="left", maintain_order="left")
        .with_columns(
            *(pl.coalesce(f"{name}_said", name).alias(name) for name in _SAID),
            policy_kind=pl.col("policy_kind").fill_null(PolicyRule.Policy.PERIODIC.value),
            salvage_share=pl.col("salvage_share").fill_null(0.0),
            service_group=pl.col("service_group").fill_null(""),
        )
        .drop(f"{name}_said" for name in _SAID)
    )


def rules_won(frame: pl.DataFrame, rules: list[PolicyRule]) -> pl.Series:
    """The rule that wins each row, as `rule_id`; null where none matches. Of equals the first made wins."""
    above = _categories_above() if any(rule.category_id for rule in rules) else {}
    shapes: dict[tuple[bool, ...], list[PolicyRule]] = defaultdict(list)
    for rule in rules:
        shapes[tuple(bool(getattr(rule, name)) for name in _SCOPES)].append(rule)
    found = pl.Series("rule_id", [None] * frame.height, dtype=pl.Int64)
    for shape in sorted(shapes, reverse=True):
        names = [name for name, given in zip(_SCOPES, shape, strict=True) if given]
        # Keys that a rule of this shape matches; a category's rule those of all below it, the nearest first.
        keys: dict[tuple[object, ...], tuple[int, int]] = {}
        for rule in shapes[shape]:
            below = above.get(rule.category_id, {}) if rule.category_id else {None: 0}
            for category, distance in below.items():
                key = tuple(category if name == "category_id" else getattr(rule, name) for name in names)
                keys[key] = min(keys.get(key, (distance, rule.pk)), (distance, rule.pk))
        if not names:
            match = pl.Series([min(rule.pk for rule in shapes[shape])] * frame.height, dtype=pl.Int64)
        else:
            table = pl.DataFrame(
                [(*key, pk) for key, (_distance, pk) in keys.items()],
                schema={**{name: frame.schema[name] for name in names}, "won": pl.Int64},
                orient="row",
            )
            match = frame.select(names).join(table, on=names, how="left", maintain_order="left")["won"]
        found = found.zip_with(found.is_not_null(), match)
    return found.alias("rule_id")


def _categories_above() -> dict[int, dict[int, int]]:
    """For each category, itself and all below it, with how many steps below."""
    parents = dict(Category.objects.order_by().values_list("pk", "parent_id"))
    below: dict[int, dict[int, int]] = {pk: {} for pk in parents}
    for pk in parents:
        steps, at, seen = 0, pk, set[int]()
        while at is not None and at not in seen:
            below[at][pk] = steps
            seen.add(at)
            at, steps = parents[at], steps + 1
    return below


def _said(rule: PolicyRule, as_of: date) -> tuple[object, ...]:
    season = None if rule.season_ends_on is None else float((rule.season_ends_on - as_of).days)
    return (
        rule.pk,
        *(getattr(rule, name) if getattr(rule, name) != "" else None for name in _SAID),
        rule.policy,
        rule.reorder_point,
        rule.order_up_to,
        season,
        rule.salvage_share,
        f"rule {rule.pk}" if rule.target_kind == PolicyRule.TargetKind.OVERALL else "",
    )
