"""The site's icon, where browsers ask for it unasked."""

from __future__ import annotations

from django.test import Client


def test_it_sends_whoever_asks_for_the_usual_icon_to_the_drawn_one(client: Client) -> None:
    response = client.get("/favicon.ico")

    assert response.status_code == 302
    assert response["Location"].endswith(".svg")
