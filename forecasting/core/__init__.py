"""Forecasting as pure numerics: frames and arrays in, frozen dataclasses out.

Nothing here knows Django, a database, settings or the clock. Heavy libraries (LightGBM, scikit-learn,
SciPy) are imported inside the functions that need them, so that importing this package is cheap.
"""
