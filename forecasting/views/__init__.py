"""The forecast pages: runs, their accuracy, overrides, explanations."""
