"""Textbook models against stockpyl 1.0.2 (`benchmarks/stockpyl_oracle.py`): book's instances, random ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from replenishment.core.economics import eoq
from replenishment.core.textbook.guaranteed import guaranteed_service
from replenishment.core.textbook.joint import joint_orders
from replenishment.core.textbook.known_needs import wagner_whitin
from replenishment.core.textbook.lot_sizes import PriceBreaks, eoq_with_backorders
from replenishment.core.textbook.newsvendor import (
    newsvendor_continuous,
    newsvendor_discrete,
    newsvendor_normal,
    newsvendor_poisson,
)
from replenishment.core.textbook.reorder_points import (
    min_max,
    min_max_cost,
    min_max_poisson,
    reorder_quantity_poisson,
)
from replenishment.core.textbook.serial import SerialStock, serial_normal, serial_poisson

ANSWERS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "stockpyl_answers.json").read_text(encoding="utf-8")
)
RELATIVE = 1e-5


def given(model: str, *names: str) -> list[np.ndarray[Any, Any]]:
    return [np.array([case["given"][name] for case in ANSWERS[model]], dtype=float) for name in names]


def answers(model: str, *names: str) -> list[np.ndarray[Any, Any]]:
    return [np.array([case["answer"][name] for case in ANSWERS[model]], dtype=float) for name in names]


def named(model: str, name: str) -> int:
    return [case["name"] for case in ANSWERS[model]].index(name)


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=float), wanted, rtol=RELATIVE)


def padded(rows: list[list[float]], fill: float) -> np.ndarray[Any, Any]:
    width = max(map(len, rows))
    return np.array([row + [fill] * (width - len(row)) for row in rows], dtype=float)


def test_it_finds_the_order_quantity() -> None:
    found = eoq(*given("eoq", "fixed_cost", "demand_rate", "holding_cost"))
    close(found, answers("eoq", "quantity", "cost"))
    row = named("eoq", "example_3_1")
    close([found[0][row], found[1][row]], [304.0468, 68.4105])


def test_it_finds_the_order_quantity_with_backorders() -> None:
    terms = ("fixed_cost", "demand_rate", "holding_cost", "stockout_cost")
    found = eoq_with_backorders(*given("eoq_with_backorders", *terms))
    close(found, answers("eoq_with_backorders", "quantity", "share", "cost"))
    row = named("eoq_with_backorders", "example_3_8")
    close([part[row] for part in found], [310.8126, 0.043062152, 66.9214])


@pytest.mark.parametrize("kind", ["all_units", "incremental"])
def test_it_finds_the_price_break_that_pays(kind: str) -> None:
    cases = ANSWERS["price_breaks"]
    breaks = PriceBreaks(
        padded([case["given"]["breakpoints"] for case in cases], np.inf),
        padded([case["given"]["unit_costs"] for case in cases], np.nan),
    )
    terms = given("price_breaks", "fixed_cost", "demand_rate", "holding_cost_rate")
    quantity, region, cost = getattr(breaks, kind)(*terms)
    wanted = [[case["answer"][kind][part] for case in cases] for part in ("quantity", "region", "cost")]
    close([quantity, region, cost], wanted)
    row = named("price_breaks", "example_3_5")
    book = {"all_units": [800, 978.60], "incremental": [304.0468, 1043.4105]}[kind]
    close([quantity[row], cost[row]], book)


def test_it_orders_jointly_as_silver_does() -> None:
    cases = ANSWERS["joint"]
    supplier = np.repeat(np.arange(len(cases)), [len(case["given"]["demand_rates"]) for case in cases])

    def flat(part: str, name: str) -> np.ndarray[Any, Any]:
        return np.concatenate([case[part][name] for case in cases])

    (order_cost,) = given("joint", "shared_fixed_cost")
    terms = [flat("given", name) for name in ("individual_fixed_costs", "holding_costs", "demand_rates")]
    found = joint_orders(supplier, order_cost, *terms)
    close(found.quantity, flat("answer", "quantity"))
    close(found.multiple, flat("answer", "multiple"))
    close([found.cycle, found.cost], answers("joint", "cycle", "cost"))
    row = named("joint", "scmo_jrp_ex")
    assert found.multiple[supplier == row].tolist() == [1, 3, 1]
    close([found.cycle[row], found.cost[row]], [3.103164, 837.8544])


def test_it_orders_known_needs_at_least_cost() -> None:
    for case in ANSWERS["wagner_whitin"]:
        terms = case["given"]
        fixed, unit = (
            np.atleast_1d(terms.get(name, 0.0))[None, :] for name in ("fixed_cost", "purchase_cost")
        )
        orders, cost = wagner_whitin(terms["demand"], fixed, terms["holding_cost"], unit)
        close(cost[0], case["answer"]["cost"])
        close(orders[0], case["answer"]["orders"])
    orders, cost = wagner_whitin([90, 120, 80, 70], 500, 2)
    assert (orders.tolist(), cost.tolist()) == ([[210, 0, 150, 0]], [1380])


def test_it_finds_the_newsvendor_level_and_the_base_stock() -> None:
    terms = ("holding_cost", "stockout_cost", "demand_mean", "demand_sd")
    hold, short, mean, deviation = given("newsvendor_normal", *terms)
    lead = [case["given"].get("lead_time", 0) for case in ANSWERS["newsvendor_normal"]]
    level, cost = newsvendor_normal(hold, short, mean, deviation, lead)
    close([level, cost], answers("newsvendor_normal", "level", "cost"))
    row = named("newsvendor_normal", "example_4_3")
    close([level[row], cost[row]], [56.603956, 1.997605])
    row = named("newsvendor_normal", "example_4_4")
    close([level[row], cost[row]], [264.766894, 4.466781])


def test_it_finds_the_newsvendor_level_of_poisson_demand() -> None:
    level, cost = newsvendor_poisson(
        *given("newsvendor_poisson", "holding_cost", "stockout_cost", "demand_mean")
    )
    close([level, cost], answers("newsvendor_poisson", "level", "cost"))
    row = named("newsvendor_poisson", "problem_4_8a")
    close([level[row], cost[row]], [19, 786.0884])


def test_it_finds_the_newsvendor_level_of_any_whole_demand() -> None:
    law = padded([case["given"]["demand_pmf"] for case in ANSWERS["newsvendor_discrete"]], 0.0)
    hold, short = given("newsvendor_discrete", "holding_cost", "stockout_cost")
    found = newsvendor_discrete(hold, short, law)
    close(found, answers("newsvendor_discrete", "level", "cost"))


def test_it_finds_the_newsvendor_level_from_a_quantile_function() -> None:
    for case in ANSWERS["newsvendor_continuous"]:
        terms = case["given"]
        law = getattr(stats, terms["law"])(terms["shape"], scale=terms["scale"])
        level, cost = newsvendor_continuous(terms["holding_cost"], terms["stockout_cost"], law.ppf)
        close([level[0], cost[0]], [case["answer"]["level"], case["answer"]["cost"]])


def test_it_finds_the_reorder_point_and_quantity() -> None:
    terms = ("fixed_cost", "holding_cost", "stockout_cost", "demand_mean", "lead_time")
    r, quantity, cost = reorder_quantity_poisson(*given("reorder_quantity", *terms))
    close([r, quantity, cost], answers("reorder_quantity", "r", "quantity", "cost"))
    row = named("reorder_quantity", "example_5_8")
    assert (r[row], quantity[row]) == (3, 5)
    close(cost[row], 107.923581)


def test_it_finds_the_best_min_and_max_of_poisson_demand() -> None:
    terms = ("fixed_cost", "holding_cost", "stockout_cost", "demand_mean")
    s, up_to, cost = min_max_poisson(*given("min_max_poisson", *terms))
    close([s, up_to, cost], answers("min_max_poisson", "s", "up_to", "cost"))
    for name, levels, best in (
        ("example_4_7", (4, 10), 8.034112),
        ("problem_4_31", (2, 7), 223.57483),
    ):
        row = named("min_max_poisson", name)
        assert (s[row], up_to[row]) == levels
        close(cost[row], best)


def test_it_finds_the_best_min_and_max_of_any_whole_demand() -> None:
    law = padded([case["given"]["demand_pmf"] for case in ANSWERS["min_max_discrete"]], 0.0)
    fixed, hold, short = given("min_max_discrete", "fixed_cost", "holding_cost", "stockout_cost")
    s, up_to, cost = min_max(fixed, hold, short, law)
    wanted = answers("min_max_discrete", "s", "up_to", "cost")
    close(cost, wanted[2])
    # Where two pairs cost the same, either is the best.
    theirs = min_max_cost(fixed, hold, short, law, reorder_point=wanted[0], order_up_to=wanted[1])
    close(theirs, cost)
    assert np.mean((s == wanted[0]) & (up_to == wanted[1])) > 0.9


def serial(terms: dict[str, Any]) -> SerialStock:
    parts = (terms["echelon_holding_cost"], terms["lead_time"], terms["stockout_cost"], terms["demand_mean"])
    if "demand_standard_deviation" not in terms:
        return serial_poisson(*parts)
    grid = {"points": terms["x_num"], "cells": terms["d_num"]}
    return serial_normal(*parts, terms["demand_standard_deviation"], **grid)


def test_it_stocks_stages_in_a_row_on_the_same_grid() -> None:
    for case in ANSWERS["serial"]:
        found = serial(case["given"])
        close(found.cost, case["answer"]["cost"])
        close(found.echelon, case["answer"]["levels"])
    found = serial_normal([2, 2, 3], [2, 1, 1], 37.12, 5, 1)
    close([*found.echelon, found.cost], [22.72, 12.028, 6.484, 47.66539])


def test_it_places_safety_stock_in_a_tree() -> None:
    for case in ANSWERS["guaranteed"]:
        terms = case["given"]
        found = guaranteed_service(
            terms["arcs"],
            *[terms[name] for name in ("processing_time", "holding_cost", "deviation", "factor")],
            supplied_within=terms["supplied_within"],
            promised_within=terms["promised_within"],
        )
        close(found.cost, case["answer"]["cost"])
    costs = answers("guaranteed", "cost")[0]
    close(costs[named("guaranteed", "example_6_5")], 8.277917)
    close(costs[named("guaranteed", "figure_6_14")], 18.824004)
