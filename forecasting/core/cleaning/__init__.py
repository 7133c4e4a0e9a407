"""Demand behind the sales: stock-outs, spikes, launch and end of life. `docs/cleaning.md` explains it."""

from forecasting.core.cleaning.corrections import Corrections, pack, unpack
from forecasting.core.cleaning.demand import CleanDemand, Reason, clean

__all__ = ["CleanDemand", "Corrections", "Reason", "clean", "pack", "unpack"]
