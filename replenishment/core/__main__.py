"""``python -m replenishment.core plan``: order quantities from files, without Django."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m replenishment.core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
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
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 where it worked, 2 with one line on standard error where an input is malformed."""
    options = _parser().parse_args(arguments)

    from replenishment.core.files import demand_read, frame_write, items_read
    from replenishment.core.items import ItemsError
    from replenishment.core.policy import plan

    try:
        items = items_read(options.items)
        demand = demand_read(options.demand, freq=options.freq, as_of=options.as_of)
        made = plan(items, demand, budget=options.budget, seed=options.seed)
        frame_write(made.to_frame(), options.out)
    except ItemsError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
