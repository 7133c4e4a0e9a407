"""Commands of the replenishment app."""
