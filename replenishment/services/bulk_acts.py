"""Acts on many suggestions: what they are, and why a suggestion may be passed over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from replenishment.models import SuggestionChange
from replenishment.services.errors import SuggestionError
from replenishment.services.snoozes import snooze_check

Kind = SuggestionChange.Kind
QUANTITIES = (Kind.SCALE, Kind.COVER, Kind.MINIMUM, Kind.SYSTEM)
KINDS = (*QUANTITIES, Kind.REJECT, Kind.REOPEN, Kind.SNOOZE, Kind.WAKE)
_LONGEST_COVER = 3650.0
_MOST_PERCENT = 1000.0


class Passed(TextChoices):
    """Why a suggestion was passed over."""

    DRAFTED = "drafted", gettext_lazy("in an order already")
    REJECTED = "rejected", gettext_lazy("rejected")
    SNOOZED = "snoozed", gettext_lazy("snoozed")
    OPEN = "open", gettext_lazy("open already")
    SUPPLIER = "supplier", gettext_lazy("nobody to buy from")
    UNKNOWN = "unknown", gettext_lazy("stock or demand not known")
    SAME = "same", gettext_lazy("as it was")
    BELOW = "below", gettext_lazy("their order can't reach its minimum")
    LARGE = "large", gettext_lazy("too large")
    CHANGED = "changed", gettext_lazy("changed since it was asked")
    NOTHING = "nothing", gettext_lazy("nothing to order")


# By suggestion: a quantity, None for the system's, or why it keeps what it has.
Found = dict[int, "float | Passed | None"]


@dataclass(frozen=True)
class Act:
    """What is done with all of them; each kind takes its own of the values.

    `percent` of a scale, `days` of a cover; `until` and `stock_level` of a snooze; `reason` of any.
    """

    kind: str
    percent: float | None = None
    days: float | None = None
    until: date | None = None
    stock_level: float | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As a job keeps it; the day as text."""
        return asdict(self) | {"until": self.until and self.until.isoformat()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Back from `to_dict`."""
        return cls(**values | {"until": values["until"] and date.fromisoformat(values["until"])})

    def check(self) -> None:
        """SuggestionError where a value is missing or makes no sense."""
        if self.kind not in KINDS:
            raise SuggestionError(_("There is no such act."))
        if self.kind == Kind.SCALE:
            _within(self.percent, -100.0, _MOST_PERCENT, _("The percentage"))
        if self.kind == Kind.COVER:
            _within(self.days, 0.0, _LONGEST_COVER, _("The days of cover"))
        if self.kind == Kind.SNOOZE:
            snooze_check(until=self.until, stock_level=self.stock_level)
        if self.kind == Kind.REJECT and not self.reason.strip():
            raise SuggestionError(_("Say why, so that the next one knows."))


def _within(value: float | None, least: float, most: float, name: str) -> None:
    if value is None or not least <= value <= most:
        raise SuggestionError(
            _("%(name)s must be a number from %(least)g to %(most)g.")
            % {"name": name, "least": least, "most": most}
        )
