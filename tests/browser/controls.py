"""The controls of a page, read from its HTML: forms and their fields, buttons, and what htmx acts on."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

_FIELDS = {"input", "select", "textarea"}
_HTMX = ("hx-get", "hx-post")
# Words of a button that say which script acts on it; the others only carry values.
_SCRIPTED = ("data-", "popovertarget")


def view_of(address: str) -> str:
    """The name of the view at an address, with the step where it is one of several (`order-act submit`).

    Raises `Resolver404` where nothing is.
    """
    match = resolve(urlsplit(address).path)
    step = match.kwargs.get("action") or match.kwargs.get("step")
    return f"{match.view_name} {step}" if step else match.view_name


class Controls(HTMLParser):
    """`found` has each control once, named by what it acts on; `dead` those that act on nothing.

    `VIEW` is a form or an element of htmx, `VIEW field` what it sends, `VIEW name=value` one of its buttons,
    `data-...` a button that a script acts on. `filters` has the fields of forms that ask for a page:
    address -> name -> (what it holds, something else that it can hold).
    """

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address = address
        self.found: set[str] = set()
        self.dead: set[str] = set()
        self.filters: dict[str, dict[str, tuple[str, str]]] = {}
        self._form: str | None = None
        self._asks: dict[str, tuple[str, str]] | None = None
        self._select = ""
        self._forms: dict[str, str] = {}
        self._outside: list[tuple[str, str]] = []
        self.feed(text)
        for form, field in self._outside:
            self.found.add(f"{self._forms.get(form, '?')} {field}")

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in pairs}
        for name in _HTMX:
            if name in values and tag != "form":
                self._acts(values[name] or self.address)
        if tag == "form":
            self._form = self._acts(
                values.get("action") or values.get("hx-post") or values.get("hx-get") or self.address
            )
            self._forms[values.get("id", "")] = self._form
            if values.get("method", "get").lower() == "get" and "hx-post" not in values:
                where = urlsplit(values.get("action") or self.address).path
                self._asks = self.filters.setdefault(where, {})
        elif tag in _FIELDS or tag == "button":
            self._control(tag, values)
            self._asked(tag, values)
        elif tag == "option" and self._select and self._asks is not None:
            holds, other = self._asks[self._select]
            value = values.get("value", "")
            self._asks[self._select] = (value if "selected" in values else holds, value or other)
        elif tag == "a" and values.get("href"):
            self._link(values["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = self._asks = None
        elif tag == "select":
            self._select = ""

    def _asked(self, tag: str, values: dict[str, str]) -> None:
        kind, name = values.get("type", "text"), values.get("name", "")
        if self._asks is None or not name or tag == "button" or kind in {"hidden", "radio", "submit"}:
            return
        if tag == "select":
            self._select = name
            self._asks[name] = ("", "")
        elif kind == "checkbox":
            # Of several boxes of a name the last.
            value = values.get("value", "on")
            self._asks[name] = (value if "checked" in values else "", value)
        else:
            other = {"number": "1", "date": "2024-03-01"}.get(kind, "1" if "inputmode" in values else "tea")
            self._asks[name] = (values.get("value", ""), other)

    def _acts(self, address: str) -> str:
        try:
            view = view_of(self.address if address.startswith("?") else address)
        except Resolver404:
            self.dead.add(address)
            return "?"
        self.found.add(view)
        return view

    def _control(self, tag: str, values: dict[str, str]) -> None:
        kind, name = values.get("type", ""), values.get("name", "")
        if kind == "hidden" or name == "csrfmiddlewaretoken":
            return
        if tag == "button" and kind == "button":
            scripts = sorted(key for key in values if key.startswith(_SCRIPTED))
            if any(key in values for key in _HTMX):
                return
            if scripts:
                self.found.update(scripts)
            else:
                self.dead.add(f"button {values}")
            return
        if "formaction" in values:
            self._acts(values["formaction"])
        if not name:
            scripts = sorted(key for key in values if key.startswith("data-"))
            self.found.update(scripts)
            if tag != "button" and not scripts:
                self.dead.add(f"{tag} {values}")
            return
        # Lines of an order are named by their numbers, columns of a file too.
        name = re.sub(r"\d+$", "N", name)
        if kind in {"submit", "radio"}:
            name = f"{name}={values.get('value', 'on')}"
        if "form" in values:
            self._outside.append((values["form"], name))
        elif self._form is not None:
            self.found.add(f"{self._form} {name}")
        elif any(key in values for key in _HTMX):
            self.found.add(f"{view_of(next(values[key] for key in _HTMX if key in values))} {name}")
        else:
            self.dead.add(f"{tag} {name} in no form")

    def _link(self, href: str) -> None:
        parts = urlsplit(href)
        if parts.scheme or parts.netloc or href.startswith("#") or not parts.path:
            return
        if parts.path.startswith(("/static/", "/media/")):
            return
        try:
            resolve(parts.path)
        except Resolver404:
            self.dead.add(f"link {href}")
