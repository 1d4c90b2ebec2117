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
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from durable_ingest._version import __version__
from durable_ingest.answers import SendFailure

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
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
_USER_AGENT: Final = f"durable_ingest/{__version__} Boto3/{boto3.__version__}"
"""Given to a client that calls often: botocore makes its own anew for each request, twice, which
is an eighth of what a request costs the processor."""
_THROTTLED: Final = ("Throttl", "RequestLimit", "TooManyRequests", "OverLimit", "SlowDown")
_SERVER_FAULT: Final = 500


def sqs_client(  # noqa: PLR0913 - each by name
    queue_url: str,
    *,
    connect_timeout: float,
    read_timeout: float,
    region: str | None = None,
    connections: int = 10,
    validation: bool = True,
) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
    """Make an SQS client that asks once and gives up soon; the caller repeats.

    Requests go to the queue URL's host, so that a VPC endpoint or an emulator needs no further
    setting; `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL` win where they are set. It keeps so many
    `connections` for threads that call at once. Without `validation`, parameters are sent as they
    are, whatever their types.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=connections,
        parameter_validation=validation,
        user_agent=_USER_AGENT,
    )
    with _MAKING_A_CLIENT:
        return boto3.client(
            "sqs",
            region_name=region or region_of(queue_url) or _configured_region() or "us-east-1",
            endpoint_url=_endpoint_of(queue_url),
            config=config,
        )


def client_of(service: str, region: str | None, timeout: float) -> Any:  # noqa: ANN401 - as above
    """Make a client of another service that asks once and gives up after `timeout` seconds.

    It has a session of its own: AWS' credentials are looked up anew, and nobody else waits for
    that.
    """
    config = Config(
        connect_timeout=timeout / 3,
        read_timeout=timeout * 2 / 3,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    region = region or _configured_region()
    return boto3.session.Session().client(service, region_name=region, config=config)  # type: ignore[call-overload]


def secret_string(client: Callable[[], Any], secret_id: str) -> str | SendFailure:
    """Fetch a secret's text with GetSecretValue; "" where it has none."""

    def ask() -> dict[str, Any]:
        answer: dict[str, Any] = client().get_secret_value(SecretId=secret_id)
        return answer

    answer = call(ask)
    return answer if isinstance(answer, SendFailure) else str(answer.get("SecretString") or "")


def auth_token(
    client: Callable[[], Any], host: str, port: int, user: str, region: str | None
) -> str | SendFailure:
    """Sign an IAM token for a database's user, which asks nobody but for AWS' own credentials."""

    def sign() -> dict[str, Any]:
        where = {"DBHostname": host, "Port": port, "Region": region}
        return {"token": client().generate_db_auth_token(DBUsername=user, **where)}

    answer = call(sign)
    return answer if isinstance(answer, SendFailure) else str(answer["token"])


def call(operation: Callable[..., Any], **arguments: object) -> dict[str, Any] | SendFailure:
    """Call AWS once. Whatever boto3 raises comes back as what it means for a message."""
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


def region_of(queue_url: str) -> str | None:
    """Read the region in a queue's URL; None where it names none, as an emulator's."""
    found = _REGION.search(urlsplit(queue_url).hostname or "")
    return (found[1] or found[2]) if found else None


def _configured_region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _endpoint_of(queue_url: str) -> str | None:
    if os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL"):
        return None
    parts = urlsplit(queue_url)
    return f"{parts.scheme}://{parts.netloc}"
