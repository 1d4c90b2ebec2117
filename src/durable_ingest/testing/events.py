"""Builders of the events and the context that Lambda gives a handler."""

import base64
import hashlib
import itertools
import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT = "123456789012"
QUEUE_ARN = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:customers.fifo"
FIRST_SEQUENCE = 18_849_496_460_467_696_128
# 2026-01-01T00:00:00Z in milliseconds: a fixed time, for tests that repeat.
FIRST_SENT = 1_767_225_600_000

_sequence = itertools.count(FIRST_SEQUENCE)

Body = str | bytes | Mapping[str, object] | None


def _unique() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def sqs_record(  # noqa: PLR0913  one per field of the record, all by name
    body: str | Mapping[str, object],
    *,
    group: str | None = "group",
    dedup: str | None = None,
    sequence: int | str | None = None,
    message_id: str | None = None,
    receipt_handle: str | None = None,
    receive_count: int = 1,
    sent: int = FIRST_SENT,
    first_received: int | None = None,
    attributes: Mapping[str, str] | None = None,
    queue_arn: str = QUEUE_ARN,
) -> dict[str, Any]:
    """Build one record of an SQS event, as Lambda gives it.

    Args:
        body: text, or a mapping to be written as JSON.
        group: the message group id; None for a record of a standard queue.
        dedup: the deduplication id; fresh by default.
        sequence: the SequenceNumber; by default it rises from record to record, 20 digits.
        message_id: fresh by default.
        receipt_handle: fresh by default.
        receive_count: ApproximateReceiveCount.
        sent: SentTimestamp, milliseconds since 1970.
        first_received: ApproximateFirstReceiveTimestamp, milliseconds; `sent` by default.
        attributes: String message attributes by name.
        queue_arn: the event source.
    """
    text = body if isinstance(body, str) else json.dumps(body)
    system = {
        "ApproximateReceiveCount": str(receive_count),
        "SentTimestamp": str(sent),
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": str(sent if first_received is None else first_received),
    }
    if group is not None:
        system["SequenceNumber"] = str(next(_sequence) if sequence is None else sequence)
        system["MessageGroupId"] = group
        system["MessageDeduplicationId"] = _unique() if dedup is None else dedup
    return {
        "messageId": message_id or _unique(),
        "receiptHandle": receipt_handle or f"handle-{secrets.token_hex(8)}",
        "body": text,
        "attributes": system,
        "messageAttributes": {
            name: lambda_attribute({"DataType": "String", "StringValue": value})
            for name, value in (attributes or {}).items()
        },
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def sqs_event(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Build an SQS event of these records."""
    return {"Records": [dict(record) for record in records]}


def lambda_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a message attribute of the SQS API into Lambda's shape; binary values in Base64."""
    shaped: dict[str, Any] = {}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    shaped |= {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    return shaped


def record_from_message(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """Turn a message of ReceiveMessage's answer into a record of Lambda's event."""
    record: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: lambda_attribute(value)
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def rest_event(  # noqa: PLR0913  one per field of the event, all by name
    body: Body = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    base64_encoded: bool = False,
    claims: Mapping[str, object] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build an event of an API Gateway REST API (proxy, v1).

    Headers keep the client's case. Absent headers and parameters are null, as REST gives them.

    Args:
        body: text, bytes (sent in base64), or a mapping to be written as JSON.
        method: of HTTP.
        path: of the URL.
        headers: by name.
        base64_encoded: send text in base64 too.
        claims: what an authorizer has verified.
        path_parameters: by name.
        query: the query's parameters by name.
    """
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "abcdef1234",
        "httpMethod": method,
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
        "path": f"/prod{path}",
        "requestId": _unique(),
        "requestTimeEpoch": FIRST_SENT,
        "resourcePath": path,
        "stage": "prod",
    }
    if claims is not None:
        context["authorizer"] = {"claims": dict(claims)}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": None if headers is None else dict(headers),
        "multiValueHeaders": None if headers is None else {k: [v] for k, v in headers.items()},
        "queryStringParameters": None if query is None else dict(query),
        "multiValueQueryStringParameters": (
            None if query is None else {k: [v] for k, v in query.items()}
        ),
        "pathParameters": None if path_parameters is None else dict(path_parameters),
        "stageVariables": None,
        "requestContext": context,
        **_body(body, base64_encoded=base64_encoded),
    }


def http_event(  # noqa: PLR0913  one per field of the event, all by name
    body: Body = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    base64_encoded: bool = False,
    claims: Mapping[str, object] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build an event of an API Gateway HTTP API (proxy, v2).

    Header names are lower case. An absent body, query or path parameter is an absent key.

    Args:
        body: text, bytes (sent in base64), or a mapping to be written as JSON.
        method: of HTTP.
        path: of the URL.
        headers: by name.
        base64_encoded: send text in base64 too.
        claims: what a JWT authorizer has verified.
        path_parameters: by name.
        query: the query's parameters by name.
    """
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "abcdef1234",
        "domainName": "abcdef1234.execute-api.eu-west-1.amazonaws.com",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "test",
        },
        "requestId": _unique(),
        "routeKey": f"{method} {path}",
        "stage": "$default",
        "timeEpoch": FIRST_SENT,
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": context,
        **_body(body, base64_encoded=base64_encoded),
    }
    if event["body"] is None:
        del event["body"]
    if query is not None:
        event["queryStringParameters"] = dict(query)
    if path_parameters is not None:
        event["pathParameters"] = dict(path_parameters)
    return event


def _body(body: Body, *, base64_encoded: bool) -> dict[str, Any]:
    """Give `body` and `isBase64Encoded`; bytes are always encoded, as the gateway has to."""
    if isinstance(body, Mapping):
        body = json.dumps(body)
    if body is None:
        return {"body": None, "isBase64Encoded": False}
    if isinstance(body, bytes) or base64_encoded:
        raw = body if isinstance(body, bytes) else body.encode()
        return {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}


class LambdaContext:
    """The context object of one invocation; its remaining time counts down for real."""

    def __init__(
        self,
        timeout: float = 30.0,
        now: Callable[[], float] = time.monotonic,
        *,
        function_name: str = "function",
    ) -> None:
        """Start the countdown of `timeout` seconds on the clock `now`."""
        self._now = now
        self._deadline = now() + timeout
        self.aws_request_id = _unique()
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{function_name}"
        self.memory_limit_in_mb = "128"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "2026/01/01/[$LATEST]0123456789abcdef"
        self.identity = None
        self.client_context = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation; never negative."""
        return max(0, int((self._deadline - self._now()) * 1000))
