"""Small lines in tables."""

from __future__ import annotations

import re

from inventory_site.templatetags.sparklines import sparkline


def points(drawn: str) -> list[tuple[float, float]]:
    [line] = re.findall(r'points="([^"]*)"', drawn)
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]


def test_it_draws_from_zero_to_the_largest_value() -> None:
    assert points(sparkline([0, 5, 10])) == [(2.0, 22.0), (48.0, 12.0), (94.0, 2.0)]
    assert points(sparkline([0.5, 0.5], top=1)) == [(2.0, 12.0), (94.0, 12.0)]
    assert points(sparkline([0, 0])) == [(2.0, 22.0), (94.0, 22.0)]


def test_it_leaves_out_what_is_not_known_and_ends_short_lines_at_the_right() -> None:
    assert points(sparkline([1, None, 1])) == [(2.0, 2.0), (94.0, 2.0)]
    assert points(sparkline([1, 1], places=3)) == [(48.0, 2.0), (94.0, 2.0)]
    assert sparkline([1]) == sparkline([None, 1]) == ""


def test_it_says_what_it_shows_as_text() -> None:
    assert 'aria-label="&lt;b&gt;"' in sparkline([1, 2], "<b>")
    assert 'class="sparkline sparkline--bad"' in sparkline([1, 2], tone="bad")
