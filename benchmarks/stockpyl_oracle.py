"""What stockpyl 1.0.2 answers to the textbook's instances and to random ones, stored for the tests to read.

stockpyl brings much and its serial systems need numpy below 2, so that it has an environment of its own:

    python3 -m venv ../oracle && ../oracle/bin/pip install stockpyl==1.0.2 'numpy<2'
    ../oracle/bin/python -m benchmarks.stockpyl_oracle [--out tests/core/stockpyl_answers.json]

One JSON object: for each model a list of instances, ``{"name", "given", "answer"}``; a name that starts with
``random`` is drawn (seed 0), any other is stockpyl's own name of the book's example or problem. Takes about
a minute, most of it for (s,S).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stockpyl_networks import Case, drawn, guaranteed, serial

RANDOM = 40  # instances of each model; less where an instance takes seconds


def eoq(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.eoq import economic_order_quantity as solve

    own = [(name, load(name)) for name in ("example_3_1", "problem_3_1")]
    for index in range(RANDOM):
        terms = {"fixed_cost": (1, 1e3), "holding_cost": (0.01, 100), "demand_rate": (1, 1e5)}
        own.append((f"random {index}", {name: drawn(rng, *span) for name, span in terms.items()}))
    for name, given in own:
        quantity, cost = solve(**given)
        yield {"name": name, "given": given, "answer": {"quantity": quantity, "cost": cost}}


def eoq_with_backorders(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.eoq import economic_order_quantity_with_backorders as solve

    own = [(name, load(name)) for name in ("example_3_8", "problem_3_2b")]
    for index in range(RANDOM):
        terms = {"fixed_cost": (1, 1e3), "holding_cost": (0.01, 100), "demand_rate": (1, 1e5)}
        given = {name: drawn(rng, *span) for name, span in terms.items()}
        given["stockout_cost"] = drawn(rng, 0.01, 1000)
        own.append((f"random {index}", given))
    for name, given in own:
        quantity, share, cost = solve(**given)
        yield {"name": name, "given": given, "answer": {"quantity": quantity, "share": share, "cost": cost}}


def price_breaks(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.eoq import economic_order_quantity_with_all_units_discounts as all_units
    from stockpyl.eoq import economic_order_quantity_with_incremental_discounts as incremental

    own = [(name, load(name)) for name in ("example_3_5", "problem_3_12")]
    for index in range(RANDOM):
        count = int(rng.integers(1, 6))
        cost = drawn(rng, 0.5, 500)
        given: dict[str, Any] = {
            "fixed_cost": drawn(rng, 1, 1000),
            "holding_cost_rate": drawn(rng, 0.05, 1),
            "demand_rate": drawn(rng, 10, 1e5),
        }
        size = float(
            np.sqrt(2 * given["fixed_cost"] * given["demand_rate"] / given["holding_cost_rate"] / cost)
        )
        starts = np.cumsum(rng.uniform(0.2, 1.2, count)) * size
        given["breakpoints"] = [0, *[float(f"{start:.6g}") for start in starts[:-1]]]
        given["unit_costs"] = [float(f"{c:.6g}") for c in cost * np.cumprod(rng.uniform(0.9, 0.999, count))]
        own.append((f"random {index}", given))
    for name, given in own:
        found = {"all_units": all_units(**given), "incremental": incremental(**given)}
        answer = {kind: {"quantity": q, "region": int(j), "cost": g} for kind, (q, j, g) in found.items()}
        yield {"name": name, "given": given, "answer": answer}


def joint(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.eoq import joint_replenishment_problem_silver_heuristic as solve

    names = ("scmo_jrp_ex", "spp_jrp", "silver_jrp", "scmo_jrp_hw_1", "scmo_jrp_hw_2", "scmo_jrp_hw_3")
    own = [(name, load(name)) for name in names]
    for index in range(RANDOM):
        count = int(rng.integers(1, 9))
        given = {
            "shared_fixed_cost": drawn(rng, 1, 500),
            "individual_fixed_costs": [drawn(rng, 0.5, 500) for _ in range(count)],
            "holding_costs": [drawn(rng, 0.1, 50) for _ in range(count)],
            "demand_rates": [drawn(rng, 1, 5000) for _ in range(count)],
        }
        own.append((f"random {index}", given))
    for name, given in own:
        quantity, cycle, multiple, cost = solve(**given)
        answer = {"quantity": quantity, "cycle": cycle, "multiple": multiple, "cost": cost}
        yield {"name": name, "given": given, "answer": answer}


def wagner_whitin(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.wagner_whitin import wagner_whitin as solve

    names = ("example_3_9", "problem_3_27", "problem_3_29", "scmo_ww_hw_c")
    own = [(name, load(name)) for name in names]
    for index in range(RANDOM):
        periods = int(rng.integers(1, 13))
        needs = rng.poisson(rng.choice([3, 40, 200]), periods) * (rng.random(periods) < 0.7)
        given: dict[str, Any] = {
            "num_periods": periods,
            "holding_cost": drawn(rng, 0.05, 5),
            "fixed_cost": drawn(rng, 5, 500),
            "demand": [int(need) for need in needs],
        }
        if index % 2:
            given["fixed_cost"] = [drawn(rng, 5, 500) for _ in range(periods)]
            given["purchase_cost"] = [drawn(rng, 1, 4) for _ in range(periods)]
        own.append((f"random {index}", given))
    for name, given in own:
        orders, cost, _, _ = solve(**given)
        yield {"name": name, "given": given, "answer": {"orders": orders[1:], "cost": cost}}


def newsvendor_normal(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.newsvendor import newsvendor_normal as solve

    own = [(name, load(name)) for name in ("example_4_3", "problem_4_1", "example_4_4")]
    for index in range(RANDOM):
        mean = drawn(rng, 5, 5000)
        given = {
            "holding_cost": drawn(rng, 0.01, 50),
            "stockout_cost": drawn(rng, 0.05, 500),
            "demand_mean": mean,
            "demand_sd": float(f"{mean * rng.uniform(0.05, 0.6):.6g}"),
            "lead_time": int(rng.integers(0, 9)),
        }
        own.append((f"random {index}", given))
    for name, given in own:
        level, cost = solve(**given)
        yield {"name": name, "given": given, "answer": {"level": level, "cost": cost}}


def newsvendor_poisson(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.newsvendor import newsvendor_poisson as solve

    own = [("problem_4_8a", load("problem_4_8a"))]
    for index in range(RANDOM):
        terms = {"holding_cost": (0.01, 50), "stockout_cost": (0.05, 500), "demand_mean": (0.05, 500)}
        own.append((f"random {index}", {name: drawn(rng, *span) for name, span in terms.items()}))
    for name, given in own:
        level, cost = solve(**given)
        yield {"name": name, "given": given, "answer": {"level": level, "cost": cost}}


def law(rng: Any) -> list[float]:
    """Chances of 0, 1, ... units: lumps among them."""
    chances = rng.dirichlet(np.full(int(rng.integers(3, 14)), 0.5))
    chances = np.round(chances, 6)
    chances[int(np.argmax(chances))] += 1 - chances.sum()
    return [float(round(chance, 6)) for chance in chances]


def newsvendor_discrete(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.newsvendor import newsvendor_discrete as solve

    book = load("problem_4_7b")
    pmf = {int(units): chance for units, chance in book["demand_pmf"].items()}
    book["demand_pmf"] = [pmf.get(units, 0.0) for units in range(max(pmf) + 1)]
    own = [("problem_4_7b", book)]
    for index in range(RANDOM):
        given: dict[str, Any] = {"holding_cost": drawn(rng, 0.1, 50), "stockout_cost": drawn(rng, 0.5, 500)}
        given["demand_pmf"] = law(rng)
        own.append((f"random {index}", given))
    for name, given in own:
        level, cost = solve(**{**given, "demand_pmf": dict(enumerate(given["demand_pmf"]))})
        yield {"name": name, "given": given, "answer": {"level": level, "cost": cost}}


def newsvendor_continuous(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from scipy import stats
    from stockpyl.newsvendor import newsvendor_continuous as solve

    book = load("problem_4_8b")
    own: list[tuple[str, dict[str, Any]]] = [
        (
            "problem_4_8b",
            {
                "holding_cost": book["holding_cost"],
                "stockout_cost": book["stockout_cost"],
                "law": "lognorm",
                "shape": book["sigma"],
                "scale": float(np.exp(book["mu"])),
            },
        )
    ]
    for index in range(12):
        given: dict[str, Any] = {"holding_cost": drawn(rng, 0.1, 5), "stockout_cost": drawn(rng, 0.5, 50)}
        given |= {"law": "gamma", "shape": drawn(rng, 0.5, 8), "scale": drawn(rng, 1, 50)}
        own.append((f"random {index}", given))
    for name, given in own:
        demand = getattr(stats, given["law"])(given["shape"], scale=given["scale"])
        level, cost = solve(given["holding_cost"], given["stockout_cost"], demand)
        yield {"name": name, "given": given, "answer": {"level": level, "cost": cost}}


def reorder_quantity(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.rq import r_q_poisson_exact as solve

    own = [(name, load(name)) for name in ("example_5_8", "problem_5_2")]
    for index in range(RANDOM):
        given = {
            "holding_cost": drawn(rng, 0.5, 50),
            "stockout_cost": drawn(rng, 1, 300),
            "fixed_cost": drawn(rng, 1, 300),
            "demand_mean": drawn(rng, 0.1, 12),
            "lead_time": drawn(rng, 0.2, 5),
        }
        own.append((f"random {index}", given))
    for name, given in own:
        r, quantity, cost = solve(**given)
        yield {"name": name, "given": given, "answer": {"r": r, "quantity": quantity, "cost": cost}}


def min_max_poisson(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.ss import s_s_discrete_exact as solve

    own = [(name, load(name)) for name in ("example_4_7", "problem_4_31")]
    for index in range(RANDOM):
        given = {
            "holding_cost": drawn(rng, 0.5, 10),
            "stockout_cost": drawn(rng, 1, 100),
            "fixed_cost": drawn(rng, 1, 100),
            "demand_mean": drawn(rng, 0.1, 12),
        }
        own.append((f"random {index}", given))
    for name, given in own:
        s, up_to, cost = solve(**given, use_poisson=True)
        yield {"name": name, "given": given, "answer": {"s": s, "up_to": up_to, "cost": cost}}


def min_max_discrete(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.ss import s_s_discrete_exact as solve

    for index in range(RANDOM):
        given: dict[str, Any] = {
            "holding_cost": drawn(rng, 0.5, 10),
            "stockout_cost": drawn(rng, 1, 100),
            "fixed_cost": drawn(rng, 1, 60),
            "demand_pmf": law(rng),
        }
        # stockpyl leaves the last chance out of a policy's cost, and reads chances as far as S - s.
        padded = given["demand_pmf"] + [0.0] * 400
        terms = {name: given[name] for name in ("holding_cost", "stockout_cost", "fixed_cost")}
        s, up_to, cost = solve(**terms, use_poisson=False, demand_hi=len(padded) - 1, demand_pmf=padded)
        answer = {"s": s, "up_to": up_to, "cost": cost}
        yield {"name": f"random {index}", "given": given, "answer": answer}


MODELS = (
    eoq,
    eoq_with_backorders,
    price_breaks,
    joint,
    wagner_whitin,
    newsvendor_normal,
    newsvendor_poisson,
    newsvendor_discrete,
    newsvendor_continuous,
    reorder_quantity,
    min_max_poisson,
    min_max_discrete,
    serial,
    guaranteed,
)


def plain(value: Any) -> Any:
    """Numbers as JSON has them, with twelve digits."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, float | int | np.number):
        number = float(value)
        return int(number) if number == int(number) else float(f"{number:.12g}")
    return value


def main() -> None:
    """Ask stockpyl and write the answers."""
    from stockpyl.instances import load_instance

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/core/stockpyl_answers.json"))
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    lines = []
    for model in MODELS:
        cases = [plain(case) for case in model(load_instance, rng)]
        print(f"{model.__name__}: {len(cases)} instances", flush=True)
        body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        lines.append(f'"{model.__name__}": [\n{body}\n]')
    options.out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
