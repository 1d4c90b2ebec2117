"""One SQS queue over boto3: what is asked, and what the answers mean."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from durable_ingest import Enqueuer, Receipt
from durable_ingest.answers import QueueSettings, SendFailure
from durable_ingest.sqs import SqsQueue
from tests.records import CUSTOMERS, Customer, entry

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - boto3's class
    """Give a real client without a way out."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    return boto3.client(
        "sqs",
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:  # noqa: ANN401 - boto3's class
    """Answer from a list, and check what is asked against SQS' own model."""
    with Stubber(client) as stubbed:
        yield stubbed
        stubbed.assert_no_pending_responses()


def stored(place: int, **more: str) -> dict[str, str]:
    """Answer for one entry."""
    return {"Id": str(place), "MessageId": f"m-{place}", "MD5OfMessageBody": "x", **more}


def test_each_entry_gets_its_own_answer(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """In the order of the entries, not of the answer; one that is missing is in doubt."""
    stubber.add_response(
        "send_message_batch",
        {
            "Successful": [stored(2, SequenceNumber="12"), stored(0)],
            "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
        },
    )
    results = SqsQueue(client, URL, 1.0).send([entry(group) for group in "abcd"])
    assert results == [
        Receipt("t", "m-0", "", "d", "a"),
        SendFailure("InternalError", retryable=True, in_doubt=True),
        Receipt("t", "m-2", "12", "d", "c"),
        SendFailure("NotAnswered", retryable=True, in_doubt=True),
    ]


def test_a_failed_call_fails_every_entry(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """In the same way."""
    stubber.add_client_error("send_message_batch", "InternalError", http_status_code=500)
    first, second = SqsQueue(client, URL, 1.0).send([entry("a"), entry("b")])
    assert first == second == SendFailure("InternalError", retryable=True, in_doubt=True)


def test_deletes_are_confirmed_one_by_one(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """What is not named as done is not."""
    stubber.add_response(
        "delete_message_batch",
        {
            "Successful": [{"Id": "1"}],
            "Failed": [{"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}],
        },
        {
            "QueueUrl": URL,
            "Entries": [
                {"Id": "0", "ReceiptHandle": "h0"},
                {"Id": "1", "ReceiptHandle": "h1"},
                {"Id": "2", "ReceiptHandle": "h2"},
            ],
        },
    )
    assert SqsQueue(client, URL, 1.0).delete(["h0", "h1", "h2"]) == [False, True, False]
    stubber.add_client_error("delete_message_batch", "AccessDenied", http_status_code=403)
    refused = SendFailure("AccessDenied", retryable=False, in_doubt=False, refused_call=True)
    assert SqsQueue(client, URL, 1.0).delete(["h0"]) == refused


def test_hiding_sets_each_messages_own_time(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """In seconds."""
    stubber.add_response(
        "change_message_visibility_batch",
        {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []},
        {
            "QueueUrl": URL,
            "Entries": [
                {"Id": "0", "ReceiptHandle": "h0", "VisibilityTimeout": 5},
                {"Id": "1", "ReceiptHandle": "h1", "VisibilityTimeout": 3600},
            ],
        },
    )
    assert SqsQueue(client, URL, 1.0).hide(["h0", "h1"], [5, 3600]) == [True, True]


@pytest.mark.parametrize("count", ["7", 7])
def test_settings_are_looked_up(client: Any, stubber: Stubber, count: object) -> None:  # noqa: ANN401
    """In one call; SQS writes numbers as text, and a policy's as either."""
    policy = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:::d", "maxReceiveCount": count})
    asked = ["MessageRetentionPeriod", "VisibilityTimeout", "RedrivePolicy"]
    answer = {"MessageRetentionPeriod": "345600", "VisibilityTimeout": "180"}
    expected = {"QueueUrl": URL, "AttributeNames": asked}
    stubber.add_response(
        "get_queue_attributes", {"Attributes": {**answer, "RedrivePolicy": policy}}, expected
    )
    assert SqsQueue(client, URL, 1.0).settings() == QueueSettings(345_600, 180, 7)
    stubber.add_response("get_queue_attributes", {"Attributes": answer}, expected)
    assert SqsQueue(client, URL, 1.0).settings() == QueueSettings(345_600, 180, None)


@pytest.mark.parametrize(
    "attributes",
    [{}, {"MessageRetentionPeriod": "x", "VisibilityTimeout": "1"}],
    ids=["nothing", "no number"],
)
def test_settings_that_cannot_be_read_are_a_failure(
    client: Any,  # noqa: ANN401 - boto3's class
    stubber: Stubber,
    attributes: dict[str, str],
) -> None:
    """As is a refusal."""
    queue = SqsQueue(client, URL, 1.0)
    stubber.add_response("get_queue_attributes", {"Attributes": attributes})
    assert queue.settings() == SendFailure("Unreadable", retryable=False, in_doubt=False)
    stubber.add_client_error("get_queue_attributes", "AccessDenied", http_status_code=403)
    assert isinstance(queue.settings(), SendFailure)


def test_an_enqueuers_message_arrives() -> None:
    """Through boto3 and a model of SQS, which checks the request's shape."""
    with mock_aws():
        own = boto3.client("sqs", region_name="eu-west-1")
        url = own.create_queue(QueueName="writes.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        record = Customer(customer_id="Zo\u00eb", email="\U0001f600")
        receipt = Enqueuer(url, CUSTOMERS, client=own).enqueue(record, idempotency_key="k")
        (found,) = own.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"]
        )["Messages"]
    assert found["MessageId"] == receipt.message_id
    assert found["Body"] == record.model_dump_json()
    assert found["Attributes"]["MessageGroupId"] == receipt.group_id == "customers:zoe"
    assert found["Attributes"]["MessageDeduplicationId"] == receipt.dedup_id
    attributes = {n: a.get("StringValue") for n, a in found["MessageAttributes"].items()}
    assert attributes == {"ingest.name": "customers", "ingest.dedup": receipt.dedup_id}
