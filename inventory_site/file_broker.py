"""The broker of files, without its race: a message appears in the queue's folder when all of it is written.

Kombu's own transport opens the message under its final name and then writes: a worker that looks in between
takes an empty message and dies of it, and the job is not heard of again until `jobs_take_up` finds it.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Puts messages by writing, then renaming."""

    def _put(  # type: ignore[override]  # (Its two bases disagree.)
        self, queue: str, payload: Any, **kwargs: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        # Messages are taken in the order of their names; what ends in .part is no message.
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        partial = folder / f"{name}.part"
        try:
            partial.write_text(dumps(payload))
            partial.replace(folder / name)
        except OSError as error:
            raise ChannelError(f"Cannot add file {name!r} to {folder}") from error


class Transport(filesystem.Transport):
    """Kombu's transport with that channel."""

    Channel = Channel
    global_state = filesystem.Transport.global_state
