"""Reads of this app."""

from replenishment.selectors.actions import (
    ActionSums,
    action_service,
    actions_detailed,
    actions_list,
    actions_of,
    actions_sums,
    actions_suppliers,
)
from replenishment.selectors.dated import Arrival, DatedPlan, OrderAhead, dated_plan
from replenishment.selectors.first_run import FirstRun, first_run
from replenishment.selectors.home import (
    jobs_failed,
    jobs_last,
    orders_in_hand,
    orders_late,
    orders_to_approve,
)
from replenishment.selectors.on_order import lines_open, on_order
from replenishment.selectors.order_rules import ContainerLoad, OrderRules, Progress, order_rules
from replenishment.selectors.orders import order_actions, orders_list, orders_priced, orders_worth
from replenishment.selectors.plan_sums import PlanSums, SupplierSum, plan_sums
from replenishment.selectors.plans import plan_latest
from replenishment.selectors.purchases import PurchasesAhead, SupplierWeeks, purchases_ahead
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
from replenishment.selectors.saved_views import saved_views_list
from replenishment.selectors.scoreboard import (
    EditsOpen,
    EditSum,
    edits_open,
    scores_by,
    scores_list,
    scores_total,
)
from replenishment.selectors.suggestions import (
    Totals,
    quantity_offer,
    suggestions_list,
    suggestions_order,
    suggestions_priced,
    totals,
)
from replenishment.selectors.summaries import (
    Cell,
    Month,
    Snapshot,
    StockMatrix,
    months_of,
    snapshots,
    stock_matrix,
    summary_of,
)
from replenishment.selectors.supply_options import SupplyOption, supply_options
from replenishment.selectors.transfers import transfers_list

__all__ = [
    "ActionSums",
    "Arrival",
    "Cell",
    "ContainerLoad",
    "DatedPlan",
    "Difference",
    "EditSum",
    "EditsOpen",
    "FirstRun",
    "Month",
    "OrderAhead",
    "OrderRules",
    "PlanSums",
    "Progress",
    "PurchasesAhead",
    "Saving",
    "Snapshot",
    "StockMatrix",
    "SupplierSum",
    "SupplierWeeks",
    "SupplyOption",
    "Totals",
    "action_service",
    "actions_detailed",
    "actions_list",
    "actions_of",
    "actions_sums",
    "actions_suppliers",
    "dated_plan",
    "edits_open",
    "first_run",
    "jobs_failed",
    "jobs_last",
    "lines_open",
    "months_of",
    "on_order",
    "order_actions",
    "order_rules",
    "orders_in_hand",
    "orders_late",
    "orders_list",
    "orders_priced",
    "orders_to_approve",
    "orders_worth",
    "plan_latest",
    "plan_sums",
    "policy_best",
    "purchases_ahead",
    "quantity_offer",
    "replay_course",
    "replay_differences",
    "replay_get",
    "replay_saving",
    "replays_list",
    "saved_views_list",
    "scores_by",
    "scores_list",
    "scores_total",
    "snapshots",
    "stock_matrix",
    "suggestions_list",
    "suggestions_order",
    "suggestions_priced",
    "summary_of",
    "supply_options",
    "totals",
    "transfers_list",
]
