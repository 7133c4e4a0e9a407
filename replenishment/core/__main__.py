"""``python -m replenishment.core plan`` and ``replay``: orders from files, and policies over past demand.

``compile`` compiles ahead what they and the app would otherwise compile at their first use.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

_DESCRIPTION = "Plan and replay from files. docs/plan-files.md and docs/replay.md describe them."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2024-05-31") from problem


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from problem
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money, 0 or more")
    return value


def _file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .parquet or .csv")
    return path


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _policies(text: str) -> list[str]:
    from replenishment.core.replay import POLICIES

    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in POLICIES:
            raise argparse.ArgumentTypeError(f"no policy {name!r}; there are {', '.join(POLICIES)}")
    if not names:
        raise argparse.ArgumentTypeError("name at least one policy")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m replenishment.core", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    _add_plan(commands)
    _add_replay(commands)
    commands.add_parser("compile", help="compile ahead, once after an installation")
    return parser


def _add_plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    plan = commands.add_parser("plan", help="what to order at the close of the as-of date")
    plan.add_argument(
        "items", type=_file, metavar="ITEMS", help="one row per item: stock, costs, terms, target"
    )
    plan.add_argument(
        "--demand", type=_file, required=True, metavar="OUT", help="demand distribution per item"
    )
    plan.add_argument(
        "--freq", choices=("D", "W", "M"), required=True, help="period of OUT: day, week, month"
    )
    plan.add_argument(
        "--as-of", type=_date, required=True, metavar="DATE", help="orders are placed at its close"
    )
    plan.add_argument("--out", type=_file, required=True, metavar="PLAN", help="where the plan goes")
    plan.add_argument("--budget", type=_money, metavar="MONEY", help="spend no more than this on all orders")
    plan.add_argument(
        "--seed", type=int, default=0, metavar="0", help="for policies that draw (none does yet)"
    )


def _add_replay(commands: argparse._SubParsersAction[_Parser]) -> None:
    replay = commands.add_parser("replay", help="what policies would have ordered, held and lost")
    replay.add_argument("panel", type=_file, metavar="PANEL", help="demand: unique_id, ds, y")
    replay.add_argument("items", type=_file, metavar="ITEMS", help="as for plan; on_hand is opening stock")
    replay.add_argument(
        "--demand", type=Path, required=True, metavar="FOLDER", help="OUT files named by their as-of date"
    )
    replay.add_argument("--freq", choices=("D", "W", "M"), required=True, help="period of PANEL and OUT")
    replay.add_argument("--from", type=_date, required=True, dest="begin", metavar="DATE", help="first label")
    replay.add_argument("--to", type=_date, required=True, dest="end", metavar="DATE", help="last label")
    replay.add_argument("--out", type=_file, required=True, metavar="REPLAY", help="where the table goes")
    replay.add_argument(
        "--policy", type=_policies, default=["engine"], metavar="NAME,NAME", help="default: engine"
    )
    replay.add_argument("--seed", type=_seed, default=0, metavar="0", help="of the lead times that are drawn")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 where it worked, 2 with one line on standard error where an input is malformed."""
    options = _parser().parse_args(arguments)

    from replenishment.core.items import ItemsError

    runs = {"plan": _run_plan, "replay": _run_replay, "compile": _run_compile}
    try:
        runs[options.command](options)
    except ItemsError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def _run_plan(options: argparse.Namespace) -> None:
    from replenishment.core.files import demand_read, frame_write, items_read
    from replenishment.core.policy import plan

    items = items_read(options.items)
    demand = demand_read(options.demand, freq=options.freq, as_of=options.as_of)
    made = plan(items, demand, budget=options.budget, seed=options.seed)
    frame_write(made.to_frame(), options.out)


def _run_replay(options: argparse.Namespace) -> None:
    from replenishment.core.files import frame_write, items_read
    from replenishment.core.items import ItemsError
    from replenishment.core.replay import FORECAST_POLICIES, replay
    from replenishment.core.replay_files import demand_files, demands_read, history_read

    if options.begin > options.end:
        raise ItemsError(f"--from {options.begin} is after --to {options.end}")
    items = items_read(options.items)
    history = history_read(options.panel, freq=options.freq, begin=options.begin, end=options.end)
    reads = any(name in FORECAST_POLICIES for name in options.policy)
    files = demand_files(options.demand, history) if reads else []
    demands = demands_read(files, options.freq)
    made = replay(items, history, demands, policies=options.policy, seed=options.seed)
    frame_write(made.to_frame(), options.out)


def _run_compile(_options: argparse.Namespace) -> None:
    from replenishment.core.warm_up import warm_up

    print(f"compiled: {warm_up()} items of every kind were planned")


if __name__ == "__main__":
    sys.exit(main())
