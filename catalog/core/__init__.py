"""What catalog computes without Django, settings or a database."""
