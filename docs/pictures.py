"""Take the README's picture from the running demo (`make demo` in another terminal).

    python docs/pictures.py [--url http://127.0.0.1:8000] [--chromium /usr/bin/chromium]

Needs requirements-dev.txt and Chromium.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    """Log in as the demo's buyer and save docs/pictures/workbench.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--log-ins", type=Path, default=ROOT / "var" / "demo" / "log-ins.json")
    arguments = parser.parse_args()
    password = json.loads(arguments.log_ins.read_text())["buyer"]
    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en").new_page()
        page.goto(f"{arguments.url}/accounts/login/")
        page.fill("input[name=username]", "buyer")
        page.fill("input[name=password]", password)
        page.click("main button[type=submit]")
        page.goto(f"{arguments.url}/workbench/")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / "workbench.png")
        browser.close()


if __name__ == "__main__":
    main()
