"""What stockpyl answers to networks: serial systems, guaranteed service (`benchmarks.stockpyl_oracle`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Case = dict[str, Any]


def drawn(rng: Any, low: float, high: float) -> float:
    """A number between two, each size as likely as any other, with six digits."""
    return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.6g}")


def serial(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.demand_source import DemandSource
    from stockpyl.ssm_serial import optimize_base_stock_levels as solve

    own: list[tuple[str, dict[str, Any]]] = []
    for name in ("example_6_1", "problem_6_1"):
        network = load(name)
        stages = network.nodes
        order = [node.index for node in stages if not node.predecessor_indices()]
        while following := network.nodes_by_index[order[-1]].successor_indices():
            order.append(following[0])
        nodes = [network.nodes_by_index[index] for index in order]
        holding = [node.echelon_holding_cost for node in nodes]
        if any(cost is None for cost in holding):
            local = [0.0, *[node.local_holding_cost for node in nodes]]
            holding = list(np.diff(local))
        demand = nodes[-1].demand_source
        given = {
            "echelon_holding_cost": holding,
            "lead_time": [node.shipment_lead_time for node in nodes],
            "stockout_cost": nodes[-1].stockout_cost,
            "demand_mean": demand.mean,
            "demand_standard_deviation": demand.standard_deviation,
            "x_num": 1000,
            "d_num": 100,
        }
        own.append((name, given))
    for index in range(2 * 12):
        count = int(rng.integers(1, 5))
        given = {
            "echelon_holding_cost": [drawn(rng, 0.2, 5) for _ in range(count)],
            "lead_time": [int(rng.integers(1, 4)) for _ in range(count)],
            "stockout_cost": drawn(rng, 5, 100),
            "demand_mean": drawn(rng, 0.5, 8),
        }
        if index % 2:
            # 300 and 41: no demand lies halfway between two points, where rounding would be left to chance.
            deviation = float(f"{given['demand_mean'] * rng.uniform(0.1, 0.4):.6g}")
            given |= {"demand_standard_deviation": deviation, "x_num": 300, "d_num": 41}
        own.append((f"random {index}", given))
    for name, given in own:
        call = {"num_nodes": len(given["lead_time"]), **given}
        if "demand_standard_deviation" not in given:
            call["demand_source"] = DemandSource(type="P", mean=call.pop("demand_mean"))
        levels, cost = solve(**call)
        answer = {"levels": [levels[key] for key in sorted(levels, reverse=True)], "cost": cost}
        yield {"name": name, "given": given, "answer": answer}


def guaranteed(load: Callable[[str], Any], rng: Any) -> Iterator[Case]:
    from stockpyl.gsm_tree import optimize_committed_service_times as solve
    from stockpyl.gsm_tree import preprocess_tree
    from stockpyl.supply_chain_network import network_from_edges

    names = ("example_6_3", "example_6_5", "figure_6_14", "problem_6_7", "problem_6_8", "problem_6_9")
    own = [(name, load(name)) for name in names]
    for index in range(30):
        count = int(rng.integers(2, 11))
        edges = []
        for node in range(1, count):
            other = int(rng.integers(0, node))
            edges.append((other, node) if rng.random() < 0.6 else (node, other))
        sinks = set(range(count)) - {first for first, _ in edges}
        sources = set(range(count)) - {second for _, second in edges}
        pick = rng.integers
        own.append(
            (
                f"random {index}",
                network_from_edges(
                    edges,
                    node_order_in_lists=list(range(count)),
                    local_holding_cost=[drawn(rng, 0.1, 5) for _ in range(count)],
                    processing_time=[int(pick(0 if k not in sources else 1, 6)) for k in range(count)],
                    demand_bound_constant=[1.645] * count,
                    external_inbound_cst=[int(pick(0, 3)) if k in sources else None for k in range(count)],
                    external_outbound_cst=[int(pick(0, 3)) if k in sinks else None for k in range(count)],
                    demand_type=["N" if k in sinks else None for k in range(count)],
                    mean=[10 if k in sinks else None for k in range(count)],
                    standard_deviation=[drawn(rng, 0.5, 8) if k in sinks else None for k in range(count)],
                ),
            )
        )
    for name, network in own:
        promises, cost = solve(network)
        nodes = sorted(preprocess_tree(network).nodes, key=lambda node: node.index)
        place = {node.index: row for row, node in enumerate(nodes)}
        given = {
            "arcs": [[place[k.index], place[j]] for k in nodes for j in k.successor_indices()],
            "processing_time": [k.processing_time for k in nodes],
            "holding_cost": [k.local_holding_cost for k in nodes],
            "deviation": [k.demand_source.standard_deviation or 0.0 for k in nodes],
            "factor": [k.demand_bound_constant for k in nodes],
            "supplied_within": [k.external_inbound_cst for k in nodes],
            "promised_within": [min(k.external_outbound_cst, 10**6) for k in nodes],
        }
        answer = {"promise": [promises[k.index] for k in nodes], "cost": cost}
        yield {"name": name, "given": given, "answer": answer}
