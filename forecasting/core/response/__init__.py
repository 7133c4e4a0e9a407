"""How demand answers to price and promotion, estimated per series. `docs/price-response.md` explains it.

`estimate` makes it in a forecast run; `series` is what is stored and used, and light to import.
"""
