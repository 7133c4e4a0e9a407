"""Reads of this app."""

from replenishment.selectors.home import (
    StockStates,
    jobs_failed,
    orders_in_hand,
    orders_late,
    orders_to_approve,
    stock_states,
)
from replenishment.selectors.on_order import on_order
from replenishment.selectors.orders import order_actions, orders_list, orders_priced, orders_worth
from replenishment.selectors.plans import plan_latest
from replenishment.selectors.replays import (
    Difference,
    Saving,
    policy_best,
    replay_course,
    replay_differences,
    replay_get,
    replay_saving,
    replays_list,
)
from replenishment.selectors.scoreboard import (
    EditsOpen,
    EditSum,
    edits_open,
    scores_by,
    scores_list,
    scores_total,
)
from replenishment.selectors.suggestions import (
    SupplierSum,
    Totals,
    quantity_offer,
    suggestions_list,
    suggestions_order,
    suggestions_priced,
    supplier_sums,
    totals,
)

__all__ = [
    "Difference",
    "EditSum",
    "EditsOpen",
    "Saving",
    "StockStates",
    "SupplierSum",
    "Totals",
    "edits_open",
    "jobs_failed",
    "on_order",
    "order_actions",
    "orders_in_hand",
    "orders_late",
    "orders_list",
    "orders_priced",
    "orders_to_approve",
    "orders_worth",
    "plan_latest",
    "policy_best",
    "quantity_offer",
    "replay_course",
    "replay_differences",
    "replay_get",
    "replay_saving",
    "replays_list",
    "scores_by",
    "scores_list",
    "scores_total",
    "stock_states",
    "suggestions_list",
    "suggestions_order",
    "suggestions_priced",
    "supplier_sums",
    "totals",
]
