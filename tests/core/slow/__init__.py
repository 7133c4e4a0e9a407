"""The arithmetic of plans in numpy, all items at a time: what the compiled one is held against."""
