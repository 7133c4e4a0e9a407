"""What the OpenAPI description says of every operation."""

from __future__ import annotations

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Name of a query parameter."},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}
KEY_HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body is done once; the stored answer is given again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
WRITES = {"post", "put", "patch", "delete"}


def problems_describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the problem answer to every operation, and the idempotency key to every write but log-in."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    answer = {"description": "A problem.", "content": {"application/problem+json": reference}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            operation["responses"].setdefault("default", answer)
            if method in WRITES and not path.endswith("/tokens/"):
                operation.setdefault("parameters", []).append(KEY_HEADER)
    return result
