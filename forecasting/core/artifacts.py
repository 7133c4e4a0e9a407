"""Saving and loading what a run learned: versioned, signed, written whole or not at all.

File layout: one line of JSON (format, versions, signature), a newline, then the pickled artifact. The
signature is an HMAC-SHA256 over the header's other fields and the body; nothing is unpickled before it has
been checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

from forecasting.core.fingerprint import CODE_VERSION, library_versions
from forecasting.core.result import ForecastArtifact

FORMAT = "forestock-forecast-1"
_MOST_HEADER = 4096


class ArtifactError(ValueError):
    """An artifact that must not be used: damaged, not ours, or made by other versions. Train again
    instead.
    """


def artifact_save(artifact: ForecastArtifact, path: Path, *, key: bytes) -> None:
    """Write an artifact beside its place and rename it there, signed with ``key``."""
    body = pickle.dumps(artifact, protocol=5)
    head = _header()
    head["signature"] = _sign(head, body, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(head, sort_keys=True).encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def artifact_load(path: Path, *, key: bytes) -> ForecastArtifact:
    """Read an artifact back; ArtifactError where it is missing, damaged, wrongly signed or of other
    versions.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(_MOST_HEADER)
            body = file.read()
        head = json.loads(line)
        signature = str(head.pop("signature"))
    except OSError as error:
        raise ArtifactError(f"{path.name} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ArtifactError(f"{path.name} is no forecast artifact") from error
    if not hmac.compare_digest(signature, _sign(head, body, key)):
        raise ArtifactError(f"{path.name} has a wrong signature")
    for name, value in _header().items():
        if head.get(name) != value:
            raise ArtifactError(f"{path.name} was made with {name} {head.get(name)}, this is {value}")
    artifact = pickle.loads(body)  # noqa: S301 - its signature was checked above
    if not isinstance(artifact, ForecastArtifact):
        raise ArtifactError(f"{path.name} holds no forecast artifact")
    return artifact


def _header() -> dict[str, Any]:
    return {"format": FORMAT, "code": CODE_VERSION, "libraries": library_versions()}


def _sign(head: dict[str, Any], body: bytes, key: bytes) -> str:
    if not key:
        raise ValueError("an artifact needs a key to be signed with")
    text = json.dumps(head, sort_keys=True).encode()
    return hmac.new(key, text + b"\n" + hashlib.sha256(body).digest(), hashlib.sha256).hexdigest()
