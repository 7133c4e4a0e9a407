"""Writes of this app. Each is one transaction, and checks the acting person's permission itself."""

from replenishment.services.costs import unit_cost_at
from replenishment.services.errors import (
    LimitError,
    OrderError,
    PlanError,
    ReplayError,
    ReplenishmentError,
    SelfApprovalError,
    SettingError,
    StaleError,
    SuggestionError,
    TransitionError,
)
from replenishment.services.orders import (
    order_approve,
    order_cancel,
    order_close,
    order_line_remove,
    order_line_set,
    order_return,
    order_send,
    order_submit,
)
from replenishment.services.plans import PlanSpec, plan_create, plan_execute
from replenishment.services.receipts import order_receive
from replenishment.services.replays import REPLAY_POLICIES, ReplaySpec, replay_execute, replay_start
from replenishment.services.settings import (
    budget_delete,
    budget_save,
    rule_delete,
    rule_save,
    setting_check,
)
from replenishment.services.suggestions import (
    drafts_create,
    suggestion_edit,
    suggestion_reject,
    suggestion_reopen,
)

__all__ = [
    "REPLAY_POLICIES",
    "LimitError",
    "OrderError",
    "PlanError",
    "PlanSpec",
    "ReplayError",
    "ReplaySpec",
    "ReplenishmentError",
    "SelfApprovalError",
    "SettingError",
    "StaleError",
    "SuggestionError",
    "TransitionError",
    "budget_delete",
    "budget_save",
    "drafts_create",
    "order_approve",
    "order_cancel",
    "order_close",
    "order_line_remove",
    "order_line_set",
    "order_receive",
    "order_return",
    "order_send",
    "order_submit",
    "plan_create",
    "plan_execute",
    "replay_execute",
    "replay_start",
    "rule_delete",
    "rule_save",
    "setting_check",
    "suggestion_edit",
    "suggestion_reject",
    "suggestion_reopen",
    "unit_cost_at",
]
