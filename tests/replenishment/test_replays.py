"""Replays as jobs: what they read, what they come to, and what happens when a worker is lost."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone

from catalog.models import Job, Location, SalesRecord
from forecasting import selectors as forecasting
from replenishment import selectors, services
from replenishment.core.replay import POLICIES
from replenishment.models import ReplayPolicy, ReplayRun
from replenishment.services import ReplayError, replays
from tests.cast import make_category, make_location, make_supplier
from tests.replenishment.replay_world import (
    FIRST,
    LAST,
    WEEKS,
    make_opening,
    make_sold,
    run_replay,
    start_replay,
)
from tests.replenishment.world import make_forecast

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    return make_location()


def table_of(run: ReplayRun) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(bytes(run.items_table)))


def test_it_knows_the_policies_of_the_core() -> None:
    assert replays.REPLAY_POLICIES == POLICIES


def test_it_comes_to_what_is_worked_out_by_hand(place: Location) -> None:
    """Ten a week; the minimum is (1 + 3) weeks of ten, the EOQ below a week's; stock at the start is 20.

    Week 1 closes at 10: up to 40, so 30 are ordered, which serve from the third week on. Week 2 closes at 0,
    position 30: 10 more; from then on 10 a week. Closing stock: 10, 0, 20, 20, 20, 20, 20, 20.
    """
    make_opening(make_sold(place), place, 20)
    run = run_replay(spec={"order_cost": 0.05, "holding_rate": 0.25})
    policy = run.policies.get()
    assert (policy.policy, policy.demand, policy.served, policy.fill_rate) == ("minmax", 80, 80, 1.0)
    assert policy.average_stock_value == pytest.approx(4 * (10 + 0 + 6 * 20) / 8)
    years = 7 * WEEKS / 365.25
    assert policy.holding_cost == pytest.approx(65 * 0.25 * years, rel=1e-3)
    assert (policy.orders, policy.ordered, policy.lost_margin) == (8, 100, 0)
    assert policy.order_cost == pytest.approx(0.4)
    assert policy.total_cost == pytest.approx(policy.holding_cost + 0.4)
    assert policy.turns == pytest.approx(80 * 4 / years / 65, rel=1e-3)
    assert policy.cycle_service == 1.0
    assert (run.items_count, run.skipped_count, run.report["opening_assumed"]) == (1, 0, 0)
    assert (run.report["runs"], run.report["backcasts"]) == ([], [])


def test_it_loses_margin_where_stock_was_short(place: Location) -> None:
    make_opening(make_sold(place), place, 0)
    policy = run_replay().policies.get()
    # Two weeks without stock; a unit lost is 10 - 4 of margin.
    assert policy.served == 60
    # Of the week that began without stock more may have been asked for than was sold.
    assert policy.demand >= 80
    assert policy.lost_margin == pytest.approx(6 * (policy.demand - 60))


def test_it_sums_what_the_core_finds_for_each_item(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    from replenishment.core import replay as core

    products = [make_sold(place, rate=rate, lead_time_sd_days=3) for rate in (3, 10, 25)]
    forecast = {(product, place): rate for product, rate in zip(products, (3.0, 10.0, 25.0), strict=True)}
    for weeks in (8, 4):
        make_forecast(forecast, as_of=LAST - timedelta(weeks=weeks))
    kept: list[Any] = []
    real = core.replay

    def spy(*args: Any, **options: Any) -> Any:
        kept.append(real(*args, **options))
        return kept[0]

    monkeypatch.setattr(core, "replay", spy)
    names = ["engine", "minmax", "ses", "quantile"]
    run = run_replay(spec={"policies": tuple(names), "seed": 3})
    expected = kept[0].to_frame().drop("unique_id").group_by("policy", maintain_order=True).sum()
    assert [policy.policy for policy in run.policies.all()] == names
    for policy, row in zip(run.policies.all(), expected.iter_rows(named=True), strict=True):
        for column in ("demand", "served", "average_stock_value", "orders", "total_cost", "lost_margin"):
            assert getattr(policy, column) == pytest.approx(row[column]), (policy.policy, column)
    rows = table_of(run)
    assert rows.height == len(names) * len(products)
    assert rows["total_cost"].sum() == pytest.approx(expected["total_cost"].sum(), rel=1e-5)
    assert {pk for pk, _ in [(r[0], r[1]) for r in rows.select("product_id", "location_id").iter_rows()]} == {
        product.pk for product in products
    }


def test_it_uses_the_forecasts_of_the_period_and_no_backcast(place: Location) -> None:
    product = make_sold(place)
    early, late = (make_forecast({(product, place): 10.0}, as_of=LAST - timedelta(weeks=w)) for w in (8, 4))
    make_forecast({(product, place): 10.0}, as_of=LAST + timedelta(days=1))
    run = run_replay(spec={"policies": ("engine",)})
    assert [number for number, _day in run.report["runs"]] == [early.pk, late.pk]
    assert run.report["backcasts"] == []


def test_it_does_not_look_at_a_forecast_before_the_week_in_which_it_was_made() -> None:
    from replenishment.services.replay_forecasts import Source, sources_choose

    location = make_location()
    product = make_sold(location)
    run = make_forecast({(product, location): 10.0}, as_of=FIRST + timedelta(days=9))  # in the second week
    history = history_of(start_replay())
    sources = sources_choose(history, every=4)
    first = FIRST + timedelta(days=6)
    assert sources[:2] == [
        Source(0, first, first),
        Source(1, first + timedelta(weeks=1), run.as_of, run.pk),
    ]
    assert [source.period for source in sources] == [0, 1, 5]


def history_of(run: ReplayRun) -> Any:
    return facts_of(run).history


def facts_of(run: ReplayRun) -> Any:
    from replenishment.services.replay_facts import facts_read

    spec: Any = services.ReplaySpec.from_dict(run.spec)
    return facts_read(run=run, freq=spec.freq, target=spec.plan_spec().to_target())


def test_it_backcasts_where_there_are_too_few_forecasts(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make_sold(place)
    asked: list[list[date]] = []

    def made(days: list[date], **options: Any) -> Iterator[Any]:
        asked.append(list(days))
        for day in days:
            run = make_forecast({(product, place): 10.0}, as_of=day)
            yield forecasting.distribution_read(run_id=run.pk)

    monkeypatch.setattr(forecasting, "backcasts", made)
    run = run_replay(spec={"policies": ("engine", "minmax"), "forecast_weeks": 4})
    first = FIRST + timedelta(days=6)
    assert asked == [[first, first + timedelta(weeks=4)]]
    assert run.report["backcasts"] == [day.isoformat() for day in asked[0]]
    assert run.report["runs"] == []


def test_it_backcasts_without_hindsight(place: Location) -> None:
    """What is sold after a day changes nothing in the forecast as of it."""
    from forecasting.core.spec import ForecastSpec

    product = make_sold(place)
    spec = ForecastSpec(freq="W", models=("moving_average", "ses"), folds=1)
    days = [LAST - timedelta(weeks=8), LAST - timedelta(weeks=4)]
    before = list(forecasting.backcasts(days, spec=spec))
    SalesRecord.objects.filter(product=product, day__gt=days[1]).update(quantity=500)
    after = list(forecasting.backcasts(days, spec=spec))
    assert [demand.as_of for demand in before] == days
    for old, new in zip(before, after, strict=True):
        assert (old.quantiles == new.quantiles).all()


def test_it_says_which_opening_stock_is_assumed(place: Location) -> None:
    make_opening(make_sold(place), place, 40)
    make_opening(make_sold(place), place, 40, is_assumed=True)
    make_sold(place)
    run = run_replay()
    assert run.report["opening_assumed"] == 2
    # Ten a week for lead time and three weeks: 40, as the record of the others says.
    assert set(table_of(run)["average_stock_value"].to_list()) == {table_of(run)["average_stock_value"][0]}


def test_it_replays_what_the_filter_names(place: Location) -> None:
    elsewhere, supplier = make_location(), make_supplier()
    branch = make_category()
    leaf = make_category(parent=branch)
    one, two, three = make_sold(place), make_sold(elsewhere), make_sold(place, supplier=supplier)
    type(one).objects.filter(pk=one.pk).update(category=leaf)
    for values, expected in (
        ({}, {one.pk, two.pk, three.pk}),
        ({"location": elsewhere}, {two.pk}),
        ({"supplier": supplier}, {three.pk}),
        ({"category": branch}, {one.pk}),
    ):
        assert set(table_of(run_replay(**values))["product_id"]) == expected, values


def test_it_counts_what_it_leaves_out_by_reason(place: Location) -> None:
    kept, unknown, foreign = make_sold(place), make_sold(place), make_sold(place, currency="XXX")
    make_forecast({(kept, place): 10.0, (foreign, place): 10.0}, as_of=LAST - timedelta(weeks=8))
    make_forecast({(kept, place): 10.0}, as_of=LAST - timedelta(weeks=4))
    run = run_replay(spec={"policies": ("engine", "minmax")})
    assert run.report["skipped"] == {"no exchange rate for XXX": 1, "no forecast": 1}
    assert (run.items_count, run.skipped_count) == (1, 2)
    # And so all policies are compared over the same items.
    assert {policy.demand for policy in run.policies.all()} == {80.0}
    assert unknown.pk not in set(table_of(run)["product_id"])


def test_it_lists_the_items_where_two_policies_differ_most(place: Location) -> None:
    products = [make_sold(place, rate=rate) for rate in (2, 20, 9)]
    run = run_replay(spec={"policies": ("moving_average", "minmax")})
    found = selectors.replay_differences(run.pk, first="moving_average", second="minmax", limit=2)
    assert [row.product for row in found] == [products[1], products[2]]
    assert all(row.saving == pytest.approx(row.second_cost - row.first_cost) for row in found)
    assert selectors.replay_differences(run.pk, first="engine", second="minmax", limit=2) == []


def test_it_takes_whole_weeks_up_to_the_last_day(place: Location) -> None:
    make_sold(place)
    run = start_replay(first_day=FIRST - timedelta(days=3))
    assert (run.first_day, run.last_day) == (FIRST, LAST)
    run = services.replay_start(acting_user=None)
    assert (run.first_day, run.last_day) == (LAST - timedelta(days=7 * 26 - 1), LAST)


@pytest.mark.parametrize(
    "values",
    [
        {"last_day": LAST + timedelta(days=1)},
        {"first_day": LAST - timedelta(days=20)},
        {"first_day": LAST - timedelta(weeks=157)},
    ],
)
def test_it_refuses_days_that_can_not_be_replayed(place: Location, values: dict[str, Any]) -> None:
    make_sold(place)
    with pytest.raises(ReplayError):
        start_replay(**values)


@pytest.mark.parametrize(
    "spec",
    [
        {"policies": ()},
        {"policies": ("oracle",)},
        {"forecast_weeks": 0},
        {"seed": -1},
        {"target": 1.0},
        {"target_kind": "luck"},
        {"order_cost": -1.0},
    ],
)
def test_it_refuses_a_specification_that_makes_no_sense(spec: dict[str, Any]) -> None:
    with pytest.raises(ReplayError):
        services.ReplaySpec(**spec)


def test_it_needs_sales_and_permission(viewer: User, buyer: User, place: Location) -> None:
    with pytest.raises(ReplayError):
        services.replay_start(acting_user=buyer)
    make_sold(place)
    with pytest.raises(PermissionDenied):
        services.replay_start(acting_user=viewer)
    assert services.replay_start(acting_user=buyer).created_by == buyer


def test_it_fails_with_the_reason(place: Location) -> None:
    make_sold(place)
    run = services.replay_execute(replay_id=start_replay(location=make_location()).pk)
    assert (run.state, run.error) == ("failed", "Nothing was sold there up to the last day.")
    run = services.replay_execute(replay_id=start_replay(supplier=make_supplier()).pk)
    assert (run.state, run.error) == ("failed", "No product-location fits the filter.")


def test_it_ends_no_sooner_than_it_begins() -> None:
    with pytest.raises(IntegrityError):
        ReplayRun.objects.create(first_day=LAST, last_day=FIRST)


# -- as a job -------------------------------------------------------------------------------------


def test_it_is_done_once(place: Location) -> None:
    make_sold(place)
    run = run_replay()
    before = run.policies.get().pk
    assert services.replay_execute(replay_id=run.pk).attempts == 1
    assert run.policies.get().pk == before


def test_it_takes_up_what_a_killed_worker_left(place: Location) -> None:
    make_sold(place)
    run = start_replay()
    ReplayPolicy.objects.create(
        replay=run,
        place=0,
        policy="ses",
        **dict.fromkeys(
            (
                *("demand", "served", "average_stock_value", "orders", "ordered", "holding_cost"),
                *("order_cost", "lost_margin", "total_cost"),
            ),
            1.0,
        ),
    )
    ReplayRun.objects.filter(pk=run.pk).update(
        state=Job.State.RUNNING,
        claim=uuid.uuid4(),
        attempts=1,
        heartbeat_at=timezone.now() - timedelta(hours=1),
    )
    assert ReplayRun.stale_ids() == [run.pk]
    run = services.replay_execute(replay_id=run.pk)
    assert (run.state, run.attempts) == ("done", 2)
    assert [policy.policy for policy in run.policies.all()] == ["minmax"]


def test_it_is_dispatched_again_when_its_worker_is_lost() -> None:
    from inventory_site.tasks import dispatchers

    assert ReplayRun in dispatchers()


def test_it_leaves_a_replay_alone_that_another_worker_has(place: Location) -> None:
    make_sold(place)
    run = start_replay()
    ReplayRun.objects.filter(pk=run.pk).update(
        state=Job.State.RUNNING, claim=uuid.uuid4(), heartbeat_at=timezone.now()
    )
    assert services.replay_execute(replay_id=run.pk).state == Job.State.RUNNING
    assert not run.policies.exists()


def test_it_writes_nothing_once_it_was_lost(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sold(place)
    run = start_replay()
    compute = replays._compute

    def lost(*args: Any) -> Any:
        result = compute(*args)
        ReplayRun.objects.filter(pk=run.pk).update(claim=uuid.uuid4())
        return result

    monkeypatch.setattr(replays, "_compute", lost)
    assert services.replay_execute(replay_id=run.pk).state == Job.State.RUNNING
    assert not run.policies.exists()


def test_it_says_how_far_it_is(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.services.heartbeat import Heartbeat

    product = make_sold(place)
    for weeks in (8, 4):
        make_forecast({(product, place): 10.0}, as_of=LAST - timedelta(weeks=weeks))
    heard: list[tuple[str, float]] = []
    monkeypatch.setattr(Heartbeat, "report", lambda self, step, share: heard.append((step, share)))
    run_replay(spec={"policies": ("engine",)})
    assert list(dict.fromkeys(step for step, _ in heard)) == ["read", "forecasts", "replay", "store"]
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1


# -- the command ----------------------------------------------------------------------------------


def test_the_command_replays_and_prints(place: Location, capsys: pytest.CaptureFixture[str]) -> None:
    make_sold(place)
    call_command("replay_run", "--from", str(FIRST), "--to", str(LAST), "--policy", "minmax,ses")
    printed = capsys.readouterr().out
    assert "minmax" in printed
    assert "ses" in printed
    assert f"{FIRST} to {LAST}" in printed


def test_the_command_says_what_is_wrong(place: Location) -> None:
    make_sold(place)
    for arguments in (["--policy", "oracle"], ["--location", "nowhere"], ["--to", "2030-01-01"]):
        with pytest.raises(CommandError):
            call_command("replay_run", *arguments)
