"""Writes of this app. Each is one transaction, and checks the acting person's permission itself."""

from replenishment.services.approvals import (
    MOST_APPROVED_AT_ONCE,
    Approval,
    order_approve,
    order_approve_part,
    order_return,
    orders_approve,
)
from replenishment.services.bulk_acts import Act, Passed
from replenishment.services.bulk_chosen import chosen
from replenishment.services.bulk_jobs import act_ask, bulk_act_execute, drafts_ask, undo_ask
from replenishment.services.comments import comment_add, comment_delete
from replenishment.services.costs import unit_cost_at
from replenishment.services.decisions import action_carry_out, action_dismiss, action_done, action_reopen
from replenishment.services.digests import digest_choose, digest_message, digest_people, digests_send
from replenishment.services.drafts import drafts_create, drafts_submit
from replenishment.services.errors import (
    ActionError,
    CommentError,
    ConflictError,
    ExceptionError,
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
from replenishment.services.exceptions import (
    Fixed,
    exception_fix,
    exceptions_assign,
    exceptions_close,
    exceptions_reopen,
    exceptions_snooze,
)
from replenishment.services.exceptions_find import exceptions_find
from replenishment.services.orders import (
    order_cancel,
    order_close,
    order_line_remove,
    order_line_set,
    order_send,
    order_submit,
)
from replenishment.services.plans import PlanSpec, plan_create, plan_execute
from replenishment.services.receipts import order_receive
from replenishment.services.replays import (
    REPLAY_DELIVERIES,
    REPLAY_PERIODS,
    REPLAY_POLICIES,
    ReplaySpec,
    replay_execute,
    replay_start,
)
from replenishment.services.saved_views import view_delete, view_save
from replenishment.services.scoreboard import edits_score
from replenishment.services.settings import (
    budget_delete,
    budget_save,
    rule_delete,
    rule_save,
    setting_check,
)
from replenishment.services.snoozes import snoozes_end_due
from replenishment.services.suggestion_bulk import Acted, act_previewed, suggestions_act
from replenishment.services.suggestion_paste import (
    Pasted,
    PastedRow,
    PasteRefusedError,
    quantities_put,
    suggestions_paste,
)
from replenishment.services.suggestion_supplier import suggestion_supplier_set
from replenishment.services.suggestion_undo import OF_ANYBODY, Undone, change_undo
from replenishment.services.suggestions import (
    suggestion_edit,
    suggestion_reject,
    suggestion_reopen,
)
from replenishment.services.transfers import transfers_draft

__all__ = [
    "MOST_APPROVED_AT_ONCE",
    "OF_ANYBODY",
    "REPLAY_DELIVERIES",
    "REPLAY_PERIODS",
    "REPLAY_POLICIES",
    "Act",
    "Acted",
    "ActionError",
    "Approval",
    "CommentError",
    "ConflictError",
    "ExceptionError",
    "Fixed",
    "LimitError",
    "OrderError",
    "Passed",
    "PasteRefusedError",
    "Pasted",
    "PastedRow",
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
    "Undone",
    "act_ask",
    "act_previewed",
    "action_carry_out",
    "action_dismiss",
    "action_done",
    "action_reopen",
    "budget_delete",
    "budget_save",
    "bulk_act_execute",
    "change_undo",
    "chosen",
    "comment_add",
    "comment_delete",
    "digest_choose",
    "digest_message",
    "digest_people",
    "digests_send",
    "drafts_ask",
    "drafts_create",
    "drafts_submit",
    "edits_score",
    "exception_fix",
    "exceptions_assign",
    "exceptions_close",
    "exceptions_find",
    "exceptions_reopen",
    "exceptions_snooze",
    "order_approve",
    "order_approve_part",
    "order_cancel",
    "order_close",
    "order_line_remove",
    "order_line_set",
    "order_receive",
    "order_return",
    "order_send",
    "order_submit",
    "orders_approve",
    "plan_create",
    "plan_execute",
    "quantities_put",
    "replay_execute",
    "replay_start",
    "rule_delete",
    "rule_save",
    "setting_check",
    "snoozes_end_due",
    "suggestion_edit",
    "suggestion_reject",
    "suggestion_reopen",
    "suggestion_supplier_set",
    "suggestions_act",
    "suggestions_paste",
    "transfers_draft",
    "undo_ask",
    "unit_cost_at",
    "view_delete",
    "view_save",
]
