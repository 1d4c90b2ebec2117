"""boto3 and botocore: the only module that imports them."""

from __future__ import annotations

import os
import re
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from durable_ingest.ports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable

_MAKING_A_CLIENT: Final = Lock()  # boto3's default session is not thread-safe
_REGION: Final = re.compile(
    r"(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.|^([a-z0-9-]+)\.queue\.amazonaws\."
)
_NEVER_SENT: Final = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
_NEVER_GOOD: Final = (
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
_THROTTLED: Final = ("Throttl", "RequestLimit", "TooManyRequests", "OverLimit", "SlowDown")
_SERVER_FAULT: Final = 500


def sqs_client(
    queue_url: str, *, connect_timeout: float, read_timeout: float, region: str | None = None
) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
    """Make an SQS client that asks once and gives up soon; the caller repeats.

    Requests go to the queue URL's host, so that a VPC endpoint or an emulator needs no further
    setting; `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL` win where they are set.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    with _MAKING_A_CLIENT:
        return boto3.client(
            "sqs",
            region_name=region or _region_of(queue_url),
            endpoint_url=_endpoint_of(queue_url),
            config=config,
        )


def call(operation: Callable[..., Any], **arguments: object) -> dict[str, Any] | SendFailure:
    """Call SQS once. Whatever boto3 raises comes back as what it means for a message."""
    try:
        answer: dict[str, Any] = operation(**arguments)
    except ClientError as error:
        return _refused(error)
    except BotoCoreError as error:
        return SendFailure(
            code=type(error).__name__,
            retryable=not isinstance(error, _NEVER_GOOD),
            in_doubt=isinstance(error, HTTPClientError) and not isinstance(error, _NEVER_SENT),
            refused_call=isinstance(error, _NEVER_GOOD),
        )
    except OSError as error:
        return SendFailure(code=type(error).__name__, retryable=True, in_doubt=True)
    return answer


def entry_failure(entry: dict[str, Any]) -> SendFailure:
    """Read one entry of a batch answer's `Failed`.

    An entry that failed by SQS' own fault may be stored all the same.
    """
    code = str(entry.get("Code") or "Unknown")
    ours = bool(entry.get("SenderFault")) and not _is_throttled(code)
    return SendFailure(code=code, retryable=not ours, in_doubt=not ours)


def _refused(error: ClientError) -> SendFailure:
    code = str(error.response.get("Error", {}).get("Code") or "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_FAULT)
    if _is_throttled(code):
        return SendFailure(code=code, retryable=True, in_doubt=False)
    if status >= _SERVER_FAULT:
        return SendFailure(code=code, retryable=True, in_doubt=True)
    return SendFailure(code=code, retryable=False, in_doubt=False, refused_call=True)


def _is_throttled(code: str) -> bool:
    return any(word in code for word in _THROTTLED)


def _region_of(queue_url: str) -> str:
    found = _REGION.search(urlsplit(queue_url).hostname or "")
    configured = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return (found and (found[1] or found[2])) or configured or "us-east-1"


def _endpoint_of(queue_url: str) -> str | None:
    if os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL"):
        return None
    parts = urlsplit(queue_url)
    return f"{parts.scheme}://{parts.netloc}"
