"""Events that are no batch of SQS messages, and messages of no contract."""

from typing import Any

import pytest

from durable_ingest.decoding import Undecodable
from durable_ingest.errors import ForeignEventError
from durable_ingest.intake import read_event, row_of
from durable_ingest.rows import Fault
from tests.records import CUSTOMERS

_ARN = "arn:aws:sqs:eu-west-1:123456789012:writes.fifo"


def delivered(**changes: object) -> dict[str, Any]:
    """Make one record of a Lambda event."""
    return {
        "messageId": "m-1",
        "receiptHandle": "h-1",
        "body": "{}",
        "attributes": {"SentTimestamp": "1700000000500", "MessageGroupId": "g"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": _ARN,
        **changes,
    }


def test_a_batch_is_read_in_its_order() -> None:
    """With the queue that it came from."""
    event = {"Records": [delivered(), delivered(messageId="m-2")]}
    messages, arn = read_event(event)
    assert [found.id for found in messages] == ["m-1", "m-2"]
    assert arn == _ARN


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        [],
        "text",
        {"Records": None},
        {"Records": []},
        {"Records": [None]},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [delivered(eventSource="aws:sns")]},
        {"Records": [delivered(), delivered(eventSource="aws:sns")]},
        {"Records": [delivered(attributes=None)]},
        {"Records": [delivered(attributes={"SentTimestamp": "today"})]},
        {"Records": [delivered(attributes="text")]},
        {"Records": [delivered(messageAttributes={"x": 5})]},
        {"Records": [delivered(messageAttributes=["x"])]},
        {"Records": [delivered(messageAttributes={"x": {"stringValue": 5}})]},
        {"Records": [delivered(body=None)]},
        {"Records": [delivered(body={"id": 1})]},
        {"Records": [delivered(messageId=None)]},
        {"Records": [delivered(receiptHandle="")]},
        {"Records": [delivered(attributes={"MessageGroupId": ["g"]})]},
        {"Records": [delivered(attributes={"SentTimestamp": "9" * 400})]},
        {"Records": [delivered(attributes={"ApproximateReceiveCount": 1e999})]},
        {"Records": [delivered(eventSourceARN="arn:aws:sqs:evil.example/:123456789012:q.fifo")]},
        {"Records": [delivered(eventSourceARN="arn:aws:sqs:eu-west-1:1/2:q.fifo")]},
        {"Records": [delivered(eventSourceARN="arn:aws:sqs:eu-west-1:123456789012:../q.fifo")]},
        {"Records": [delivered(eventSourceARN=f"{_ARN}\n")]},
        {"httpMethod": "POST", "body": "{}"},
    ],
)
def test_a_foreign_event_raises(event: Any) -> None:  # noqa: ANN401 - whatever Lambda passes
    """Answered with no failures, it would be deleted."""
    with pytest.raises(ForeignEventError, match="no batch of SQS messages"):
        read_event(event)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "a message names no contract; set its attribute ingest.name to one of customers, b"),
        (
            {"ingest.name": {"stringValue": "orders", "dataType": "String"}},
            (
                "a message names the contract 'orders', and this drainer knows customers, b;"
                " deploy a drainer that has it"
            ),
        ),
    ],
)
def test_a_message_of_no_known_contract_is_held_with_the_remedy(
    attributes: dict[str, object], reason: str
) -> None:
    """The producer's, where it names none; the deployer's, where the drainer is behind."""
    [given], _ = read_event({"Records": [delivered(messageAttributes=attributes)]})
    with pytest.raises(Undecodable) as caught:
        row_of(0, given, {"customers": CUSTOMERS, "b": CUSTOMERS})
    assert caught.value.refusal.reason == reason
    assert caught.value.refusal.fault is Fault.MISCONFIGURED
