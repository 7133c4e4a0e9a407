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
from replenishment.selectors.approvals import (
    ABOVE,
    OWN,
    READY,
    LineReview,
    OrderBrief,
    OrderReview,
    approval_limit,
    may_approve,
    order_review,
    orders_brief,
    orders_waiting,
)
from replenishment.selectors.budgets import BudgetAfter
from replenishment.selectors.dated import Arrival, DatedPlan, OrderAhead, dated_plan
from replenishment.selectors.home import (
    jobs_failed,
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
from replenishment.selectors.supply_options import SupplyOption, supply_options
from replenishment.selectors.transfers import transfers_list
from replenishment.selectors.unusual import Unusual

__all__ = [
    "ABOVE",
    "OWN",
    "READY",
    "ActionSums",
    "Arrival",
    "BudgetAfter",
    "ContainerLoad",
    "DatedPlan",
    "Difference",
    "EditSum",
    "EditsOpen",
    "LineReview",
    "OrderAhead",
    "OrderBrief",
    "OrderReview",
    "OrderRules",
    "PlanSums",
    "Progress",
    "PurchasesAhead",
    "Saving",
    "SupplierSum",
    "SupplierWeeks",
    "SupplyOption",
    "Totals",
    "Unusual",
    "action_service",
    "actions_detailed",
    "actions_list",
    "actions_of",
    "actions_sums",
    "actions_suppliers",
    "approval_limit",
    "dated_plan",
    "edits_open",
    "jobs_failed",
    "lines_open",
    "may_approve",
    "on_order",
    "order_actions",
    "order_review",
    "order_rules",
    "orders_brief",
    "orders_in_hand",
    "orders_late",
    "orders_list",
    "orders_priced",
    "orders_to_approve",
    "orders_waiting",
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
    "suggestions_list",
    "suggestions_order",
    "suggestions_priced",
    "supply_options",
    "totals",
    "transfers_list",
]
