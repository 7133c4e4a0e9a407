"""The engine from files: ``python -m forecasting.core forecast PANEL --freq W --as-of 2024-01-01 ...``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from forecasting.core.commands import COMMANDS
from forecasting.core.commands.files import CommandError, Parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for a malformed file or argument."""
    parser = Parser(
        prog="python -m forecasting.core",
        description="The forecasting engine from files. docs/forecast-files.md describes them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for command in COMMANDS.values():
        command.add(commands)
    options = parser.parse_args(arguments)
    from forecasting.core.panel import PanelError

    try:
        COMMANDS[options.command].run(options)
    except (CommandError, PanelError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
