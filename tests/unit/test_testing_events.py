"""Builders of Lambda's events and context."""

import base64
import json

import pytest

from durable_ingest.testing import LambdaContext, http_event, rest_event, sqs_event, sqs_record
from durable_ingest.testing.events import Body, record_from_message


def test_a_record_has_every_field_of_lambdas() -> None:
    """The shape is the one of AWS's documentation, and it is JSON."""
    record = sqs_record({"id": 1}, group="a", dedup="d", attributes={"ingest.name": "customers"})
    assert json.loads(json.dumps(record)) == record
    assert record.keys() == {
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    }
    assert record["body"] == '{"id": 1}'
    assert record["attributes"]["MessageGroupId"] == "a"
    assert record["attributes"]["MessageDeduplicationId"] == "d"
    assert record["messageAttributes"]["ingest.name"]["stringValue"] == "customers"


def test_sequence_numbers_rise_from_record_to_record() -> None:
    """Twenty digits, as SQS gives them, larger each time."""
    numbers = [sqs_record("x")["attributes"]["SequenceNumber"] for _ in range(3)]
    assert [len(number) for number in numbers] == [20, 20, 20]
    assert numbers == sorted(set(numbers))


def test_ids_are_fresh_unless_given() -> None:
    """Two records are two messages."""
    first, second = sqs_record("x"), sqs_record("x")
    assert first["messageId"] != second["messageId"]
    assert first["receiptHandle"] != second["receiptHandle"]
    assert sqs_record("x", message_id="m")["messageId"] == "m"


def test_counts_and_times_are_texts() -> None:
    """Lambda gives every system attribute as text; the first receive defaults to the send."""
    attributes = sqs_record("x", receive_count=3, sent=1000, sequence=7)["attributes"]
    assert attributes["ApproximateReceiveCount"] == "3"
    assert attributes["SentTimestamp"] == "1000"
    assert attributes["ApproximateFirstReceiveTimestamp"] == "1000"
    assert attributes["SequenceNumber"] == "7"
    later = sqs_record("x", sent=1000, first_received=2000)["attributes"]
    assert later["ApproximateFirstReceiveTimestamp"] == "2000"


def test_a_record_of_a_standard_queue_has_no_group() -> None:
    """Nor a sequence number, nor a deduplication id."""
    attributes = sqs_record("x", group=None)["attributes"]
    assert not {"MessageGroupId", "SequenceNumber", "MessageDeduplicationId"} & attributes.keys()


def test_an_event_holds_its_records_in_order() -> None:
    """`Records` is the only key."""
    records = [sqs_record("1"), sqs_record("2")]
    assert sqs_event(*records) == {"Records": records}


def test_a_binary_attribute_of_sqs_becomes_base64() -> None:
    """JSON holds no bytes."""
    record = record_from_message(
        {
            "MessageId": "m",
            "ReceiptHandle": "h",
            "Body": "x",
            "MD5OfMessageAttributes": "0",
            "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
        },
        "arn:aws:sqs:eu-west-1:000000000000:q.fifo",
    )
    assert record["messageAttributes"]["raw"] == {
        "binaryValue": "AP8=",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "Binary",
    }
    assert record["md5OfMessageAttributes"] == "0"


@pytest.mark.parametrize(
    ("body", "text", "encoded"),
    [
        ({"a": 1}, '{"a": 1}', False),
        ("plain", "plain", False),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode(), True),
    ],
)
def test_bodies_of_both_gateways(body: Body, text: str, *, encoded: bool) -> None:
    """A mapping is written as JSON; bytes are encoded in Base64 and marked."""
    for event in (rest_event(body), http_event(body)):
        assert event["body"] == text
        assert event["isBase64Encoded"] is encoded


def test_a_text_body_can_be_encoded() -> None:
    """A gateway with binary media types encodes text as well."""
    event = http_event({"a": 1}, base64_encoded=True)
    assert base64.b64decode(event["body"]) == b'{"a": 1}'
    assert event["isBase64Encoded"] is True


def test_rest_keeps_header_case_and_gives_null_for_what_is_absent() -> None:
    """What differs in v1."""
    event = rest_event(
        method="PUT", path="/c/1", headers={"Idempotency-Key": "k"}, claims={"sub": "u"}
    )
    assert (event["httpMethod"], event["path"]) == ("PUT", "/c/1")
    assert event["headers"] == {"Idempotency-Key": "k"}
    assert event["multiValueHeaders"] == {"Idempotency-Key": ["k"]}
    assert event["requestContext"]["authorizer"]["claims"] == {"sub": "u"}
    bare = rest_event()
    for name in ("body", "headers", "pathParameters", "queryStringParameters"):
        assert bare[name] is None


def test_http_lowers_header_names_and_leaves_out_what_is_absent() -> None:
    """What differs in v2."""
    event = http_event(
        method="PUT",
        path="/c/1",
        headers={"Idempotency-Key": "k"},
        claims={"sub": "u"},
        path_parameters={"id": "1"},
        query={"dry": "1"},
    )
    assert event["version"] == "2.0"
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["headers"] == {"idempotency-key": "k"}
    assert event["requestContext"]["authorizer"]["jwt"]["claims"] == {"sub": "u"}
    assert event["pathParameters"] == {"id": "1"}
    assert event["rawQueryString"] == "dry=1"
    assert not {"body", "pathParameters", "queryStringParameters"} & http_event().keys()


def test_request_ids_are_new_each_time() -> None:
    """A client's retry has another request id, so it is no idempotency key."""
    first, second = rest_event(), rest_event()
    assert first["requestContext"]["requestId"] != second["requestContext"]["requestId"]


def test_the_context_counts_down() -> None:
    """Remaining time follows the clock, in whole milliseconds, and ends at 0."""
    now = 100.0
    context = LambdaContext(timeout=3.0, now=lambda: now)
    assert context.get_remaining_time_in_millis() == 3000
    now = 102.5
    assert context.get_remaining_time_in_millis() == 500
    now = 200.0
    assert context.get_remaining_time_in_millis() == 0


def test_each_invocation_has_a_request_id() -> None:
    """Two contexts are two invocations of one function."""
    first, second = LambdaContext(), LambdaContext(function_name="drainer")
    assert first.aws_request_id != second.aws_request_id
    assert second.invoked_function_arn.endswith(":function:drainer")
