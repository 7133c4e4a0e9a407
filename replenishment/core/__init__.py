"""Replenishment numerics: from demand distributions and supply terms to orders and their arithmetic.

Pure: no Django, no clock, no settings, no database.
"""
