"""The commands of ``python -m forecasting.core``, one module each.

A module has two functions: ``add(commands)`` adds the arguments, ``run(options)`` does the work. The latter
raises PanelError for a malformed file and CommandError for an argument of no use, each one clear line, before
it writes anything. Heavy imports are inside it, so that ``--help`` is quick.
"""

from forecasting.core.commands import forecast

# By name, in the order in which the help lists them.
COMMANDS = {"forecast": forecast}
