"""Requests as the HTTP API passes them on."""

from collections.abc import Mapping
from typing import Any

from durable_ingest.testing import http_event

CALLER = {"sub": "user-7", "tenant_id": "acme"}
"""What the authorizer has verified."""

ADA: dict[str, object] = {"version": 1, "email": "ada@example.com", "name": "Ada Lovelace"}


def put(
    customer_id: str = "c-1",
    *,
    body: str | Mapping[str, object] | None = None,
    claims: Mapping[str, str] | None = CALLER,
    headers: Mapping[str, str] | None = None,
    **changes: object,
) -> dict[str, Any]:
    """Make a PUT of Ada, with some fields changed, or of another body.

    Without claims it comes by a route that has no authorizer.
    """
    return http_event(
        ADA | changes if body is None else body,
        method="PUT",
        path=f"/customers/{customer_id}",
        path_parameters={"customer_id": customer_id},
        claims=claims,
        headers=headers,
    )
