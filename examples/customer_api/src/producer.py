"""PUT /customers/{customer_id}: into the queue, answered at once."""

import json
import os
from collections.abc import Mapping
from typing import Any

from durable_ingest import Enqueuer
from durable_ingest.apigateway import endpoint

from contract import Change, Customer, customers

TENANT = "tenant_id"
"""The claim that says whose customers a caller may change."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one request. The gateway's authorizer has verified the token already."""
    claims = claims_of(event)
    if not claims:
        return problem(401, "Unauthorized", "The request carries no verified token.")
    if not claims.get(TENANT) or not claims.get("sub"):
        return problem(403, "Forbidden", f"The token lacks {TENANT} or sub.")
    return store(event, context)


def customer(event: Mapping[str, Any], body: object) -> Customer:
    """Make the row. Tenant and author come from the token: nobody can write another's rows."""
    claims = claims_of(event)
    return Customer(
        tenant_id=claims[TENANT],
        customer_id=event["pathParameters"]["customer_id"],
        changed_by=claims["sub"],
        **Change.model_validate(body).model_dump(),
    )


def claims_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Give the claims of the token; none where the route has no authorizer."""
    authorizer = event["requestContext"].get("authorizer") or {}
    claims: dict[str, str] = authorizer.get("jwt", {}).get("claims") or {}
    return claims


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    """Answer as `endpoint` does (RFC 9457)."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = {"content-type": "application/problem+json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(content)}


store = endpoint(Enqueuer(os.environ["QUEUE_URL"], customers), customers, record=customer)
