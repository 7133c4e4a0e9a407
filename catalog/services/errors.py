"""What services raise when they refuse."""


class CatalogError(Exception):
    """A refusal, with a message for people (already translated)."""
