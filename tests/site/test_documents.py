"""The documents say what the code has."""

from __future__ import annotations

import re

import pytest

from inventory_site.environment import Environment
from tests.conftest import ROOT


def test_it_documents_every_setting() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Environment.model_fields.items():
        variable = str(field.validation_alias or f"FORESTOCK_{name.upper()}")
        assert f"`{variable}`" in page, f"docs/settings.md does not name {variable}"
        assert str(field.description) in page, f"docs/settings.md says something else of {variable}"


def test_it_gives_the_reason_of_every_direct_dependency() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = {line.split(";")[0].strip() for line in lines if line and line[0] not in "#-"}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    listed = set(re.findall(r"^\| ([\w\-\[\]]+) \| \S", page, re.M))
    assert wanted == listed - {"package"}


def test_it_locks_every_direct_dependency() -> None:
    locked = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    # (requirements-deep.txt takes the torch that suits the machine.)
    for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and line[0] not in "#-":
                package = re.split(r"[\[ ;]", line)[0].lower()
                assert package in locked, f"{name}: {line} is not in constraints.txt"


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_it_links_only_to_pages_that_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / "docs" / target).exists(), f"docs/{page} links to {target}"
