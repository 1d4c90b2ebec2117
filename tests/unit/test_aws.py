"""boto3's errors as what they mean for a message, and its clients' settings."""

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.stub import Stubber

from durable_ingest.answers import SendFailure
from durable_ingest.aws import call, entry_failure, sqs_client

_HOST = "https://sqs.eu-west-1.amazonaws.com"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine counts."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    """Give a real client that answers from a list."""
    client = sqs_client(f"{_HOST}/1/q.fifo", connect_timeout=1, read_timeout=2)
    with Stubber(client) as stubber:
        yield client, stubber


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (f"{_HOST}/1/q.fifo", "eu-west-1", _HOST),
        (
            "https://sqs.cn-north-1.amazonaws.com.cn/1/q.fifo",
            "cn-north-1",
            "https://sqs.cn-north-1.amazonaws.com.cn",
        ),
        (
            "https://sqs-fips.us-gov-west-1.amazonaws.com/1/q.fifo",
            "us-gov-west-1",
            "https://sqs-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "https://vpce-0a-1b.sqs.us-east-2.vpce.amazonaws.com/1/q.fifo",
            "us-east-2",
            "https://vpce-0a-1b.sqs.us-east-2.vpce.amazonaws.com",
        ),
        (
            "https://ap-south-1.queue.amazonaws.com/1/q.fifo",
            "ap-south-1",
            "https://ap-south-1.queue.amazonaws.com",
        ),
        ("http://127.0.0.1:4566/1/q.fifo", "us-east-1", "http://127.0.0.1:4566"),
    ],
)
def test_region_and_endpoint_are_the_queue_urls(url: str, region: str, endpoint: str) -> None:
    """So that a VPC endpoint or an emulator needs no further setting."""
    client = sqs_client(url, connect_timeout=1, read_timeout=2)
    assert client.meta.region_name == region
    assert client.meta.endpoint_url == endpoint


def test_the_environment_decides_where_the_url_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region of an emulator's queue, and an endpoint of its own."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9999")
    client = sqs_client("http://localhost:4566/1/q.fifo", connect_timeout=1, read_timeout=2)
    assert client.meta.region_name == "eu-north-1"
    assert client.meta.endpoint_url == "http://127.0.0.1:9999"


def test_a_client_asks_once_and_gives_up_soon() -> None:
    """The SDK's own time-outs are a minute each, and it would try several times."""
    client = sqs_client(f"{_HOST}/1/q.fifo", connect_timeout=0.5, read_timeout=1.5)
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.5, 1.5)
    assert config.retries["total_max_attempts"] == 1


def test_an_answer_is_given_as_it_is(stubbed: tuple[Any, Stubber]) -> None:
    """With SQS' own parameters."""
    client, stubber = stubbed
    answer = {"MessageId": "m", "MD5OfMessageBody": "x"}
    stubber.add_response("send_message", answer, {"QueueUrl": "u", "MessageBody": "b"})
    assert call(client.send_message, QueueUrl="u", MessageBody="b") == answer


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, (True, False, False)),
        ("RequestThrottled", 403, (True, False, False)),
        ("KmsThrottled", 400, (True, False, False)),
        ("KMS.ThrottlingException", 400, (True, False, False)),
        ("OverLimit", 403, (True, False, False)),
        ("TooManyRequestsException", 429, (True, False, False)),
        ("InternalError", 500, (True, True, False)),
        ("ServiceUnavailable", 503, (True, True, False)),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, (False, False, True)),
        ("AccessDenied", 403, (False, False, True)),
        ("InvalidClientTokenId", 403, (False, False, True)),
        ("ExpiredToken", 403, (False, False, True)),
        ("InvalidParameterValue", 400, (False, False, True)),
        ("AWS.SimpleQueueService.BatchRequestTooLong", 400, (False, False, True)),
    ],
)
def test_an_answer_of_refusal_is_a_failure(
    stubbed: tuple[Any, Stubber], code: str, status: int, expected: tuple[bool, bool, bool]
) -> None:
    """Retryable, in doubt, refused as a call."""
    client, stubber = stubbed
    stubber.add_client_error("send_message", code, "hush", status)
    failure = call(client.send_message, QueueUrl="u", MessageBody="b")
    assert isinstance(failure, SendFailure)
    assert failure.code == code
    assert (failure.retryable, failure.in_doubt, failure.refused_call) == expected
    assert "hush" not in repr(failure)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EndpointConnectionError(endpoint_url="u"), (True, False, False)),
        (ConnectTimeoutError(endpoint_url="u"), (True, False, False)),
        (ReadTimeoutError(endpoint_url="u"), (True, True, False)),
        (ConnectionClosedError(endpoint_url="u"), (True, True, False)),
        (ResponseStreamingError(error="e"), (True, True, False)),
        (NoCredentialsError(), (False, False, True)),
        (PartialCredentialsError(provider="p", cred_var="v"), (False, False, True)),
        (NoRegionError(), (False, False, True)),
        (ParamValidationError(report="r"), (False, False, True)),
    ],
)
def test_an_error_on_the_way_is_a_failure(
    error: Exception, expected: tuple[bool, bool, bool]
) -> None:
    """In doubt once the request may have arrived."""

    def operation() -> None:
        raise error

    failure = call(operation)
    assert isinstance(failure, SendFailure)
    assert failure.code == type(error).__name__
    assert (failure.retryable, failure.in_doubt, failure.refused_call) == expected


def test_errors_of_other_kinds_are_not_swallowed() -> None:
    """A bug is no outage."""

    def operation() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(operation)


def test_every_exception_that_a_client_raises_is_known() -> None:
    """Botocore has a few outside its two trees; none of them comes from a call."""
    known = (BotoCoreError, ClientError)
    outside = {
        name
        for name, kind in vars(botocore.exceptions).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, known)
    }
    assert outside <= {
        "UnsupportedTLSVersionWarning",
        "ImminentRemovalWarning",
        "UndefinedModelAttributeError",
        "MissingServiceIdError",
    }


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"Code": "InternalError", "SenderFault": False}, (True, True)),
        ({"Code": "InvalidMessageContents", "SenderFault": True}, (False, False)),
        ({"Code": "InvalidParameterValue", "SenderFault": True}, (False, False)),
        ({"SenderFault": False}, (True, True)),
        ({}, (True, True)),
    ],
)
def test_an_entrys_failure_is_whose_fault_it_is(
    entry: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    """SQS' own may be stored all the same."""
    failure = entry_failure(entry)
    assert (failure.retryable, failure.in_doubt) == expected
    assert failure.code == entry.get("Code", "Unknown")


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "RequestThrottled", "KmsThrottled", "KMS.ThrottlingException"]
)
@pytest.mark.parametrize("sender_fault", [True, False])
def test_a_throttled_entry_is_worth_sending_again(
    code: str,
    sender_fault: bool,  # noqa: FBT001 - as SQS says it
) -> None:
    """Whoever is said to be at fault."""
    assert entry_failure({"Code": code, "SenderFault": sender_fault}).retryable


def test_a_client_of_ones_own_is_boto3s() -> None:
    """What is made here is what boto3 makes."""
    ours = sqs_client(f"{_HOST}/1/q.fifo", connect_timeout=1, read_timeout=2)
    theirs = boto3.client("sqs", region_name="eu-west-1")
    assert ours.meta.service_model.service_name == theirs.meta.service_model.service_name
