"""How answers are written that are no JSON."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import BaseRenderer


class FileRenderer(BaseRenderer):
    """For actions that answer with a file as it is, whatever types a caller says that it takes."""

    media_type = "*/*"
    format = "file"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """Nothing: a file is its own answer, and a problem is JSON always."""
        return b""
