"""The HTTP front: a handler for API Gateway that stores a request's body in the queue."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from durable_ingest.errors import EnqueueError, InvalidRecordError, RecordTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

    from durable_ingest.contract import Contract
    from durable_ingest.enqueuer import Enqueuer

_LOGGER = logging.getLogger("durable_ingest")
_RETRY_AFTER_SECONDS: Final = 1
_MOST_ERRORS: Final = 100
"""What an answer lists: Lambda passes on 6 MB, and one field of a body can have more errors."""
_LONGEST_FIELD: Final = 256
_IN_DOUBT: Final = (
    "The write was not confirmed and may have been stored all the same. Send it again with the"
    " same Idempotency-Key header: it is then stored once."
)


class _BadBodyError(Exception):
    """The request's body is no JSON."""


def endpoint(
    enqueuer: Enqueuer,
    contract: Contract,
    *,
    record: Callable[[Mapping[str, Any], Any], BaseModel] | None = None,
) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Make a Lambda handler for REST (v1) and HTTP (v2) proxy events.

    It answers 202 with the receipt once SQS has the record; 400 with every field's error
    (application/problem+json, RFC 9457); 413 where it is too large; 503 with Retry-After where
    SQS did not confirm it. The `Idempotency-Key` header, if there is one, is the idempotency key.

    Args:
        enqueuer: one that has the contract.
        contract: what the record is for.
        record: makes the record of the event and its parsed JSON body, where path parameters,
            claims or headers belong in the row. By default the body is the record.
    """

    def handler(  # noqa: PLR0911 - one answer for each thing that can happen
        event: Mapping[str, Any],
        context: object = None,  # noqa: ARG001 - Lambda passes it
    ) -> dict[str, Any]:
        try:
            row = _record(event, contract, record)
            receipt = enqueuer.enqueue(row, to=contract, idempotency_key=_idempotency_key(event))
        except _BadBodyError as error:
            return _problem(400, "Bad Request", str(error))
        except ValidationError as error:
            return _invalid(_field_errors(error))
        except InvalidRecordError as error:
            problems = error.problems.items()
            return _invalid([{"field": name, "message": text} for name, text in problems])
        except RecordTooLargeError as error:
            return _problem(413, "Content Too Large", str(error))
        except EnqueueError as error:
            _LOGGER.error("answered 503: %s", error)  # noqa: TRY400 - the text says it all
            headers = {"retry-after": str(_RETRY_AFTER_SECONDS)}
            return _problem(503, "Service Unavailable", _IN_DOUBT, headers=headers)
        except Exception as error:  # noqa: BLE001 - a caller sees no stack trace
            _log_without_values(error)
            return _problem(500, "Internal Server Error", "The request could not be handled.")
        return _answer(202, asdict(receipt), "application/json")

    return handler


def _record(
    event: Mapping[str, Any],
    contract: Contract,
    make: Callable[[Mapping[str, Any], Any], BaseModel] | None,
) -> BaseModel:
    body = _body(event)
    if make is None:
        return contract.model.model_validate_json(body)
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError):
        text = "The body is not JSON."
        raise _BadBodyError(text) from None
    return make(event, parsed)


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if body is None:
        text = "The request has no body; send a JSON object."
        raise _BadBodyError(text)
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError, TypeError):
        text = "The body is not base64, though the event says so."
        raise _BadBodyError(text) from None


def _idempotency_key(event: Mapping[str, Any]) -> str | None:
    """Look the header up without regard to case: v2 lowers names, REST keeps the client's."""
    for name, value in (event.get("headers") or {}).items():
        if str(name).lower() == "idempotency-key" and value:
            return str(value)
    return None


def _field_errors(error: ValidationError) -> list[dict[str, str]]:
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        {"field": ".".join(map(str, detail["loc"])) or "body", "message": detail["msg"]}
        for detail in details[:_MOST_ERRORS]
    ]


def _invalid(errors: list[dict[str, str]]) -> dict[str, Any]:
    shown = [
        {"field": error["field"][:_LONGEST_FIELD], "message": error["message"]}
        for error in errors[:_MOST_ERRORS]
    ]
    return _problem(400, "Bad Request", "The record is not valid.", errors=shown)


def _problem(
    status: int,
    title: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": "about:blank", "title": title, "status": status, "detail": detail,
    }  # fmt: skip
    if errors is not None:
        content["errors"] = errors
    return _answer(status, content, "application/problem+json", headers)


def _answer(
    status: int, content: Mapping[str, Any], kind: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": kind, **(headers or {})},
        "body": json.dumps(content),
        "isBase64Encoded": False,
    }


def _log_without_values(error: Exception) -> None:
    """Say where an unexpected error came from; its text may hold the request's content."""
    places = "".join(traceback.format_tb(error.__traceback__))
    _LOGGER.error("answered 500: %s\n%s", type(error).__name__, places)
