"""The columns of the workbench: which there are, and which a reader has chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

_KEPT = "workbench_columns"

STOCK, NEED, MONEY, TRUST = _("Stock"), _("Need"), _("Money"), _("Trust")


@dataclass(frozen=True)
class Column:
    """A column besides the item's: `sort` is a key of `selectors.suggestions.SORTS`, empty for none.

    `falls_first`: a first click shows the largest at the top.
    """

    key: str
    group: Promise | str
    label: Promise | str
    sort: str
    hint: Promise | str = ""

    @property
    def falls_first(self) -> bool:
        """Whether its first order is the falling one."""
        return self.key not in _RISE_FIRST

    @property
    def is_fixed(self) -> bool:
        """Whether it is always shown."""
        return self.key == "quantity"


_USUAL = {"on-hand", "cover", "order-by", "demand", "need", "quantity", "value", "risk", "fill"}
_RISE_FIRST = {"on-hand", "cover", "order-by", "fill", "confidence"}
COLUMNS = (
    Column("on-hand", STOCK, _("On hand"), "on-hand"),
    Column("allocated", STOCK, _("Allocated"), "allocated", _("Promised to customers or transfers")),
    Column("on-order", STOCK, _("On order"), "on-order", _("Of it late in red")),
    Column("cover", STOCK, _("Cover"), "cover", _("Days of cover, and the day on which the stock runs out")),
    Column("order-by", STOCK, _("Order by"), "order-by"),
    Column("excess", STOCK, _("Excess"), "excess", _("Units above the order-up-to level, and their value")),
    Column("demand", NEED, _("Demand"), "demand", _("P50 and P90 over lead time + review")),
    Column("need", NEED, _("Net need"), "need"),
    Column("rounding", NEED, _("Rounding"), "", _("Units that packs, MOQ and minimums add to the need")),
    Column("quantity", NEED, _("Quantity"), "quantity"),
    Column("value", MONEY, _("Value"), "value"),
    Column("landed", MONEY, _("Landed cost"), "landed", _("Of a unit, in the home currency")),
    Column("risk", MONEY, _("At risk"), "risk", _("Margin lost if it is not ordered now")),
    Column(
        "return",
        MONEY,
        pgettext_lazy("of money", "Return"),
        "return",
        _("Margin at risk per unit of money spent"),
    ),
    Column("fill", TRUST, _("Fill rate"), "fill", _("Expected share of demand served")),
    Column("confidence", TRUST, _("Confidence"), "spread", _("How sure the forecast and its data are")),
    Column("change", TRUST, _("Change"), "change", _("Units since the plan before")),
)


def columns_of(request: HttpRequest, *, tab: str) -> list[Column]:
    """The columns that the address asks for (`cols`, kept for the session), else those chosen before.

    What a tab is about is shown there in any case.
    """
    asked = [key for part in request.GET.getlist("cols") for key in part.split(",")]
    known = {column.key for column in COLUMNS}
    if asked:
        chosen: list[str] | None = [key for key in dict.fromkeys(asked) if key in known]
        if request.session.get(_KEPT) != chosen:
            request.session[_KEPT] = chosen
    else:
        chosen = request.session.get(_KEPT)
    keys = (_USUAL if chosen is None else set(chosen)) | {tab}
    return [column for column in COLUMNS if column.key in keys or column.is_fixed]


def groups_of(columns: Iterable[Column]) -> list[tuple[str, int]]:
    """The heads above the columns' heads, each with how many columns it spans."""
    return [(str(label), len(list(members))) for label, members in groupby(columns, lambda one: one.group)]


def starts_of(columns: Collection[Column]) -> set[str]:
    """The columns that begin a group."""
    return {next(members).key for _label, members in groupby(columns, lambda one: one.group)}


def cells_of(columns: Collection[Column]) -> dict[str, SafeString]:
    """The attributes of a row's cells, by column, written once for all rows."""
    starts = starts_of(columns)
    return {
        column.key.replace("-", "_"): format_html(
            ' class="num{}" data-label="{}"', " group-start" if column.key in starts else "", column.label
        )
        for column in columns
    }


def row_words() -> dict[str, str]:
    """What rows say, translated once for all of them; the filter `put` fills in a row's own value."""
    return {
        "tick": gettext("Tick %(sku)s"),
        "quantity": gettext("Quantity"),
        "quantity_of": gettext("Quantity of %(sku)s"),
        "more": pgettext("row", "More"),
        "more_for": gettext("More for %(sku)s"),
        "explain": gettext("Explain"),
        "now": gettext("now"),
        "lead": gettext("lead %(days)s d"),
        "each": gettext("%(cost)s each"),
    }


# Stands for a key where an address is looked up.
_ANY_KEY = 987654321


def row_links() -> dict[str, str]:
    """The addresses that rows lead to, looked up once for all of them; the filter `put` fills in the keys."""
    keys = {"sku": 2, "suggestion-explain": 1, "suggestion-edit": 1, "suggestion-menu": 1}
    return {
        name.removeprefix("suggestion-"): reverse(f"replenishment:{name}", args=[_ANY_KEY] * count).replace(
            str(_ANY_KEY), "%(key)s"
        )
        for name, count in keys.items()
    }
