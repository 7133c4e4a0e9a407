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
from replenishment.selectors.exceptions import (
    ExceptionSums,
    Fix,
    GroupSum,
    exception_fixes,
    exception_owners,
    exceptions_detailed,
    exceptions_list,
    exceptions_open,
    exceptions_sums,
)
from replenishment.selectors.home import (
    jobs_failed,
    orders_in_hand,
    orders_late,
    orders_to_approve,
)
from replenishment.selectors.line_service import LineService, line_service
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
from replenishment.selectors.sku_changes import Change, comments_list, sku_changes
from replenishment.selectors.sku_story import Period, PromotionSpan, SkuStory, sku_story
from replenishment.selectors.sku_what_if import DemandChange, Outcome, SkuPlanned, sku_planned
from replenishment.selectors.suggestions import (
    quantity_offer,
    suggestions_list,
    suggestions_of,
    suggestions_order,
    tab_filters,
)
from replenishment.selectors.supply_options import SupplyOption, supply_options
from replenishment.selectors.transfers import transfers_list

__all__ = [
    "ActionSums",
    "Arrival",
    "BudgetState",
    "Change",
    "ContainerLoad",
    "DatedPlan",
    "DemandChange",
    "Difference",
    "EditSum",
    "EditsOpen",
    "ExceptionSums",
    "Fix",
    "GroupSum",
    "LineService",
    "OrderAhead",
    "OrderRules",
    "Outcome",
    "Period",
    "PlanSums",
    "Progress",
    "PromotionSpan",
    "PurchasesAhead",
    "Saving",
    "SkuPlanned",
    "SkuStory",
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
    "budget_of_plan",
    "comments_list",
    "dated_plan",
    "edits_open",
    "exception_fixes",
    "exception_owners",
    "exceptions_detailed",
    "exceptions_list",
    "exceptions_open",
    "exceptions_sums",
    "jobs_failed",
    "line_service",
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
    "sku_changes",
    "sku_planned",
    "sku_story",
    "suggestions_list",
    "suggestions_of",
    "suggestions_order",
    "supply_options",
    "tab_filters",
    "totals",
    "transfers_list",
]
