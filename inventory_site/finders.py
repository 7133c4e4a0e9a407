"""Static files that come in other packages' wheels."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

PREFIX = "bokeh"
FILES = ("bokeh.min.js",)


class BokehFinder(BaseFinder):
    """BokehJS out of Bokeh's wheel as `bokeh/bokeh.min.js`: the one file that the charts need.

    The wheel is located, not imported: Bokeh is too heavy for the start of the web server.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spec = find_spec("bokeh")
        roots = list(spec.submodule_search_locations or []) if spec else []
        folder = Path(roots[0]) / "server" / "static" / "js" if roots else Path()
        self.storage = FileSystemStorage(location=folder)
        self.storage.prefix = PREFIX  # type: ignore[attr-defined]  # as Django's own finders mark theirs

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file's full path; a list of one where all are asked for, an empty list where it is not ours."""
        prefix, _, name = path.replace("\\", "/").partition("/")
        if prefix != PREFIX or name not in FILES:
            return []
        found = self.storage.path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        """The files as (name, storage)."""
        return [(name, self.storage) for name in FILES]
