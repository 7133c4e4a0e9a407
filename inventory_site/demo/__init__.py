"""`make demo`: a shop's public sales, loaded, forecast, planned and served on this machine."""
