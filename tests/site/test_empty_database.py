"""Every page on an empty database: it opens, and says what to do next to those who may do it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

pytestmark = pytest.mark.django_db

# Pages that only take a POST, that answer with a file or a fragment, or that are no page of the shop.
NOT_PAGES = {
    "catalog:files-upload",
    "forecasting:category-decide",
    "forecasting:override-create",
    "forecasting:override-preview",
    "forecasting:run-start",
    "forecasting:signal-run-start",
    "forecasting:signal-trial-start",
    "replenishment:plan-start",
    "replenishment:replay-start",
    "replenishment:transfer-drafts",
    "replenishment:view-save",
    "replenishment:workbench-drafts",
}
# Forms: nothing on them can be empty.
FORMS = {
    "catalog:import-upload",
    "catalog:picture-import",
    "replenishment:budget-add",
    "replenishment:rule-add",
}
# For those who approve.
APPROVERS = {"replenishment:order-approval"}
# It shows its own way out.
OWN_WAY = {"replenishment:workbench"}


def pages() -> Iterator[str]:
    """The names of all pages of the three apps whose address needs no number."""
    for resolver in get_resolver().url_patterns:
        if not isinstance(resolver, URLResolver) or resolver.namespace not in {
            "catalog",
            "forecasting",
            "replenishment",
        }:
            continue
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLPattern) and not pattern.pattern.converters:
                name = f"{resolver.namespace}:{pattern.name}"
                if name not in NOT_PAGES and "(?P" not in str(pattern.pattern):
                    yield name


PAGES = sorted(pages())


def next_steps(html: str) -> list[str]:
    """The addresses that the page's buttons lead to, and those of forms that do something."""
    main = html[html.index("<main") : html.index("</main>")]
    buttons = re.findall(r'<a class="button[^"]*" href="(/[^"#]*)"', main)
    return buttons + re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', main)


def test_it_knows_of_pages() -> None:
    assert {"replenishment:home", "replenishment:order-list", "forecasting:accuracy"} <= set(PAGES)
    assert len(PAGES) > 25


@pytest.mark.parametrize("name", PAGES)
def test_it_opens_on_an_empty_database_and_says_what_comes_next(
    client: Client, buyer: User, admin_user: User, viewer: User, name: str
) -> None:
    for user in (buyer, admin_user, viewer):
        client.force_login(user)
        answer = client.get(reverse(name))
        if answer.status_code == 405:  # no page: it takes posts alone
            continue
        if answer.status_code == 403 and user != admin_user:
            assert name in FORMS | APPROVERS, (name, user)
            continue
        assert answer.status_code == 200, (name, user)
        if name in FORMS | OWN_WAY:
            continue
        steps = next_steps(answer.content.decode())
        assert user == viewer or steps, (name, user)
