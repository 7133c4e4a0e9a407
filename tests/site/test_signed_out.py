"""Who is signed out is sent to log in, and comes back to a page, never to where a form was sent."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.test import Client


def way(**headers: str) -> tuple[str, dict[str, list[str]]]:
    answer = Client().post("/orders/7/submit/", {"comment": "x"}, headers=headers)
    assert answer.status_code == 302
    parts = urlsplit(answer["Location"])
    return parts.path, parse_qs(parts.query)


def test_a_form_leads_back_to_its_page(db: None) -> None:
    came_from = "http://testserver/orders/7/?queue"
    assert way(referer=came_from) == ("/accounts/login/", {"next": ["/orders/7/?queue"], "typed": ["1"]})
    page = Client().get("/accounts/login/?next=/orders/7/&typed=1").content.decode()
    assert "You are signed out." in page
    assert "You are signed out." not in Client().get("/accounts/login/").content.decode()


def test_a_form_from_elsewhere_leads_nowhere_else(db: None) -> None:
    plain = {"next": ["/orders/7/submit/"]}
    assert way(referer="https://evil.example/orders/7/") == ("/accounts/login/", plain)
    assert way() == ("/accounts/login/", plain)
    # htmx tells its own script.
    assert way(referer="http://testserver/orders/7/", **{"hx-request": "true"})[1] == plain
