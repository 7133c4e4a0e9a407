"""Take the documents' pictures, in both languages, from the running demo (`make demo` in another terminal).

    python docs/pictures.py [--url http://127.0.0.1:8000] [--chromium /usr/bin/chromium] [NAME ...]

Writes docs/pictures/en/NAME.png and docs/pictures/zh/NAME.png; it looks and opens, and changes nothing in
the demo. Needs requirements-dev.txt and Chromium.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LANGUAGES = {"en": "en", "zh": "zh-hans"}
SIZE = ViewportSize(width=1280, height=800)
COLOURS = 128

Show = Callable[[Page], None]


def look(_page: Page) -> None:
    """The page as it opens."""


def explained(page: Page) -> None:
    """The drawer of the first line."""
    page.locator("[data-explain]").first.click()
    page.locator("#drawer .bridge__total").first.wait_for()


def many(page: Page) -> None:
    """Three lines ticked, ten percent more asked for, and what that would change."""
    for box in page.locator("input[data-select]").all()[:3]:
        box.check()
    page.locator("[popovertarget=bulk]").first.click()
    page.locator("#bulk [name=percent]").fill("10")
    page.locator("#bulk button[type=submit]").first.click()
    page.locator("#bulk-answer > *").first.wait_for()


def story(page: Page) -> None:
    """The page of the first line's SKU, its chart drawn."""
    page.locator("table.suggestions tbody th a").first.click()
    page.locator("[data-chart][aria-busy=false] .bk-Figure").first.wait_for()


def approval(page: Page) -> None:
    """The first order that waits."""
    page.locator("a[href$='?queue']").first.click()
    page.wait_for_load_state("networkidle")


# Name: who looks, where, and what is opened there.
PICTURES: dict[str, tuple[str, str, Show]] = {
    "today": ("buyer", "/", look),
    "workbench": ("buyer", "/workbench/", look),
    "drawer": ("buyer", "/workbench/", explained),
    "many": ("buyer", "/workbench/", many),
    "approval": ("admin", "/orders/approval/", approval),
    "exceptions": ("buyer", "/exceptions/", look),
    "sku": ("buyer", "/workbench/", story),
    "trends": ("buyer", "/trends/", look),
    "what-if": ("buyer", "/what-if/", look),
}


def main() -> None:
    """Log in as those who look, and save what they see."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], help="which pictures (all)")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--log-ins", type=Path, default=ROOT / "var" / "demo" / "log-ins.json")
    arguments = parser.parse_args()
    passwords = json.loads(arguments.log_ins.read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=FLAGS)
        for short, language in LANGUAGES.items():
            folder = ROOT / "docs" / "pictures" / short
            folder.mkdir(parents=True, exist_ok=True)
            pages: dict[str, Page] = {}
            for name in arguments.names or PICTURES:
                user, address, show = PICTURES[name]
                if user not in pages:
                    pages[user] = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()
                    log_in(pages[user], arguments.url, user, passwords[user], language)
                page = pages[user]
                page.goto(arguments.url + address)
                page.wait_for_load_state("networkidle")
                show(page)
                page.wait_for_load_state("networkidle")
                save(page.screenshot(animations="disabled", caret="hide"), folder / f"{name}.png")
        browser.close()


def log_in(page: Page, url: str, user: str, password: str, language: str) -> None:
    """Log in, reading this language."""
    page.goto(f"{url}/accounts/login/")
    page.locator("summary").first.click()
    page.locator(f"button[value={language}]").click()
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")


def save(shot: bytes, path: Path) -> None:
    """A PNG with a palette: a third of the size, and no difference to see."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
