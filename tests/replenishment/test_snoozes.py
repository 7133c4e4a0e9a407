"""Snoozes: made, ended by hand, by the day, by the stock, and carried from plan to plan."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from catalog import selectors as catalog
from replenishment import services
from replenishment.models import PlanRun, PlanSum, Snooze, Suggestion, SuggestionChange
from replenishment.selectors import snoozes_of
from replenishment.services.snoozes import snoozes_apply
from replenishment.tasks import snoozes_end_task
from tests.cast import make_location, make_product
from tests.replenishment.world import AS_OF, make_forecast, make_item, make_plan, make_suggestion, run_plan

pytestmark = pytest.mark.django_db
Kind = SuggestionChange.Kind


def soon(days: int = 10) -> date:
    return catalog.today() + timedelta(days=days)


def snooze(rows: list[Suggestion], user: User, **values: Any) -> SuggestionChange:
    values = {"until": soon(), "reason": "promo is over", **values}
    acted = services.suggestions_act(
        suggestion_ids=[row.pk for row in rows], act=services.Act(Kind.SNOOZE, **values), acting_user=user
    )
    assert acted.change is not None
    return acted.change


def wake(rows: list[Suggestion], user: User) -> services.Acted:
    return services.suggestions_act(
        suggestion_ids=[row.pk for row in rows], act=services.Act(Kind.WAKE), acting_user=user
    )


def states() -> list[str]:
    return list(Suggestion.objects.order_by("pk").values_list("state", flat=True))


def test_it_snoozes_with_a_reason_and_wakes_by_hand(buyer: User) -> None:
    plan = make_plan()
    rows = [make_suggestion(plan), make_suggestion(plan)]
    snooze(rows[:1], buyer, stock_level=4.0)
    assert states() == ["snoozed", "open"]
    found = snoozes_of(Suggestion.objects.all())
    assert list(found) == [(rows[0].product_id, rows[0].location_id)]
    [kept] = found.values()
    assert (kept.until, kept.stock_level, kept.reason, kept.created_by) == (soon(), 4, "promo is over", buyer)
    assert sum(PlanSum.objects.values_list("snoozed", flat=True)) == 1
    assert wake(rows, buyer).passed_over == {"open": 1}
    assert states() == ["open", "open"]
    assert Snooze.objects.get().ended_at is not None


def test_it_refuses_a_day_that_is_not_ahead(buyer: User) -> None:
    with pytest.raises(services.SuggestionError):
        snooze([make_suggestion(make_plan())], buyer, until=catalog.today())


def test_an_undo_ends_the_snooze_or_takes_it_up_again(buyer: User) -> None:
    row = make_suggestion(make_plan())
    change = snooze([row], buyer)
    undone = services.change_undo(change_id=change.pk, acting_user=buyer).change
    assert states() == ["open"]
    assert snoozes_of(Suggestion.objects.all()) == {}
    assert not Snooze.objects.filter(ended_at=None).exists()
    services.change_undo(change_id=undone.pk, acting_user=buyer)
    assert states() == ["snoozed"]
    woken = wake([row], buyer).change
    assert woken is not None
    services.change_undo(change_id=woken.pk, acting_user=buyer)
    assert states() == ["snoozed"]
    [kept] = snoozes_of(Suggestion.objects.all()).values()
    assert (kept.until, kept.reason) == (soon(), "promo is over")
    assert Snooze.objects.count() == 1


def test_the_day_wakes_the_latest_plan(buyer: User) -> None:
    plan = make_plan()
    rows = [make_suggestion(plan), make_suggestion(plan)]
    snooze(rows[:1], buyer)
    snooze(rows[1:], buyer, until=None, stock_level=0.0)
    snoozes_end_task()
    assert states() == ["snoozed", "snoozed"]
    Snooze.objects.filter(until__isnull=False).update(until=catalog.today())
    snoozes_end_task()
    assert states() == ["open", "snoozed"]
    assert sum(PlanSum.objects.values_list("order", flat=True)) == 1
    # Nobody did it: nothing that a buyer would undo.
    assert SuggestionChange.objects.count() == 2


@pytest.mark.parametrize(
    ("until", "level", "on_hand", "state"),
    [
        (AS_OF + timedelta(days=1), None, 3.0, "snoozed"),
        (AS_OF, None, 3.0, "open"),
        (None, 2.0, 3.0, "snoozed"),
        (None, 3.0, 3.0, "open"),
        (None, 3.0, None, "snoozed"),
        (AS_OF + timedelta(days=1), 5.0, 3.0, "open"),
    ],
)
def test_it_is_carried_into_later_plans_until_it_is_over(
    buyer: User, until: date | None, level: float | None, on_hand: float | None, state: str
) -> None:
    product, place = make_product(), make_location()
    Snooze.objects.create(
        product=product, location=place, until=until, stock_level=level, created_by=buyer, reason="late"
    )
    plan = make_plan()
    make_suggestion(plan, product=product, location=place, on_hand=on_hand)
    make_suggestion(plan, product=product)
    snoozes_apply(plan)
    assert states() == [state, "open"]
    assert Snooze.objects.filter(ended_at=None).exists() == (state == "snoozed")


def test_a_plan_is_stored_with_what_sleeps(buyer: User) -> None:
    place = make_location()
    asleep, awake = make_item(place), make_item(place)
    run = make_forecast({(asleep, place): 20.0, (awake, place): 20.0})
    first = run_plan(run)
    snooze(list(first.suggestions.filter(product=asleep)), buyer, until=AS_OF + timedelta(days=9000))
    second = run_plan(run)
    lanes = dict(PlanRun.objects.get(pk=second.pk).suggestions.values_list("product_id", "lane"))
    assert lanes == {asleep.pk: "snoozed", awake.pk: "order"}
    assert sum(second.sums.values_list("snoozed", flat=True)) == 1
