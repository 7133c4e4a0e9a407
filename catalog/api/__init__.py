"""The catalog in the API."""
