"""Demand as distributions: models, backtests, runs."""
