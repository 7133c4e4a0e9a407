"""Reviews, behaviour, events and indicators as they come in: whole, checked, taken back."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from catalog import selectors, services
from catalog.importers.signals import REVIEW_LENGTH
from catalog.models import (
    BehaviourRecord,
    ImportBatch,
    Indicator,
    IndicatorRecord,
    Review,
    ShopperEvent,
    SupersededFact,
)
from catalog.selectors.frames import read_frame
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db

WORLDS_WORDS = {
    "R1": "منتج رائع، وصل بسرعة. שלום \u2067ימין\u2069 \u200fend",
    "R2": "กาแฟหอมมาก บรรจุภัณฑ์ดี แต่ราคาแพงไปหน่อย",
    "R3": "👩‍👩‍👧‍👦 love it 🇨🇳 ❤️\u200d🔥",
    "R4": "味道很好，包装破了。\n下次还会买",
    "R5": "- fresh\n- cheap\n+ would buy again",
    "R6": '=HYPERLINK("http://evil.example","free")',
    "R7": "@shop thanks, 5€ \\. and\n\\.\nnot the end, \"quoted\", 'so', a;b|c\td",
    "R8": "<script>alert(1)</script>",
    "R9": "-5",
}


def import_file(kind: str, path: Path, text: str, mode: str = "strict") -> ImportBatch:
    path.write_text(text, encoding="utf-8")
    batch = services.import_create(kind=kind, file=path, mode=mode, acting_user=None)
    return services.import_run(batch_id=batch.pk)


def csv_of(rows: list[dict[str, Any]]) -> str:
    import io

    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def review_rows(words: dict[str, str], **values: Any) -> list[dict[str, Any]]:
    return [
        {"number": n, "sku": "A", "day": DAY, "rating": 4, "text": text} | values for n, text in words.items()
    ]


def test_it_keeps_the_words_of_every_script_as_they_are(tmp_path: Path) -> None:
    make.product()
    batch = import_file("review", tmp_path / "r.csv", csv_of(review_rows(WORLDS_WORDS)))
    assert (batch.state, batch.rows_new) == ("done", len(WORLDS_WORDS)), batch.errors
    assert dict(Review.objects.values_list("number", "text")) == WORLDS_WORDS
    again = import_file("review", tmp_path / "r2.csv", csv_of(review_rows(WORLDS_WORDS)))
    assert (again.rows_new, again.rows_changed, again.rows_unchanged) == (0, 0, len(WORLDS_WORDS))


def test_it_keeps_them_as_rows_of_a_call_and_in_the_history() -> None:
    product = make.product()
    rows = [row | {"day": str(DAY)} for row in review_rows(WORLDS_WORDS)]
    services.import_rows(kind="review", rows=rows, acting_user=None)
    before = timezone.now()
    services.import_rows(
        kind="review", rows=[row | {"rating": 1, "text": "changed"} for row in rows], acting_user=None
    )
    assert set(Review.objects.values_list("rating", "text")) == {(1, "changed")}
    sql, params = selectors.facts_sql("review", ["number", "text", "product_id"], known_at=before)
    then = read_frame(sql, params)
    assert {number: text for number, text, _ in then.iter_rows()} == WORLDS_WORDS
    assert set(then["product_id"]) == {product.pk}


def test_it_refuses_a_review_of_a_megabyte_and_keeps_the_others(tmp_path: Path) -> None:
    make.product()
    flood = "ยาว" * 350_000
    words = {"R1": "good", "R2": flood, "R3": "x" * REVIEW_LENGTH}
    batch = import_file("review", tmp_path / "r.csv", csv_of(review_rows(words)), mode="good-rows")
    assert batch.state == "done"
    assert sorted(Review.objects.values_list("number", flat=True)) == ["R1", "R3"]
    [error] = batch.errors
    assert (error["row"], error["column"]) == (3, "text")
    assert error["value"] == flood[:80]
    assert error["reason"] == "is 1,050,000 characters long: 20,000 are the most"
    refused = pl.read_csv(batch.rejected_file.path)
    assert refused["text"].to_list() == [flood]
    assert "1,050,000" in refused["error"][0]


def test_it_disarms_the_refused_rows_and_reads_them_back_as_they_were(tmp_path: Path) -> None:
    make.product()
    words = WORLDS_WORDS | {"R12": "'plain"}
    rows = review_rows(words, rating=9)
    batch = import_file("review", tmp_path / "r.csv", csv_of(rows))
    assert batch.state == "failed"
    with Path(batch.rejected_file.path).open(encoding="utf-8-sig", newline="") as file:
        refused = list(csv.DictReader(file))
    assert not any(row["text"][0] in "=+@\t\r" for row in refused)
    assert {row["text"] for row in refused if row["text"][0] == "-"} == {"-5"}
    mended = csv_of([row | {"rating": 5} for row in refused])
    assert import_file("review", tmp_path / "again.csv", mended).state == "done"
    assert dict(Review.objects.values_list("number", "text")) == words


@pytest.mark.parametrize(
    ("values", "column", "reason"),
    [
        ({"rating": 6}, "rating", "is larger than 5"),
        ({"rating": 0}, "rating", "is less than 1"),
        ({"rating": "4.5"}, "rating", "is not a whole number"),
        ({"text": "a\x07b"}, "text", "holds a control character"),
        ({"text": "a\x9bb"}, "text", "holds a control character"),
        ({"sku": "B"}, "sku", "is not a known SKU"),
        ({"day": "2099-01-01"}, "day", "is in the future"),
        ({"number": "=1"}, "number", "begins like a formula"),
        ({"language": "english"}, "language", "is not a language code"),
        ({"number": ""}, "number", "is empty"),
        ({"rating": "", "title": "", "text": ""}, "text", "is empty, and there is no rating"),
        ({"title": "x" * 251}, "title", "is 251 characters long"),
    ],
)
def test_it_says_what_is_wrong_with_a_review(values: dict[str, Any], column: str, reason: str) -> None:
    make.product()
    row = {"number": "R1", "sku": "A", "day": str(DAY), "rating": 5, "title": "t", "text": "fine"} | values
    batch = services.import_rows(kind="review", rows=[row], acting_user=None)
    assert batch.state == "failed"
    assert any(e["column"] == column and e["reason"].startswith(reason) for e in batch.errors), batch.errors
    assert not Review.objects.exists()


def test_it_keeps_an_author_as_a_keyed_hash_alone() -> None:
    make.product()
    row = {"number": "R1", "sku": "A", "day": str(DAY), "rating": 5, "author": "ann@shop.example"}
    services.import_rows(kind="review", rows=[row], acting_user=None)
    assert len(Review.objects.get().author_hash) == 32
    assert "ann" not in Review.objects.get().author_hash


def test_it_takes_reviews_back(superuser: User) -> None:
    make.product()
    row = {"number": "R1", "sku": "A", "day": str(DAY), "rating": 5, "text": "fine"}
    services.import_rows(kind="review", rows=[row], acting_user=None)
    second = services.import_rows(
        kind="review", rows=[row | {"text": "less so"}, row | {"number": "R2"}], acting_user=None
    )
    services.batch_take_back(batch=second, acting_user=superuser)
    assert list(Review.objects.values_list("number", "text")) == [("R1", "fine")]


# -- market indicators ----------------------------------------------------------------------------------
def values(rows: list[dict[str, Any]], **more: Any) -> ImportBatch:
    return services.import_rows(kind="indicator_value", rows=rows, acting_user=None, **more)


def test_it_knows_a_value_after_its_publication_lag_unless_the_file_says_when() -> None:
    make.product()
    make.location()
    services.import_rows(
        kind="indicator",
        rows=[{"code": "I", "name": "Interest", "publication_lag_days": 3}],
        acting_user=None,
    )
    forecast = str(DAY - timedelta(days=5))
    batch = values(
        [
            {"indicator": "I", "day": str(DAY), "value": 1.5},
            {"indicator": "I", "day": str(DAY), "value": 2.5, "sku": "A"},
            {
                "indicator": "I",
                "day": str(DAY),
                "value": -3,
                "sku": "A",
                "location": "W",
                "known_on": forecast,
            },
        ]
    )
    assert batch.state == "done", batch.errors
    known = set(IndicatorRecord.objects.values_list("value", "product__sku", "location__code", "known_on"))
    assert known == {
        (1.5, None, None, DAY + timedelta(days=3)),
        (2.5, "A", None, DAY + timedelta(days=3)),
        (-3.0, "A", "W", DAY - timedelta(days=5)),
    }
    # Without the column, what was said before stays; the same rows change nothing.
    again = values([{"indicator": "I", "day": str(DAY), "value": -3, "sku": "A", "location": "W"}])
    assert (again.rows_changed, again.rows_unchanged) == (0, 1)
    revised = values([{"indicator": "I", "day": str(DAY), "value": -4, "sku": "A", "location": "W"}])
    assert revised.rows_changed == 1
    assert IndicatorRecord.objects.get(value=-4).known_on == DAY - timedelta(days=5)
    [former] = SupersededFact.objects.filter(kind="indicator_value")
    assert former.row["value"] == -3.0


def test_it_refuses_values_that_stand_twice_or_nowhere() -> None:
    make.product(category=None)
    Indicator.objects.create(code="I", name="Interest")
    day = str(DAY)
    for rows, reason in (
        (
            [{"indicator": "I", "day": day, "value": 1}, {"indicator": "I", "day": day, "value": 2}],
            "has the same key",
        ),
        ([{"indicator": "J", "day": day, "value": 1}], "is not a known market indicator"),
        ([{"indicator": "I", "day": day, "value": "inf"}], "is not a finite number"),
        ([{"indicator": "I", "day": day, "value": 1, "category": "nowhere"}], "is not a known category"),
    ):
        batch = values(rows)
        assert batch.state == "failed"
        assert batch.errors[0]["reason"].startswith(reason), batch.errors
    from catalog.models import Category

    Category.objects.create(code="C", name="C")
    batch = values([{"indicator": "I", "day": day, "value": 1, "sku": "A", "category": "C"}])
    assert "stands beside a SKU" in batch.errors[0]["reason"]
    assert not IndicatorRecord.objects.exists()


def test_it_takes_an_indicator_back_only_when_nothing_uses_it(superuser: User) -> None:
    first = services.import_rows(kind="indicator", rows=[{"code": "I", "name": "Interest"}], acting_user=None)
    second = values([{"indicator": "I", "day": str(DAY), "value": 1}])
    with pytest.raises(services.CatalogError, match="used by"):
        services.batch_take_back(batch=first, acting_user=superuser)
    services.batch_take_back(batch=second, acting_user=superuser)
    services.batch_take_back(batch=first, acting_user=superuser)
    assert not Indicator.objects.exists()
    assert SupersededFact.objects.filter(kind="indicator_value").count() == 1


# -- behaviour and events ---------------------------------------------------------------------------------
TODAY = timezone.localdate()


def event(number: str, kind: str = "view", **more: Any) -> services.Event:
    values: dict[str, Any] = {"source": "shop", "sku": "A", "location": "W"} | more
    # Of the day that the tests began on: they may run past midnight.
    values.setdefault("occurred_at", timezone.make_aware(datetime.combine(TODAY, datetime.min.time())))
    return services.Event(number=number, kind=kind, **values)


def take(events: list[services.Event]) -> services.EventsTaken:
    taken = services.events_record(events=events)
    services.behaviour_roll_up_days(days=taken.days)
    return taken


def counts() -> list[tuple[Any, ...]]:
    names = ("views", "carts", "wishlists", "searches", "stock_requests")
    return list(BehaviourRecord.objects.order_by("pk").values_list(*names))


def test_it_counts_the_events_of_a_day_by_kind() -> None:
    make.product()
    make.location()
    kinds = ["view", "view", "view", "cart", "wishlist", "search", "search", "stock-request"]
    taken = take([event(str(n), kind) for n, kind in enumerate(kinds)])
    assert (taken.new, taken.repeated) == (8, 0)
    assert counts() == [(3, 1, 1, 2, 1)]
    # Sent again, alone and among new ones, with other words: the first word stands.
    taken = take([event("0", "cart"), event("0"), event("9")])
    assert (taken.new, taken.repeated) == (1, 2)
    assert counts() == [(4, 1, 1, 2, 1)]
    assert ShopperEvent.objects.count() == 9


def test_it_counts_an_event_on_its_locations_own_day() -> None:
    make.product()
    make.location("W", time_zone="Asia/Shanghai")
    late = datetime.combine(TODAY - timedelta(days=2), datetime.min.time(), UTC) + timedelta(hours=20)
    take([event("1", occurred_at=late)])
    assert BehaviourRecord.objects.get().day == TODAY - timedelta(days=1)


def test_it_takes_none_of_a_batch_with_a_bad_event_and_names_each_by_its_place() -> None:
    make.product()
    make.location()
    now = timezone.now()
    with pytest.raises(services.EventsRefusedError) as refused:
        services.events_record(
            events=[
                event("1"),
                event("2", sku="B"),
                event("3", location="X"),
                event("4", occurred_at=now + timedelta(hours=2)),
                event("5", occurred_at=now - timedelta(days=92)),
            ]
        )
    places = [(problem.place, problem.field) for problem in refused.value.problems]
    assert places == [(1, "sku"), (2, "location"), (3, "occurred_at"), (4, "occurred_at")]
    assert not ShopperEvent.objects.exists()


def totals(views: int, day: date = TODAY) -> ImportBatch:
    return services.import_rows(
        kind="behaviour",
        rows=[{"sku": "A", "location": "W", "day": str(day), "views": views}],
        acting_user=None,
    )


def test_it_leaves_the_totals_that_an_import_gave_and_counts_again_when_it_is_taken_back(
    superuser: User,
) -> None:
    make.product()
    make.location()
    take([event("1"), event("2")])
    batch = totals(100)
    assert counts() == [(100, 0, 0, 0, 0)]
    take([event("3", "cart")])
    assert counts() == [(100, 0, 0, 0, 0)]
    services.batch_take_back(batch=batch, acting_user=superuser)
    assert counts() == [(2, 1, 0, 0, 0)]
    [former] = SupersededFact.objects.filter(kind="behaviour", row__views=100)
    assert former.batch == batch


def test_it_forgets_the_totals_of_a_day_that_had_no_events(superuser: User) -> None:
    make.product()
    make.location()
    services.batch_take_back(batch=totals(100), acting_user=superuser)
    assert counts() == []


def test_it_imports_events_and_takes_them_back(tmp_path: Path, superuser: User) -> None:
    make.product()
    make.location()
    take([event("1")])
    rows = [
        {"number": n, "kind": kind, "sku": "A", "location": "W", "occurred_at": f"{TODAY} 00:00"}
        for n, kind in (("1", "View"), ("2", "stock request"))
    ]
    batch = import_file("shopper_event", tmp_path / "e.csv", csv_of(rows))
    assert batch.state == "done", batch.errors
    assert counts() == [(2, 0, 0, 0, 1)]
    again = import_file("shopper_event", tmp_path / "e2.csv", csv_of(rows))
    assert again.rows_unchanged == 2
    services.batch_take_back(batch=batch, acting_user=superuser)
    assert counts() == [(1, 0, 0, 0, 0)]


def test_it_lets_old_events_go_and_keeps_their_counts(settings: Any) -> None:
    make.product()
    make.location()
    old = timezone.now() - timedelta(days=10)
    take([event("1", occurred_at=old), event("2")])
    # A worker that was lost before it counted: the next tidying does.
    services.events_record(events=[event("3", "cart")])
    settings.FORESTOCK_EVENT_DAYS = 5
    assert services.events_tidy() == {"days": 1, "events": 1}
    assert set(ShopperEvent.objects.values_list("number", flat=True)) == {"2", "3"}
    assert sorted(counts()) == [(1, 0, 0, 0, 0), (1, 1, 0, 0, 0)]
    assert services.events_tidy() == {"days": 0, "events": 0}


def test_it_refuses_events_in_files_that_are_too_old_to_be_counted() -> None:
    make.product()
    make.location()
    row = {"number": "1", "kind": "view", "sku": "A", "location": "W", "occurred_at": "2020-01-01 10:00"}
    batch = services.import_rows(kind="shopper_event", rows=[row], acting_user=None)
    assert "import the days' totals" in batch.errors[0]["reason"]


@pytest.mark.parametrize("value", ["-1", "1.5", "1e12", "many"])
def test_it_refuses_counts_that_are_none(value: str) -> None:
    make.product()
    make.location()
    row = {"sku": "A", "location": "W", "day": str(DAY), "views": value}
    batch = services.import_rows(kind="behaviour", rows=[row], acting_user=None)
    assert (batch.state, batch.errors[0]["column"]) == ("failed", "views")


def test_it_reads_behaviour_as_it_was_known() -> None:
    make.product()
    make.location()
    totals(5, DAY)
    then = timezone.now()
    totals(7, DAY)
    sql, params = selectors.facts_sql("behaviour", ["day", "views"], known_at=then)
    assert read_frame(sql, params)["views"].to_list() == [5]
