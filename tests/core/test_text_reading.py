from __future__ import annotations

import time
from datetime import date, timedelta

import numpy as np
import pytest

from forecasting.core.text.aspects import clauses, known_aspects, mentions, mined
from forecasting.core.text.screening import screened
from forecasting.core.text.voice import change, level, months, told

DAY = date(2024, 1, 1)
LONG = (
    "I bought this kettle in March and it still boils a litre in under three minutes without any noise at all"
)


def test_a_copy_is_left_out_and_the_first_counts() -> None:
    near = LONG.replace("March", "may").upper() + "!!!"
    assert screened(
        [LONG, "Works great", near, "Works great", LONG + " ", "Quite another text about a lamp"]
    ) == [
        "",
        "",
        "duplicate",
        "",
        "duplicate",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \u200b !!! 123", "empty"),
        ("👍", ""),
        ("Cheap watches at https://example.com/x", "spam"),
        ("加微信 abc12345 领红包", "spam"),
        ("goooooooooooooooooooooood", "spam"),
        ("buy now " * 20, "spam"),
        ("好评" * 30, "spam"),
        ("สินค้าดีมาก ส่งเร็ว", ""),
        ("منتج ممتاز جدا", ""),
        ("Very, very good sound. The battery lasts for two days.", ""),
    ],
)
def test_empty_texts_and_spam_are_left_out(text: str, reason: str) -> None:
    assert screened([text]) == [reason]


def test_many_texts_are_screened_in_time() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(3000)])
    texts = [" ".join(words[rng.integers(0, 3000, 25)]) for _ in range(5000)]
    start = time.process_time()
    reasons = screened([*texts, *texts[:100], "x" * 1_000_000])
    assert time.process_time() - start < 15
    assert reasons.count("duplicate") == 100


def test_clauses_are_parts_of_the_text() -> None:
    text = "The battery is great, but the screen broke.  质量很好，物流太慢！"
    assert [text[start:end] for start, end in clauses(text)] == [
        "The battery is great",
        "the screen broke",
        "质量很好",
        "物流太慢",
    ]


def test_it_names_aspects_in_english_and_chinese_with_their_clause() -> None:
    texts = ["The battery is great, but shipping was slow.", "質量很好，物流太慢"]
    found = [(one.row, one.aspect, texts[one.row][one.start : one.end]) for one in mentions(texts)]
    assert found[0] == (0, "battery", "The battery is great")
    assert (0, "delivery", "shipping was slow.") not in found
    assert (0, "delivery", "shipping was slow") in found
    assert (1, "quality", "質量很好") in found
    assert (1, "delivery", "物流太慢") in found
    assert len(set(known_aspects().values())) > 15


def test_words_that_own_reviews_judge_often_become_aspects() -> None:
    texts = ["The strap is too short", "the strap was fine", "表带很软", "The one is good"] * 5
    assert mined(texts) == {"strap": "strap", "表带": "表带"}
    assert mined(texts[:4]) == {}
    assert [one.aspect for one in mentions(["a strap of gold"], mined(texts))] == ["strap"]


def test_the_level_is_the_textbooks_beta_and_narrows_with_reviews() -> None:
    # Four prior reviews at one half and six of praise today: Beta(8, 2).
    found = level(np.ones(6), np.zeros(6))
    assert found.level == pytest.approx(0.8)
    assert [found.low, found.high] == pytest.approx([0.5709, 0.9590], abs=1e-3)
    many = level(np.ones(100), np.zeros(100))
    assert many.high - many.low < found.high - found.low
    # Reviews of long ago say little of now.
    assert level(np.ones(6), np.full(6, 3650.0)).level == pytest.approx(0.5, abs=0.01)


def _days(count: int) -> list[date]:
    return [DAY + timedelta(days=row) for row in range(count)]


def test_without_a_change_few_are_told() -> None:
    rng = np.random.default_rng(1)
    found = [change((rng.random(80) < 0.7).astype(float), _days(80)) for _ in range(400)]
    assert sum(one is not None and one.p_value <= 0.05 for one in found) <= 0.06 * 400
    assert sum(told(found)) <= 3


def test_a_planted_change_is_found_near_its_day() -> None:
    rng = np.random.default_rng(2)
    off = []
    for _ in range(40):
        values = np.r_[(rng.random(60) < 0.9), (rng.random(60) < 0.4)].astype(float)
        found = change(values, _days(120))
        assert found is not None
        assert found.p_value < 0.01
        off.append(abs((found.day - DAY).days - 60))
        assert found.before > found.after
    assert np.median(off) <= 4
    assert all(told([change(values, _days(120))]))


def test_the_latest_of_two_changes_is_told() -> None:
    rng = np.random.default_rng(3)
    values = np.r_[rng.random(80) < 0.9, rng.random(80) < 0.3, rng.random(80) < 0.9].astype(float)
    found = change(values, _days(240))
    assert found is not None
    assert abs((found.day - DAY).days - 160) <= 8
    assert found.after > found.before


def test_few_or_equal_reviews_have_no_change() -> None:
    assert change(np.ones(50), _days(50)) is None
    assert change(np.arange(10) % 2, _days(10)) is None
    assert told([None, None]) == [False, False]
    assert told([]) == []


def test_months_go_from_the_first_review_to_now() -> None:
    found = months(
        np.array([1.0, 0.0, 1.0]), [date(2024, 1, 5), date(2024, 1, 9), date(2024, 3, 1)], date(2024, 4, 2)
    )
    assert found == [
        (date(2024, 1, 1), 2, 0.5),
        (date(2024, 2, 1), 0, None),
        (date(2024, 3, 1), 1, 1.0),
        (date(2024, 4, 1), 0, None),
    ]
    assert months(np.array([]), [], DAY) == []
