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
from replenishment.selectors.budgets import BudgetState, budget_of_plan
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
from replenishment.selectors.plan_sums import PlanSums, SupplierSum, Totals, plan_sums, totals
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
from replenishment.selectors.snoozes import snoozes_of
from replenishment.selectors.suggestion_log import change_to_redo, change_to_undo, suggestion_log
from replenishment.selectors.suggestions import (
    quantity_offer,
    suggestions_list,
    suggestions_of,
    suggestions_order,
    tab_filters,
)
from replenishment.selectors.supply_choice import SupplyChoice, supply_choices
from replenishment.selectors.supply_options import SupplyOption, supply_options
from replenishment.selectors.transfers import transfers_list

__all__ = [
    "ActionSums",
    "Arrival",
    "BudgetState",
    "ContainerLoad",
    "DatedPlan",
    "Difference",
    "EditSum",
    "EditsOpen",
    "OrderAhead",
    "OrderRules",
    "PlanSums",
    "Progress",
    "PurchasesAhead",
    "Saving",
    "SupplierSum",
    "SupplierWeeks",
    "SupplyChoice",
    "SupplyOption",
    "Totals",
    "action_service",
    "actions_detailed",
    "actions_list",
    "actions_of",
    "actions_sums",
    "actions_suppliers",
    "budget_of_plan",
    "change_to_redo",
    "change_to_undo",
    "dated_plan",
    "edits_open",
    "jobs_failed",
    "lines_open",
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
    "snoozes_of",
    "suggestion_log",
    "suggestions_list",
    "suggestions_of",
    "suggestions_order",
    "supply_choices",
    "supply_options",
    "tab_filters",
    "totals",
    "transfers_list",
]
