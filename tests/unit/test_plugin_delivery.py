"""The fixture `ingest_queue`: delivering to handlers, and saying what became of each message."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import IngestQueue, VirtualClock, deliveries, lost_answer, throttled
from durable_ingest.testing.delivery import DeliveredRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from durable_ingest.testing import Delivery

Event = dict[str, Any]


def send(queue: IngestQueue, body: str, group: str = "a", **attributes: str) -> None:
    """Put a message into the queue."""
    queue.client.send_message(
        QueueUrl=queue.url,
        MessageBody=body,
        MessageGroupId=group,
        MessageDeduplicationId=hashlib.sha256(f"{group} {body}".encode()).hexdigest(),
        MessageAttributes={
            name.replace("_", "."): {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
        },
    )


def bodies(records: tuple[DeliveredRecord, ...]) -> list[object]:
    """Give what was sent."""
    return [record.body for record in records]


def ends(delivery: "Delivery") -> list[list[object]]:
    """Give what was stored, held, dead-lettered and lost."""
    parts = (delivery.stored, delivery.held, delivery.dead_lettered, delivery.lost)
    return [bodies(part) for part in parts]


def takes_all(_event: Event, _context: object) -> Event:
    """Be done with everything."""
    return {"batchItemFailures": []}


def holding(*held: str) -> "Callable[[Event, object], Event]":
    """Make a handler that names these bodies, and what is behind them, as failed."""

    def handler(event: Event, _context: object) -> Event:
        failed, groups = [], set()
        for record in event["Records"]:
            group = record["attributes"]["MessageGroupId"]
            if record["body"] in held or group in groups:
                groups.add(group)
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    return handler


def test_an_empty_queue_is_quiet(ingest_queue: IngestQueue) -> None:
    """Nothing is invoked."""
    delivery = ingest_queue.deliver(takes_all)
    assert ends(delivery) == [[], [], [], []]
    assert delivery.invocations == ()


def test_what_the_handler_is_done_with_is_stored(ingest_queue: IngestQueue) -> None:
    """In the order of sending, JSON parsed, over as many batches as it takes."""
    for number in range(25):
        send(ingest_queue, f'{{"n": {number}}}', f"g{number % 7}", ingest_name="customers")
    delivery = ingest_queue.deliver(takes_all)
    assert bodies(delivery.stored) == [{"n": number} for number in range(25)]
    assert len(delivery.invocations) >= 3
    assert delivery.stored[8] == DeliveredRecord(
        "customers", "g1", {"n": 8}, delivery.stored[8].message_id
    )
    assert ingest_queue.messages() == []


def test_what_fails_is_held_and_its_group_behind_it(ingest_queue: IngestQueue) -> None:
    """Others go on; passes end when nothing more happens."""
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        send(ingest_queue, body, group)
    delivery = ingest_queue.deliver(holding("a1"))
    assert ends(delivery) == [["b1", "b2"], ["a1", "a2"], [], []]
    assert bodies(tuple(ingest_queue.messages())) == ["a1", "a2"]
    assert [record.reason for record in delivery.held] == [
        "the handler answered that it failed"
    ] * 2
    assert ends(ingest_queue.deliver(takes_all)) == [["a1", "a2"], [], [], []]


def test_what_was_never_offered_says_so(ingest_queue: IngestQueue) -> None:
    """An earlier message of its group was in the way."""
    send(ingest_queue, "a1")
    send(ingest_queue, "a2")
    delivery = ingest_queue.deliver(holding("a1"), batch_size=1)
    assert [record.reason for record in delivery.held] == [
        "the handler answered that it failed",
        "not delivered: an earlier message of its group waits",
    ]


def test_what_others_were_in_front_of_says_so(
    ingest_queue: IngestQueue, ingest_clock: VirtualClock
) -> None:
    """A slow handler's messages come again before those that it has not seen."""
    for number in range(3):
        send(ingest_queue, str(number), f"g{number}")

    def handler(event: Event, _context: object) -> None:
        [record] = event["Records"]
        ingest_queue.client.change_message_visibility(
            QueueUrl=ingest_queue.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=1
        )
        ingest_clock.sleep(2)
        raise KeyError("email")

    reasons = [record.reason for record in ingest_queue.deliver(handler, batch_size=1).held]
    assert reasons == ["KeyError: 'email'", *["not delivered: others came again before it"] * 2]


def test_a_held_batch_gives_its_own_reasons(ingest_queue: IngestQueue) -> None:
    """Those of `BatchHeldError`, message by message; the others were done."""
    send(ingest_queue, "a", "a")
    send(ingest_queue, "b", "b")

    def handler(event: Event, _context: object) -> None:
        first, second = event["Records"]
        ingest_queue.client.delete_message(
            QueueUrl=ingest_queue.url, ReceiptHandle=second["receiptHandle"]
        )
        raise BatchHeldError("held 1 of 2", {first["messageId"]: "the table is away"})

    delivery = ingest_queue.deliver(lambda event, context: _once(handler, event, context))
    assert ends(delivery) == [["b"], ["a"], [], []]
    assert delivery.held[0].reason == "the table is away"
    assert repr(delivery.held[0]) == "<message: the table is away: 'a'>"


def _once(handler: "Callable[[Event, object], None]", event: Event, context: object) -> None:
    if len(event["Records"]) == 2:
        handler(event, context)
    held = {record["messageId"]: "the table is away" for record in event["Records"]}
    raise BatchHeldError("held", held)


def test_any_other_exception_is_the_reason(ingest_queue: IngestQueue) -> None:
    """Of the whole batch."""
    send(ingest_queue, "a")

    def handler(_event: Event, _context: object) -> None:
        raise KeyError("email")

    assert ingest_queue.deliver(handler).held[0].reason == "KeyError: 'email'"


def test_a_function_that_takes_too_long_is_ended(
    ingest_queue: IngestQueue, ingest_clock: VirtualClock
) -> None:
    """On virtual time; its answer counts for nothing."""
    send(ingest_queue, "a")

    def handler(event: Event, context: Any) -> Event:  # noqa: ANN401  Lambda's
        assert 4000 < context.get_remaining_time_in_millis() <= 5000
        ingest_clock.sleep(6)
        return takes_all(event, context)

    assert ingest_queue.deliver(handler, timeout=5).held[0].reason == "the function timed out"


def test_a_mapping_that_hears_no_failures_loses_messages(ingest_queue: IngestQueue) -> None:
    """And the delivery says which, and why they were not stored."""
    send(ingest_queue, "a", "a")
    send(ingest_queue, "b", "b")
    delivery = ingest_queue.deliver(holding("a"), report_batch_item_failures=False)
    assert ends(delivery) == [["b"], [], [], ["a"]]
    assert delivery.lost[0].reason == "deleted, though: the handler answered that it failed"


def test_what_a_handler_sends_itself_is_delivered_too(ingest_queue: IngestQueue) -> None:
    """Each message brings the next, until one does not; all are told."""

    def handler(event: Event, _context: object) -> Event:
        for record in event["Records"]:
            if (number := int(record["body"])) < 9:
                send(ingest_queue, str(number + 1))
        return takes_all(event, None)

    send(ingest_queue, "0")
    assert ends(ingest_queue.deliver(handler)) == [list(range(10)), [], [], []]


def test_a_handler_that_never_ends_sending_is_stopped(
    ingest_queue: IngestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its test fails, and does not hang."""
    monkeypatch.setattr(deliveries, "MOST_SENT", 50)

    def handler(event: Event, _context: object) -> Event:
        for record in event["Records"]:
            send(ingest_queue, f"{record['body']}0")
            send(ingest_queue, f"{record['body']}1")
        if len(ingest_queue.messages()) > 5_000:
            pytest.fail("it went on")
        return takes_all(event, None)

    send(ingest_queue, "1")
    with pytest.raises(RuntimeError, match="more than 50 messages to its own queue"):
        ingest_queue.deliver(handler)
    assert ends(ingest_queue.deliver(takes_all))[1:] == [[], [], []]


def test_a_handler_may_not_deliver(ingest_queue: IngestQueue) -> None:
    """It would pass the time that its own messages are hidden."""
    send(ingest_queue, "a")

    def handler(event: Event, _context: object) -> Event:
        ingest_queue.deliver(takes_all)
        return takes_all(event, None)

    [held] = ingest_queue.deliver(handler).held
    assert held.reason == "RuntimeError: deliver was called by a handler that it delivers to"
    assert ends(ingest_queue.deliver(takes_all)) == [["a"], [], [], []]


def test_a_fault_that_strikes_the_receive_delivers_nothing(ingest_queue: IngestQueue) -> None:
    """The mapping polls on, as on AWS."""
    send(ingest_queue, "a")
    with ingest_queue.fail_calls(throttled):
        delivery = ingest_queue.deliver(takes_all)
    assert delivery.invocations == ()
    assert "the receive failed: An error occurred (RequestThrottled)" in delivery.held[0].reason
    with ingest_queue.fail_calls(throttled, times=1):
        assert ends(ingest_queue.deliver(takes_all)) == [["a"], [], [], []]


def test_an_error_raised_over_a_held_batch_gives_its_reasons(ingest_queue: IngestQueue) -> None:
    """What the drainer deleted before was stored."""
    send(ingest_queue, "a", "a")
    send(ingest_queue, "b", "b")

    def handler(event: Event, _context: object) -> None:
        first, *others = event["Records"]
        for record in others:
            ingest_queue.client.delete_message(
                QueueUrl=ingest_queue.url, ReceiptHandle=record["receiptHandle"]
            )
        error = BatchHeldError("held 1", {first["messageId"]: "the table is away"})
        raise RuntimeError("the team's own") from error

    delivery = ingest_queue.deliver(handler)
    assert ends(delivery) == [["b"], ["a"], [], []]
    assert delivery.held[0].reason == "the table is away"


def test_a_delete_that_is_not_confirmed_leaves_the_message(ingest_queue: IngestQueue) -> None:
    """It is held, and comes again."""
    send(ingest_queue, "a")
    with ingest_queue.fail_entries(lambda operation, _: operation == "DeleteMessageBatch"):
        [held] = ingest_queue.deliver(takes_all).held
    assert held.reason == "the handler was done with it, but its delete was not confirmed"
    assert ends(ingest_queue.deliver(takes_all)) == [["a"], [], [], []]


def test_dead_letters_of_the_drainer_give_their_reason(ingest_queue: IngestQueue) -> None:
    """Found by the original's id; those of an earlier delivery are not told again."""

    def handler(event: Event, _context: object) -> Event:
        for record in event["Records"]:
            why = {"message_id": record["messageId"], "fault": "rejected", "reason": "too long"}
            ingest_queue.client.send_message(
                QueueUrl=ingest_queue.dead_letter_url,
                MessageBody=record["body"],
                MessageGroupId="a",
                MessageDeduplicationId=record["messageId"],
                MessageAttributes={
                    "ingest.dead": {"DataType": "String", "StringValue": json.dumps(why)}
                },
            )
        return takes_all(event, None)

    send(ingest_queue, "a")
    delivery = ingest_queue.deliver(handler)
    assert ends(delivery) == [[], [], ["a"], []]
    assert delivery.dead_lettered[0].reason == "rejected: too long"
    assert [letter.reason for letter in ingest_queue.dead_letters()] == ["rejected: too long"]
    send(ingest_queue, "b")
    assert ends(ingest_queue.deliver(takes_all)) == [["b"], [], [], []]


def test_what_sqs_moves_itself_is_dead_lettered_too(ingest_queue: IngestQueue) -> None:
    """After maxReceiveCount receives, a thousand on this queue: nothing else is that patient."""
    ingest_queue.client.set_queue_attributes(
        QueueUrl=ingest_queue.url,
        Attributes={"RedrivePolicy": policy(ingest_queue, receives=2)},
    )
    send(ingest_queue, "a")
    delivery = ingest_queue.deliver(holding("a"))
    assert ends(delivery) == [[], [], ["a"], []]
    assert "maxReceiveCount" in delivery.dead_lettered[0].reason


def policy(queue: IngestQueue, *, receives: int) -> str:
    """Write a redrive policy."""
    arn = queue.arn.removesuffix(".fifo") + "-dead.fifo"
    return f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {receives}}}'


def test_what_sqs_deletes_at_the_end_of_its_retention_is_lost(ingest_queue: IngestQueue) -> None:
    """Days pass at once."""
    send(ingest_queue, "a")

    def handler(_event: Event, _context: object) -> None:
        ingest_queue.advance(15 * 86_400)
        raise KeyError("email")

    delivery = ingest_queue.deliver(handler)
    assert ends(delivery) == [[], [], [], ["a"]]
    assert delivery.lost[0].reason == "deleted, though: the function timed out"


def test_real_clients_reach_the_queue(
    ingest_queue: IngestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its URL's host; faults strike them too."""
    keys: Mapping[str, Any] = {
        "endpoint_url": ingest_queue.endpoint_url,
        "region_name": "eu-west-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    client = boto3.client("sqs", **keys)
    entry = {"Id": "1", "MessageBody": "a", "MessageGroupId": "a", "MessageDeduplicationId": "a"}
    with ingest_queue.fail_calls(lost_answer, times=1), pytest.raises(Exception, match="closed"):
        client.send_message_batch(QueueUrl=ingest_queue.url, Entries=[entry])  # type: ignore[list-item]
    sent = client.send_message_batch(QueueUrl=ingest_queue.url, Entries=[entry])  # type: ignore[list-item]
    assert len(sent["Successful"][0]["SequenceNumber"]) == 20
    assert ends(ingest_queue.deliver(takes_all)) == [["a"], [], [], []]
