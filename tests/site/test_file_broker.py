"""The broker of files: no reader sees half a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

import inventory_site.celery  # noqa: F401  (names the transport)


def test_a_message_is_taken_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "messages"),
        "data_folder_out": str(tmp_path / "messages"),
        "control_folder": str(tmp_path / "control"),
    }
    looked: list[bool] = []
    with Connection("filesystem://", transport_options=options) as broker:
        queue = broker.SimpleQueue("jobs")
        replace = Path.replace

        def look_then_replace(self: Path, target: Any) -> Any:
            with pytest.raises(queue.Empty):
                queue.get_nowait()
            looked.append(True)
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", look_then_replace)
        queue.put({"id": 7})
        assert looked == [True]
        assert queue.get_nowait().payload == {"id": 7}
        assert not list((tmp_path / "messages").iterdir())
        queue.close()
