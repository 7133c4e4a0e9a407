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
from replenishment.selectors.budgets import BudgetAfter, BudgetState, budget_of_plan
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
from replenishment.selectors.first_run import FirstRun, first_run
from replenishment.selectors.home import (
    jobs_failed,
    jobs_last,
    orders_in_hand,
    orders_late,
    orders_to_approve,
)
from replenishment.selectors.line_service import LineService, line_services
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
from replenishment.selectors.sku_changes import Change, comments_list, sku_changes
from replenishment.selectors.sku_story import Period, PromotionSpan, SkuStory, sku_story
from replenishment.selectors.sku_what_if import DemandChange, Outcome, SkuPlanned, sku_planned
from replenishment.selectors.snoozes import snoozes_of
from replenishment.selectors.suggestion_log import change_to_redo, change_to_undo, suggestion_log
from replenishment.selectors.suggestions import (
    quantity_offer,
    suggestions_list,
    suggestions_of,
    suggestions_order,
    tab_filters,
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
from replenishment.selectors.supply_choice import SupplyChoice, supply_choices
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
    "BudgetState",
    "Cell",
    "Change",
    "ContainerLoad",
    "DatedPlan",
    "DemandChange",
    "Difference",
    "EditSum",
    "EditsOpen",
    "ExceptionSums",
    "FirstRun",
    "Fix",
    "GroupSum",
    "LineReview",
    "LineService",
    "Month",
    "OrderAhead",
    "OrderBrief",
    "OrderReview",
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
    "Snapshot",
    "StockMatrix",
    "SupplierSum",
    "SupplierWeeks",
    "SupplyChoice",
    "SupplyOption",
    "Unusual",
    "action_service",
    "actions_detailed",
    "actions_list",
    "actions_of",
    "actions_sums",
    "actions_suppliers",
    "approval_limit",
    "budget_of_plan",
    "change_to_redo",
    "change_to_undo",
    "comments_list",
    "dated_plan",
    "edits_open",
    "exception_fixes",
    "exception_owners",
    "exceptions_detailed",
    "exceptions_list",
    "exceptions_open",
    "exceptions_sums",
    "first_run",
    "jobs_failed",
    "jobs_last",
    "line_services",
    "lines_open",
    "may_approve",
    "months_of",
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
    "sku_changes",
    "sku_planned",
    "sku_story",
    "snapshots",
    "snoozes_of",
    "stock_matrix",
    "suggestion_log",
    "suggestions_list",
    "suggestions_of",
    "suggestions_order",
    "summary_of",
    "supply_choices",
    "supply_options",
    "tab_filters",
    "transfers_list",
]
