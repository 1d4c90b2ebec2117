"""What the library relies on in SQS FIFO, written from AWS's documentation.

Each case runs on every emulator at hand and on the queue in memory. Where one is known to differ,
the case is a strict xfail that names the emulator and the difference: an emulator that improves
makes it fail, and the note goes.
"""

import json
from typing import Any

import pytest

from durable_ingest.testing import QueuePair
from durable_ingest.testing.queue_service import depth
from tests.contract import queue_kit as kit
from tests.contract.queue_kit import MIB, Sqs, differs, refused

pytestmark = pytest.mark.queue

sqs = kit.sqs_fixture


# Sending


@differs(moto="SequenceNumbers are random")
def test_sequence_numbers_rise(sqs: Sqs) -> None:
    """Each send of a group is answered with a larger SequenceNumber."""
    url = sqs.queue().url
    numbers = [int(sqs.send(url)["SequenceNumber"]) for _ in range(12)]
    assert numbers == sorted(set(numbers))


@differs(moto="no SequenceNumber with content-based ids")
def test_sequence_numbers_rise_with_content_based_ids(sqs: Sqs) -> None:
    """They are there too when SQS makes the deduplication id."""
    url = sqs.queue(content_based_deduplication=True).url
    answers = [
        sqs.client.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId="a")
        for n in range(6)
    ]
    numbers = [int(answer.get("SequenceNumber", "0")) for answer in answers]
    assert numbers == sorted(set(numbers))


def test_the_received_sequence_number_is_the_sent_one(sqs: Sqs) -> None:
    """Producer and consumer see the same number."""
    url = sqs.queue().url
    sent = sqs.send(url)["SequenceNumber"]
    assert sqs.receive(url)[0]["Attributes"]["SequenceNumber"] == sent


def test_a_duplicate_is_accepted_and_not_delivered(sqs: Sqs) -> None:
    """A second send with the same deduplication id succeeds and adds nothing."""
    url = sqs.queue().url
    sqs.send(url, "1", MessageDeduplicationId="same")
    assert sqs.send(url, "2", MessageDeduplicationId="same")["MessageId"]
    assert sqs.bodies(url) == ["1"]


@differs(moto="a delete ends the deduplication window")
def test_a_duplicate_of_a_deleted_message_is_not_delivered(sqs: Sqs) -> None:
    """The window is measured from the send: a delete does not end it."""
    url = sqs.queue().url
    sqs.send(url, "1", MessageDeduplicationId="same")
    sqs.delete(url, sqs.receive(url)[0])
    sqs.send(url, "1", MessageDeduplicationId="same")
    assert sqs.receive(url) == []


def test_a_duplicate_in_another_group_is_not_delivered(sqs: Sqs) -> None:
    """By default the deduplication id counts in the whole queue."""
    url = sqs.queue().url
    sqs.send(url, "1", "a", MessageDeduplicationId="same")
    sqs.send(url, "2", "b", MessageDeduplicationId="same")
    assert sqs.bodies(url) == ["1"]


def test_content_based_ids_lose_the_third_of_a_b_a(sqs: Sqs) -> None:
    """Why the library never relies on them."""
    url = sqs.queue(content_based_deduplication=True).url
    for body in "ABA":
        sqs.client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a")
    assert sqs.bodies(url) == ["A", "B"]


def test_a_message_needs_a_group(sqs: Sqs) -> None:
    """A FIFO queue refuses a message without group."""
    url = sqs.queue().url
    with refused("MissingParameter"):
        sqs.client.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")


def test_a_message_needs_a_deduplication_id(sqs: Sqs) -> None:
    """A FIFO queue without content-based ids refuses a message without one."""
    url = sqs.queue().url
    with refused("InvalidParameterValue"):
        sqs.client.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="a")


def test_a_batch_keeps_its_order(sqs: Sqs) -> None:
    """Entries are enqueued in the order of the request."""
    url = sqs.queue().url
    answer = sqs.send_batch(url, *"0123456789")
    assert [entry["Id"] for entry in answer["Successful"]] == list("0123456789")
    assert sqs.bodies(url) == list("0123456789")


@differs(moto="any body is accepted, so no entry fails")
def test_batch_entries_fail_one_by_one(sqs: Sqs) -> None:
    """A body that SQS refuses fails its entry alone; the others are stored."""
    url = sqs.queue().url
    answer = sqs.send_batch(url, "0", "\x01", "2")
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "2"]
    assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("1", True)]
    assert sqs.bodies(url) == ["0", "2"]


def test_a_batch_holds_ten_entries(sqs: Sqs) -> None:
    """Eleven are refused, all of them."""
    url = sqs.queue().url
    with refused("TooManyEntriesInBatchRequest"):
        sqs.send_batch(url, *("x" * 11))
    assert sqs.receive(url) == []


def test_entry_ids_are_distinct(sqs: Sqs) -> None:
    """Two entries of one id are refused."""
    url = sqs.queue().url
    with refused("BatchEntryIdsNotDistinct"):
        sqs.send_batch(url, "1", "2", Id="same")


def test_a_body_of_one_mebibyte_is_stored(sqs: Sqs) -> None:
    """The limit is 1,048,576 bytes of UTF-8."""
    url = sqs.queue().url
    sqs.send(url, "é" * (MIB // 2))
    assert len(sqs.bodies(url)[0].encode()) == MIB


@differs(moto="sizes are counted in characters")
def test_sizes_are_bytes(sqs: Sqs) -> None:
    """Half as many two-byte characters and one more byte are too long."""
    url = sqs.queue().url
    with refused("InvalidParameterValue"):
        sqs.send(url, "é" * (MIB // 2) + "x")


@differs(ministack="attributes are not counted", moto="attributes are not counted")
def test_message_attributes_count_in_the_size(sqs: Sqs) -> None:
    """Name, type and value of an attribute are part of the message."""
    url = sqs.queue().url
    attribute = {"n": {"DataType": "String", "StringValue": "v"}}
    with refused("InvalidParameterValue"):
        sqs.send(url, "x" * MIB, MessageAttributes=attribute)


@differs(moto="sizes are counted in characters")
def test_a_batch_is_one_mebibyte(sqs: Sqs) -> None:
    """Entries that fit one by one are refused together; sizes are bytes."""
    url = sqs.queue().url
    with refused("BatchRequestTooLong"):
        sqs.send_batch(url, "é" * (MIB // 4), "é" * (MIB // 4) + "x")
    assert sqs.receive(url) == []


@pytest.mark.parametrize("text", ["\t\n\r ~", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff"])
def test_body_characters_that_are_stored(sqs: Sqs, text: str) -> None:
    """The allowed ranges come back as they were sent."""
    url = sqs.queue().url
    sqs.send(url, text)
    assert sqs.bodies(url) == [text]


@differs(moto="any body is accepted")
@pytest.mark.parametrize("text", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_body_characters_that_are_refused(sqs: Sqs, text: str) -> None:
    """Control characters and two noncharacters are not allowed in a body."""
    url = sqs.queue().url
    with refused("InvalidMessageContents"):
        sqs.send(url, f"a{text}b")


LONGEST_ID = "".join(chr(c) for c in range(0x21, 0x7F)) + "x" * 34


def test_ids_of_128_characters_are_stored(sqs: Sqs) -> None:
    """Group and deduplication ids take 128 ASCII letters, digits and punctuation."""
    url = sqs.queue().url
    assert len(LONGEST_ID) == 128
    sqs.send(url, group=LONGEST_ID, MessageDeduplicationId=LONGEST_ID)
    attributes = sqs.receive(url)[0]["Attributes"]
    assert attributes["MessageGroupId"] == LONGEST_ID
    assert attributes["MessageDeduplicationId"] == LONGEST_ID


@differs(ministack="ids are not checked", moto="ids are not checked")
@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("wrong", ["x" * 129, "a b", "é"], ids=["long", "space", "not-ascii"])
def test_other_ids_are_refused(sqs: Sqs, name: str, wrong: str) -> None:
    """129 characters, a space or a letter outside ASCII are refused."""
    url = sqs.queue().url
    ids: dict[str, Any] = {"MessageGroupId": "a", "MessageDeduplicationId": "d"} | {name: wrong}
    with refused("InvalidParameterValue"):
        sqs.client.send_message(QueueUrl=url, MessageBody="x", **ids)


# Receiving


def test_a_group_in_flight_is_locked(sqs: Sqs) -> None:
    """While one of its messages is in flight, a group gives no other; another group does."""
    url = sqs.queue().url
    sqs.send(url, "a1", "a")
    sqs.send(url, "a2", "a")
    sqs.send(url, "b1", "b")
    assert sqs.bodies(url, most=1) == ["a1"]
    assert sqs.bodies(url) == ["b1"]
    assert sqs.receive(url) == []


def test_a_delete_unlocks_the_group(sqs: Sqs) -> None:
    """The next message of the group comes after the first was deleted, in order."""
    url = sqs.queue().url
    for body in "123":
        sqs.send(url, body)
    seen = []
    while messages := sqs.receive(url, most=1):
        seen.append(messages[0]["Body"])
        sqs.delete(url, messages[0])
    assert seen == ["1", "2", "3"]


def test_one_receive_gives_several_of_a_group_in_order(sqs: Sqs) -> None:
    """One batch may hold several messages of one group, and other groups' messages."""
    url = sqs.queue().url
    for body, group in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")]:
        sqs.send(url, body, group)
    bodies = sqs.bodies(url)
    assert [body for body in bodies if body[0] == "a"] == ["a1", "a2"]
    assert [body for body in bodies if body[0] == "b"] == ["b1", "b2"]


def test_releasing_the_second_in_flight_leaves_the_group_locked(sqs: Sqs) -> None:
    """The first is still in flight, so the second may not come before it."""
    url = sqs.queue().url
    sqs.send(url, "1")
    sqs.send(url, "2")
    _, second = sqs.receive(url)
    sqs.hide(url, second, 0)
    assert sqs.receive(url) == []


def test_a_message_returns_after_its_visibility_timeout(sqs: Sqs) -> None:
    """It comes again first in its group, counted, with its first receive's time kept."""
    url = sqs.queue(visibility_timeout=1).url
    sqs.send(url, "1")
    first = sqs.receive(url)[0]
    sqs.send(url, "2")
    again = sqs.await_messages(url)
    assert [message["Body"] for message in again] == ["1", "2"]
    assert again[0]["MessageId"] == first["MessageId"]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert again[0]["Attributes"]["ApproximateReceiveCount"] == "2"
    time = "ApproximateFirstReceiveTimestamp"
    assert again[0]["Attributes"][time] == first["Attributes"][time]


def test_visibility_zero_gives_a_message_back_at_once(sqs: Sqs) -> None:
    """The group is unlocked with it."""
    url = sqs.queue().url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    assert sqs.receive(url) == []
    sqs.hide(url, message, 0)
    assert sqs.bodies(url) == ["1"]


def test_visibility_can_be_shortened_for_one_receive(sqs: Sqs) -> None:
    """A hidden message returns when the new timeout ends; the next receive has the queue's."""
    url = sqs.queue(visibility_timeout=30).url
    sqs.send(url, "1")
    sqs.hide(url, sqs.receive(url)[0], 1)
    assert sqs.receive(url) == []
    assert [message["Body"] for message in sqs.await_messages(url)] == ["1"]
    assert sqs.receive(url) == []


@differs(ministack="any time is accepted")
def test_visibility_is_at_most_twelve_hours(sqs: Sqs) -> None:
    """43,200 seconds are accepted, one more is refused."""
    url = sqs.queue().url
    sqs.send(url)
    message = sqs.receive(url)[0]
    sqs.hide(url, message, 43_190)  # the twelve hours run from the receive
    with refused("InvalidParameterValue"):
        sqs.hide(url, message, 43_201)


@differs(ministack="the handle stays valid", moto="the handle stays valid")
def test_a_delete_with_an_expired_handle_fails(sqs: Sqs) -> None:
    """After the visibility timeout a FIFO delete is refused and the message stays."""
    url = sqs.queue().url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    sqs.hide(url, message, 0)
    with refused("InvalidParameterValue", "ReceiptHandleIsInvalid"):
        sqs.delete(url, message)
    assert sqs.bodies(url) == ["1"]


def test_a_delete_batch_answers_one_by_one(sqs: Sqs) -> None:
    """A handle that is none fails alone."""
    url = sqs.queue().url
    sqs.send(url, "1")
    handle = sqs.receive(url)[0]["ReceiptHandle"]
    answer = sqs.client.delete_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": handle},
            {"Id": "bad", "ReceiptHandle": "no-handle"},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["bad"]
    assert depth(sqs.client, url) == 0


def test_a_visibility_batch_answers_one_by_one(sqs: Sqs) -> None:
    """A handle that is none fails alone."""
    url = sqs.queue().url
    sqs.send(url, "1")
    handle = sqs.receive(url)[0]["ReceiptHandle"]
    answer = sqs.client.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": handle, "VisibilityTimeout": 0},
            {"Id": "bad", "ReceiptHandle": "no-handle", "VisibilityTimeout": 0},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["bad"]
    assert sqs.bodies(url) == ["1"]


def test_a_receive_gives_every_attribute_asked_for(sqs: Sqs) -> None:
    """What the drainer reads is there: times, count, group, deduplication id, own attributes."""
    url = sqs.queue().url
    attribute = {"ingest.name": {"DataType": "String", "StringValue": "customers"}}
    sent = sqs.send(url, "x", "a", MessageDeduplicationId="d", MessageAttributes=attribute)
    message = sqs.receive(url)[0]
    attributes = message["Attributes"]
    assert message["MessageId"] == sent["MessageId"]
    assert attributes["MessageGroupId"] == "a"
    assert attributes["MessageDeduplicationId"] == "d"
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SenderId", "SequenceNumber"} <= attributes.keys()
    # Milliseconds since 1970.
    assert len(attributes["SentTimestamp"]) == 13
    assert attributes["SentTimestamp"] <= attributes["ApproximateFirstReceiveTimestamp"]
    assert message["MessageAttributes"] == attribute


@differs(ministack="ReceiveRequestAttemptId is ignored", moto="ReceiveRequestAttemptId is ignored")
def test_an_attempt_id_gives_a_lost_receive_again(sqs: Sqs) -> None:
    """The same ReceiveRequestAttemptId returns the same messages with the same handles."""
    url = sqs.queue().url
    sqs.send(url, "1")
    first = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    again = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]


# The dead-letter queue


def exhaust(sqs: Sqs, pair: QueuePair) -> dict[str, Any]:
    """Receive the head until it moves; return its dead letter. The queue allows two receives."""
    assert pair.dead_letter_url
    for _ in range(2):
        sqs.hide(pair.url, sqs.receive(pair.url, most=1)[0], 0)
    assert sqs.receive(pair.url, most=1) == []
    return sqs.await_messages(pair.dead_letter_url)[0]


def test_a_message_moves_after_max_receive_count(sqs: Sqs) -> None:
    """The third receive moves it; body, group, message id and attributes are kept."""
    pair = sqs.queue(max_receive_count=2)
    attribute = {"ingest.name": {"DataType": "String", "StringValue": "customers"}}
    sent = sqs.send(pair.url, "1", "a", MessageAttributes=attribute)
    dead = exhaust(sqs, pair)
    assert dead["Body"] == "1"
    assert dead["MessageId"] == sent["MessageId"]
    assert dead["Attributes"]["MessageGroupId"] == "a"
    assert dead["MessageAttributes"] == attribute
    assert depth(sqs.client, pair.url) == 0


@differs(ministack="a move keeps the id", moto="a move keeps the id")
def test_a_moved_message_has_its_message_id_as_deduplication_id(sqs: Sqs) -> None:
    """So the producer's id has to travel in a message attribute."""
    pair = sqs.queue(max_receive_count=2)
    sent = sqs.send(pair.url, "1")
    dead = exhaust(sqs, pair)
    assert dead["Attributes"]["MessageDeduplicationId"] == sent["MessageId"]


@differs(moto="a move deduplicates by the producer's id and loses the message")
def test_a_move_does_not_deduplicate_by_the_producers_id(sqs: Sqs) -> None:
    """A message that was sent with the same id before does not swallow the moved one."""
    pair = sqs.queue(max_receive_count=2)
    assert pair.dead_letter_url
    sqs.send(pair.dead_letter_url, "sent", "b", MessageDeduplicationId="same")
    sqs.send(pair.url, "moved", "a", MessageDeduplicationId="same")
    exhaust(sqs, pair)
    assert depth(sqs.client, pair.dead_letter_url) == 2


def test_a_low_receive_count_moves_nothing(sqs: Sqs) -> None:
    """Receives below the limit, however many, leave the message in its queue."""
    pair = sqs.queue(max_receive_count=1000)
    assert pair.dead_letter_url
    sqs.send(pair.url, "1")
    for _ in range(20):
        sqs.hide(pair.url, sqs.receive(pair.url)[0], 0)
    assert sqs.bodies(pair.url) == ["1"]
    assert depth(sqs.client, pair.dead_letter_url) == 0


def test_the_redrive_policy_can_be_read(sqs: Sqs) -> None:
    """`doctor` and the first hold compare maxReceiveCount with what an outage needs."""
    pair = sqs.queue(max_receive_count=1000, retention=1_209_600, visibility_timeout=180)
    answer = sqs.client.get_queue_attributes(QueueUrl=pair.url, AttributeNames=["All"])
    attributes = answer["Attributes"]
    assert int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]) == 1000
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert attributes["VisibilityTimeout"] == "180"
    assert attributes["FifoQueue"] == "true"
    assert attributes["QueueArn"] == pair.arn


@differs(ministack="no StartMessageMoveTask", moto="no StartMessageMoveTask")
def test_dead_letters_move_back(sqs: Sqs) -> None:
    """StartMessageMoveTask returns them to the queue that they came from."""
    pair = sqs.queue(max_receive_count=2)
    assert pair.dead_letter_url
    sqs.send(pair.url, "1")
    sqs.hide(pair.dead_letter_url, exhaust(sqs, pair), 0)
    answer = sqs.client.get_queue_attributes(
        QueueUrl=pair.dead_letter_url, AttributeNames=["QueueArn"]
    )
    sqs.client.start_message_move_task(SourceArn=answer["Attributes"]["QueueArn"])
    assert [message["Body"] for message in sqs.await_messages(pair.url)] == ["1"]
