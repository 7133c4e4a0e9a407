"""What the services of this app refuse, in words for people."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from replenishment.words import units_text


class ReplenishmentError(Exception):
    """A refusal; its text is for the person who asked."""


class PlanError(ReplenishmentError):
    """A plan can't be made."""


class SettingError(ReplenishmentError):
    """A policy rule or a budget makes no sense so."""


class SuggestionError(ReplenishmentError):
    """A suggestion can't be changed or drafted so."""


class StaleError(SuggestionError):
    """A newer plan has replaced the one that the person saw."""


class ConflictError(SuggestionError):
    """Somebody else changed the quantity that was seen: `by` whom, to what `quantity`, `at` what time."""

    def __init__(self, *, by: str, quantity: float, at: datetime) -> None:
        super().__init__(
            _("%(who)s has set it to %(units)s meanwhile.") % {"who": by, "units": units_text(quantity)}
        )
        self.by, self.quantity, self.at = by, quantity, at


class ActionError(ReplenishmentError):
    """A proposed action can't be carried out or decided so."""


class ExceptionError(ReplenishmentError):
    """An exception can't be taken, snoozed, closed or fixed so."""


class OrderError(ReplenishmentError):
    """A purchase order can't be changed so."""


class TransitionError(OrderError):
    """The table of transitions does not allow this step from the order's state."""


class SelfApprovalError(OrderError):
    """Whoever made or submitted an order does not approve it."""


class LimitError(OrderError):
    """The order is worth more than the person may approve, or its worth is not known."""


class CommentError(ReplenishmentError):
    """A comment says nothing, or too much."""


class ReplayError(ReplenishmentError):
    """A replay can't be made."""
