"""Template tags and filters that all pages share."""
