"""Numbers, money and dates as the pages write them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from inventory_site.templatetags import forestock
from inventory_site.templatetags.icons import PATHS
from inventory_site.templatetags.replenishment_words import exception_text, reason_chips
from replenishment.core.explain import CODES


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), ("", "–"), (float("nan"), "–"), (float("inf"), "–"), ("x", "–"),
        (0, "0"), (-0.04, "−0.04"), (-0.001, "0"), (12, "12"), (12.0, "12"), (12.34, "12.3"), (0.25, "0.25"),
        (1234567.0, "1,234,567"), (Decimal("24.000"), "24"),
    ],
)  # fmt: skip
def test_it_writes_quantities(value: Any, text: str) -> None:
    assert forestock.quantity(value) == text


def test_it_writes_sums_with_all_their_digits() -> None:
    assert forestock.exact(613.0625) == "613.0625"
    assert forestock.signed(Decimal("-101.5")) == "−101.5"
    assert forestock.signed(6) == "+6"
    assert forestock.signed(0) == "0"


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (None, "USD", "–"), (16.4, "USD", "$16.40"), (16, "USD", "$16.00"),
        (0, "USD", "$0"), (0.001, "USD", "$0"), (4, "JPY", "¥4"),
        (99_310.6, "USD", "$99,311"),
        (1_920_118, "JPY", "¥1.92M"), (-250, "EUR", "−€250"), (1234, "", "1,234"),
    ],
)  # fmt: skip
def test_it_writes_money_in_short(value: Any, currency: str, text: str) -> None:
    assert forestock.money_short(value, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.8225", "1.82 USD"),
        ("0.6087", "0.61 USD"),
        ("0.0312", "0.0312 USD"),
        ("12", "12.00 USD"),
        (None, "–"),
    ],
)
def test_it_reads_a_unit_cost_in_cents_unless_it_is_a_matter_of_cents(value: Any, text: str) -> None:
    assert forestock.unit_cost_short(value, "USD") == text


def test_it_writes_money_with_its_currencys_own_cents() -> None:
    assert forestock.money(Decimal("9448.96"), "EUR") == "€9,448.96"
    assert forestock.money(1000, "JPY") == "¥1,000"
    assert forestock.unit_cost(Decimal("7.3900"), "EUR") == "7.39 EUR"
    assert forestock.unit_cost(Decimal("1.8225"), "EUR") == "1.8225 EUR"


@pytest.mark.parametrize(
    ("value", "text"), [(1200.5, "1200.5"), (1e-3, "0.001"), (1e6, "1000000"), (None, "")]
)
def test_it_writes_form_values_plainly_in_every_language(value: Any, text: str) -> None:
    with translation.override("zh-hans"):
        assert forestock.plain(value) == text


def test_it_writes_days_in_the_readers_language() -> None:
    christmas = date(2026, 12, 24)
    assert forestock.day(christmas) == "Dec 24, 2026"
    assert forestock.day_short(christmas, date(2026, 11, 1)) == "Dec 24"
    assert forestock.day_short(date(2027, 1, 4), date(2026, 12, 31)) == "Jan 4"
    assert forestock.day_short(christmas, date(2025, 11, 1)) == "Dec 24, 2026"
    with translation.override("zh-hans"):
        assert forestock.day(christmas) == "2026年12月24日"
        assert forestock.day_short(christmas, christmas) == "12月24日"
    assert forestock.age(timezone.now() - timedelta(hours=3)) == "3 hours ago"
    assert forestock.day(None) == forestock.age(None) == forestock.moment(None) == "–"


def test_it_measures_progress_between_nothing_and_all() -> None:
    assert forestock.share_of(50, 200) == 0.25
    assert forestock.share_of(500, 200) == 1.0
    assert forestock.share_of(None, 200) == 0.0
    assert forestock.share_of(5, 0) == 1.0


def test_it_draws_icons_and_escapes_their_labels() -> None:
    page = Template('{% load forestock %}{% icon "search" label %}').render(Context({"label": '"><script>'}))
    assert "<path" in page
    assert "<script>" not in page
    assert all("<script" not in body for body in PATHS.values())


def test_it_has_words_for_every_reason_but_the_normal_ones() -> None:
    silent = {code for code in CODES if not reason_chips(code)}
    assert silent == {"order", "multiple"}
    [chip] = reason_chips("exception: no stock is known")
    assert (chip.tone, chip.help) == ("bad", "no stock is known")
    assert exception_text("exception: no stock is known") == "no stock is known"
    assert exception_text("order; moq") == ""
