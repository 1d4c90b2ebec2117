"""What SQS refuses, and what the docs of AWS say of its edges.

The same rules hold as in `test_queue.py`. Cases in which minutes or days pass run on the queue in
memory alone.
"""

import json
from typing import Any

import pytest

from durable_ingest.testing import QueuePair
from durable_ingest.testing.queue_service import depth
from tests.contract import queue_kit as kit
from tests.contract.queue_kit import Sqs, case, differs, each, in_time, refused

pytestmark = pytest.mark.queue

sqs = kit.sqs_fixture
DAY = 86_400
TEXT = {"DataType": "String", "StringValue": "v"}


def attributes_of(sqs: Sqs, url: str) -> dict[str, str]:
    """Read a queue's attributes."""
    answer = sqs.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(answer["Attributes"])  # type: ignore[arg-type]


def arn_of(sqs: Sqs, url: str | None) -> str:
    """Read a queue's ARN."""
    assert url
    return attributes_of(sqs, url)["QueueArn"]


# Queues


def test_creating_a_queue_again_gives_it(sqs: Sqs) -> None:
    """With the same attributes, the same URL."""
    url = sqs.queue(dead_letter=False).url
    attributes: Any = {"FifoQueue": "true", "VisibilityTimeout": "30"}
    name = url.rpartition("/")[2]
    assert sqs.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"] == url
    assert sqs.client.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert url in sqs.client.list_queues(QueueNamePrefix=name)["QueueUrls"]


def test_creating_a_queue_anew_with_other_attributes_is_refused(sqs: Sqs) -> None:
    """SQS does not change a queue by accident."""
    url = sqs.queue(dead_letter=False).url
    attributes: Any = {"FifoQueue": "true", "VisibilityTimeout": "31"}
    with refused("QueueAlreadyExists"):
        sqs.client.create_queue(QueueName=url.rpartition("/")[2], Attributes=attributes)


TAKES_ALL = "any value is accepted"


@each(
    "attribute",
    case("long-visibility", ("VisibilityTimeout", "43201"), moto=TAKES_ALL),
    case("short-retention", ("MessageRetentionPeriod", "59"), moto=TAKES_ALL),
    case("long-retention", ("MessageRetentionPeriod", "1209601"), moto=TAKES_ALL),
    case("small-messages", ("MaximumMessageSize", "1023")),
    case("large-messages", ("MaximumMessageSize", "1048577")),
    case("long-poll", ("ReceiveMessageWaitTimeSeconds", "21"), moto=TAKES_ALL),
    case("scope", ("DeduplicationScope", "all"), moto=TAKES_ALL, ministack=TAKES_ALL),
    case(  # without DeduplicationScope=messageGroup
        "throughput",
        ("FifoThroughputLimit", "perMessageGroupId"),
        moto=TAKES_ALL,
        ministack=TAKES_ALL,
    ),
)
def test_attributes_out_of_range_are_refused(sqs: Sqs, attribute: tuple[str, str]) -> None:
    """Each has its range, and the throughput of groups needs their own deduplication."""
    attributes: Any = {"FifoQueue": "true", attribute[0]: attribute[1]}
    with refused("InvalidAttributeValue", "InvalidParameterValue"):
        sqs.client.create_queue(QueueName="out-of-range.fifo", Attributes=attributes)


@differs(moto="unknown attributes are ignored", ministack="unknown attributes are ignored")
def test_unknown_attributes_are_refused(sqs: Sqs) -> None:
    """By their name."""
    attributes: Any = {"FifoQueue": "true", "Colour": "blue"}
    with refused("InvalidAttributeName"):
        sqs.client.create_queue(QueueName="unknown.fifo", Attributes=attributes)


@each(
    "queue",
    case("plain", ("plain", {"FifoQueue": "true"})),
    case(
        "no-attribute",
        ("no-attribute.fifo", {}),
        moto="the attribute is not asked for",
        ministack="the attribute is not asked for",
    ),
    case("space", ("a b.fifo", {"FifoQueue": "true"}), ministack="any name is accepted"),
    case("long", ("x" * 76 + ".fifo", {"FifoQueue": "true"}), ministack="any name is accepted"),
)
def test_a_fifo_queue_is_named_so(sqs: Sqs, queue: tuple[str, Any]) -> None:
    """`.fifo` and the attribute go together; a name is letters, digits, `-` and `_`."""
    name, attributes = queue
    with refused("InvalidParameterValue"):
        sqs.client.create_queue(QueueName=name, Attributes=attributes)


@differs(moto="the error is another", ministack="not checked")
def test_a_missing_dead_letter_queue_is_refused(sqs: Sqs) -> None:
    """A redrive policy names a queue that is there."""
    pair = sqs.queue()
    policy = {"deadLetterTargetArn": f"{pair.arn[:-5]}-none.fifo", "maxReceiveCount": 3}
    with refused("InvalidParameterValue"):
        sqs.client.set_queue_attributes(
            QueueUrl=pair.url, Attributes={"RedrivePolicy": json.dumps(policy)}
        )


@differs(moto="not checked", ministack="not checked")
def test_a_dead_letter_queue_is_of_the_same_type(sqs: Sqs) -> None:
    """A FIFO queue's is FIFO."""
    policy = {"deadLetterTargetArn": sqs.queue(fifo=False).arn, "maxReceiveCount": 3}
    with refused("InvalidParameterValue"):
        sqs.client.set_queue_attributes(
            QueueUrl=sqs.queue().url, Attributes={"RedrivePolicy": json.dumps(policy)}
        )


def test_an_empty_redrive_policy_removes_it(sqs: Sqs) -> None:
    """As SetQueueAttributes says."""
    url = sqs.queue().url
    sqs.client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in attributes_of(sqs, url)


def test_a_deleted_queue_is_gone(sqs: Sqs) -> None:
    """Calls that name it fail."""
    url = sqs.queue().url
    sqs.client.delete_queue(QueueUrl=url)
    with refused("NonExistentQueue"):
        sqs.receive(url)
    with refused("NonExistentQueue"):
        sqs.client.get_queue_url(QueueName=url.rpartition("/")[2])


def test_a_purge_removes_everything(sqs: Sqs) -> None:
    """What is in flight too; a second one within 60 seconds is refused."""
    url = sqs.queue().url
    sqs.send(url, group="a")
    sqs.receive(url)
    sqs.send(url, group="b")
    sqs.client.purge_queue(QueueUrl=url)
    assert depth(sqs.client, url) == 0
    sqs.send(url, "new", "a")
    assert sqs.bodies(url) == ["new"]


@differs(ministack="any number is allowed")
def test_a_second_purge_is_refused(sqs: Sqs) -> None:
    """One in 60 seconds."""
    url = sqs.queue().url
    sqs.client.purge_queue(QueueUrl=url)
    with refused("PurgeQueueInProgress"):
        sqs.client.purge_queue(QueueUrl=url)


@in_time
def test_a_purge_and_a_deletion_take_60_seconds(sqs: Sqs) -> None:
    """Then a purge is possible again, and a queue of the same name."""
    url = sqs.queue(dead_letter=False).url
    name, fifo = url.rpartition("/")[2], {"FifoQueue": "true"}
    sqs.client.purge_queue(QueueUrl=url)
    sqs.wait(60)
    sqs.client.purge_queue(QueueUrl=url)
    sqs.client.delete_queue(QueueUrl=url)
    sqs.wait(59)
    with refused("QueueDeletedRecently"):
        sqs.client.create_queue(QueueName=name, Attributes=fifo)  # type: ignore[arg-type]
    sqs.wait(1)
    sqs.client.create_queue(QueueName=name, Attributes=fifo)  # type: ignore[arg-type]


# Sending


@differs(moto="an empty batch of deletes is accepted")
def test_an_empty_batch_is_refused(sqs: Sqs) -> None:
    """Of every kind."""
    url = sqs.queue().url
    with refused("EmptyBatchRequest"):
        sqs.client.send_message_batch(QueueUrl=url, Entries=[])
    with refused("EmptyBatchRequest"):
        sqs.client.delete_message_batch(QueueUrl=url, Entries=[])
    with refused("EmptyBatchRequest"):
        sqs.client.change_message_visibility_batch(QueueUrl=url, Entries=[])


@each(
    "wrong",
    case("empty", ""),
    case("space", "a b"),
    case("dot", "a.b"),
    case("not-ascii", "é", moto="letters are not only ASCII's"),
    case("long", "x" * 81),
)
def test_entry_ids_that_are_refused(sqs: Sqs, wrong: str) -> None:
    """1 to 80 letters, digits, `-` and `_`."""
    url = sqs.queue().url
    with refused("InvalidBatchEntryId"):
        sqs.send_batch(url, "1", Id=wrong)
    assert sqs.receive(url) == []


def test_an_entry_id_of_80_characters_is_accepted(sqs: Sqs) -> None:
    """Each kind of character in it."""
    entry_id = "aZ09_-" + "x" * 74
    answer = sqs.send_batch(sqs.queue().url, "1", Id=entry_id)
    assert [entry["Id"] for entry in answer["Successful"]] == [entry_id]


@differs(moto="a batch of deletes may be longer")
def test_settling_batches_hold_ten_distinct_entries(sqs: Sqs) -> None:
    """Deleting and hiding are limited as sending is."""
    url = sqs.queue().url
    sqs.send(url)
    handle = sqs.receive(url)[0]["ReceiptHandle"]
    eleven: list[Any] = [{"Id": str(n), "ReceiptHandle": handle} for n in range(11)]
    with refused("TooManyEntriesInBatchRequest"):
        sqs.client.delete_message_batch(QueueUrl=url, Entries=eleven)
    same: list[Any] = [{"Id": "same", "ReceiptHandle": handle}] * 2
    with refused("BatchEntryIdsNotDistinct"):
        sqs.client.delete_message_batch(QueueUrl=url, Entries=same)
    hidden: list[Any] = [entry | {"VisibilityTimeout": 1} for entry in same]
    with refused("BatchEntryIdsNotDistinct"):
        sqs.client.change_message_visibility_batch(QueueUrl=url, Entries=hidden)
    assert depth(sqs.client, url) == 1


@differs(moto="an empty body is accepted")
def test_an_empty_body_is_refused(sqs: Sqs) -> None:
    """A message has at least one character."""
    with refused("MissingParameter", "InvalidParameterValue"):
        sqs.send(sqs.queue().url, "")


@differs(moto="the whole batch fails")
def test_a_queue_may_take_less_than_a_mebibyte(sqs: Sqs) -> None:
    """MaximumMessageSize counts, in a batch for each entry by itself."""
    url = sqs.queue().url
    sqs.client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    with refused("InvalidParameterValue"):
        sqs.send(url, "x" * 1025)
    answer = sqs.send_batch(url, "x" * 1024, "x" * 1025)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["1"]


def test_ten_message_attributes_are_stored(sqs: Sqs) -> None:
    """With names up to 256 characters."""
    url = sqs.queue().url
    attributes = {f"{n}": TEXT for n in range(9)} | {"aZ09_-." + "x" * 249: TEXT}
    sqs.send(url, MessageAttributes=attributes)
    assert sqs.receive(url)[0]["MessageAttributes"] == attributes


UNCHECKED = {"moto": "not checked", "ministack": "not checked"}


@each(
    "attributes",
    case("eleven", {f"{n}": TEXT for n in range(11)}, **UNCHECKED),
    case("empty", {"n": {"DataType": "String", "StringValue": ""}}, **UNCHECKED),
    case("character", {"n": {"DataType": "String", "StringValue": "\x01"}}, **UNCHECKED),
    case("type", {"n": {"DataType": "Text", "StringValue": "v"}}, ministack="not checked"),
    case("aws", {"AWS.n": TEXT}, **UNCHECKED),
    case("amazon", {"amazon.n": TEXT}, **UNCHECKED),
    case("first", {".n": TEXT}, **UNCHECKED),
    case("last", {"n.": TEXT}, **UNCHECKED),
    case("double", {"n..n": TEXT}, **UNCHECKED),
    case("space", {"n n": TEXT}, ministack="not checked"),
    case("long", {"x" * 257: TEXT}, **UNCHECKED),
)
def test_message_attributes_that_are_refused(sqs: Sqs, attributes: dict[str, Any]) -> None:
    """Eleven, without value, of an unknown type, or with a name that is not allowed."""
    with refused("InvalidParameterValue"):
        sqs.send(sqs.queue().url, MessageAttributes=attributes)


def test_digests_are_those_of_aws(sqs: Sqs) -> None:
    """MD5 of the body and of the attributes, both ways."""
    url = sqs.queue().url
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "number": {"DataType": "Number.int", "StringValue": "23"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = sqs.send(url, "é", MessageAttributes=attributes)
    message = sqs.receive(url)[0]
    assert sent["MD5OfMessageBody"] == message["MD5OfBody"] == "66ddcd97cfdeabb2f6fb8a999b4bc76f"
    assert sent["MD5OfMessageAttributes"] == message["MD5OfMessageAttributes"]
    assert message["MD5OfMessageAttributes"] == "be5d13a59a07f79bb7d848b163b0fdcf"


def test_a_fifo_message_has_no_delay_of_its_own(sqs: Sqs) -> None:
    """DelaySeconds is refused."""
    with refused("InvalidParameterValue"):
        sqs.send(sqs.queue().url, DelaySeconds=1)


def test_a_batch_deduplicates_within_itself(sqs: Sqs) -> None:
    """Both entries succeed, one is stored."""
    url = sqs.queue().url
    answer = sqs.send_batch(url, "1", "2", MessageDeduplicationId="same")
    assert len(answer["Successful"]) == 2
    assert sqs.bodies(url) == ["1"]


def grouped(sqs: Sqs) -> str:
    """Create a queue in which each group deduplicates by itself."""
    url = sqs.queue().url
    attributes: Any = {
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    sqs.client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url


@differs(moto="DeduplicationScope is ignored")
def test_a_group_may_deduplicate_by_itself(sqs: Sqs) -> None:
    """With DeduplicationScope=messageGroup one id counts in each group anew."""
    url = grouped(sqs)
    for body, group in [("a1", "a"), ("b1", "b"), ("a2", "a")]:
        sqs.send(url, body, group, MessageDeduplicationId="same")
    assert sorted(sqs.bodies(url)) == ["a1", "b1"]


def test_an_own_id_goes_before_a_content_based_one(sqs: Sqs) -> None:
    """Equal bodies with different ids are two messages."""
    url = sqs.queue(content_based_deduplication=True).url
    sqs.send(url, "same", MessageDeduplicationId="1")
    sqs.send(url, "same", MessageDeduplicationId="2")
    assert sqs.bodies(url) == ["same", "same"]


@in_time
def test_the_deduplication_interval_is_five_minutes(sqs: Sqs) -> None:
    """From the first send on: a duplicate does not lengthen it, and then it begins anew."""
    url = sqs.queue().url
    sqs.send(url, "1", MessageDeduplicationId="same")
    sqs.delete(url, sqs.receive(url)[0])
    sqs.wait(299)
    sqs.send(url, "2", MessageDeduplicationId="same")
    assert sqs.receive(url) == []
    sqs.wait(1)
    sqs.send(url, "3", MessageDeduplicationId="same")
    sqs.wait(299)
    sqs.send(url, "4", MessageDeduplicationId="same")
    assert sqs.bodies(url) == ["3"]


# Receiving


@pytest.mark.parametrize("most", [0, 11])
def test_a_receive_asks_for_one_to_ten(sqs: Sqs, most: int) -> None:
    """Other numbers are refused."""
    url = sqs.queue().url
    with refused("InvalidParameterValue", "ReadCountOutOfRange"):
        sqs.receive(url, most=most)


def test_a_receive_gives_one_unless_asked_for_more(sqs: Sqs) -> None:
    """The default of MaxNumberOfMessages."""
    url = sqs.queue().url
    sqs.send_batch(url, "1", "2")
    assert len(sqs.client.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_receive_has_the_attributes_asked_for(sqs: Sqs) -> None:
    """None, some by name, and the message's own by prefix."""
    url = sqs.queue().url
    for group in "abc":
        sqs.send(url, "x", group, MessageAttributes={"ingest.n": TEXT, "n": TEXT})
    receive = sqs.client.receive_message
    bare = receive(QueueUrl=url)["Messages"][0]
    assert {"Attributes", "MessageAttributes"}.isdisjoint(bare)
    some = receive(
        QueueUrl=url,
        MessageSystemAttributeNames=["MessageGroupId"],
        MessageAttributeNames=["ingest.*"],
    )["Messages"][0]
    assert some["Attributes"].keys() == {"MessageGroupId"}
    assert some["MessageAttributes"] == {"ingest.n": TEXT}
    one = receive(QueueUrl=url, MessageAttributeNames=["n"])["Messages"][0]
    assert one["MessageAttributes"] == {"n": TEXT}


def test_a_receive_may_set_its_own_visibility(sqs: Sqs) -> None:
    """It overrules the queue's."""
    url = sqs.queue(visibility_timeout=600).url
    sqs.send(url, "1")
    assert sqs.receive(url, VisibilityTimeout=1)
    assert [message["Body"] for message in sqs.await_messages(url)] == ["1"]


@each(
    "seconds",
    case("negative", -1, moto="any time is accepted", ministack="any time is accepted"),
    case("long", 43_201, ministack="any time is accepted"),
)
def test_a_receive_hides_for_at_most_twelve_hours(sqs: Sqs, seconds: int) -> None:
    """Other times are refused."""
    url = sqs.queue().url
    with refused("InvalidParameterValue"):
        sqs.receive(url, VisibilityTimeout=seconds)


def test_an_attempt_id_is_spent_by_a_delete(sqs: Sqs) -> None:
    """Once a message was deleted, the same attempt id receives anew."""
    url = sqs.queue().url
    sqs.send_batch(url, "1", "2")
    first, _ = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    sqs.delete(url, first)
    assert sqs.receive(url, ReceiveRequestAttemptId="attempt") == []


def test_an_attempt_id_is_spent_by_a_changed_visibility(sqs: Sqs) -> None:
    """The same attempt id receives anew."""
    url = sqs.queue().url
    sqs.send(url)
    [message] = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    sqs.hide(url, message, 600)
    assert sqs.receive(url, ReceiveRequestAttemptId="attempt") == []


@in_time
def test_an_attempt_id_is_good_for_five_minutes(sqs: Sqs) -> None:
    """A repeated receive hides its messages anew; later it is a new one."""
    url = sqs.queue(visibility_timeout=200).url
    sqs.send(url, "1")
    first = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    sqs.wait(199)
    again = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    assert again == first
    sqs.wait(101)
    assert sqs.receive(url, ReceiveRequestAttemptId="attempt") == []
    sqs.wait(99)
    [later] = sqs.receive(url, ReceiveRequestAttemptId="attempt")
    assert later["ReceiptHandle"] != first[0]["ReceiptHandle"]


# Settling


@differs(moto="the handle stays valid")
def test_the_handle_of_an_earlier_receive_deletes_nothing(sqs: Sqs) -> None:
    """The message is another's by now."""
    url = sqs.queue().url
    sqs.send(url, "1")
    first = sqs.receive(url)[0]
    sqs.hide(url, first, 0)
    second = sqs.receive(url)[0]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    with refused("InvalidParameterValue", "ReceiptHandleIsInvalid"):
        sqs.delete(url, first)
    with refused("InvalidParameterValue", "ReceiptHandleIsInvalid"):
        sqs.hide(url, first, 0)
    assert sqs.receive(url) == []
    sqs.delete(url, second)
    assert depth(sqs.client, url) == 0


@differs(moto="it is hidden", ministack="it is hidden")
def test_a_visible_message_is_not_hidden(sqs: Sqs) -> None:
    """It is not in flight."""
    url = sqs.queue().url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    sqs.hide(url, message, 0)
    with refused("MessageNotInflight", "InvalidParameterValue"):
        sqs.hide(url, message, 600)
    assert sqs.bodies(url) == ["1"]


def test_a_deleted_message_is_not_hidden(sqs: Sqs) -> None:
    """It does not exist."""
    url = sqs.queue().url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    sqs.delete(url, message)
    with refused("InvalidParameterValue", "ReceiptHandleIsInvalid"):
        sqs.hide(url, message, 0)


def test_the_handle_of_another_queue_is_refused(sqs: Sqs) -> None:
    """A handle belongs to its queue."""
    url, other = sqs.queue().url, sqs.queue().url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    with refused("ReceiptHandleIsInvalid", "InvalidParameterValue"):
        sqs.delete(other, message)
    assert depth(sqs.client, url) == 1


@in_time
def test_the_twelve_hours_run_from_the_receive(sqs: Sqs) -> None:
    """However often the timeout is changed."""
    url = sqs.queue(visibility_timeout=43_200).url
    sqs.send(url, "1")
    message = sqs.receive(url)[0]
    sqs.wait(43_190)
    sqs.hide(url, message, 10)
    with refused("InvalidParameterValue"):
        sqs.hide(url, message, 11)
    sqs.wait(10)
    assert sqs.bodies(url) == ["1"]


# Retention and dead letters


@in_time
def test_a_message_vanishes_after_its_retention(sqs: Sqs) -> None:
    """14 days after it was sent, visible or in flight; its group goes on."""
    url = sqs.queue(retention=14 * DAY, visibility_timeout=43_200).url
    sqs.send(url, "1", "a")
    sqs.send(url, "2", "b")
    sqs.wait(14 * DAY - 60)
    sqs.send(url, "3", "a")
    held = sqs.receive(url, most=1)
    assert [message["Body"] for message in held] == ["1"]
    sqs.wait(59)
    assert sqs.bodies(url) == ["2"]
    sqs.wait(1)
    assert sqs.bodies(url) == ["3"]
    with refused("InvalidParameterValue"):
        sqs.delete(url, held[0])


@in_time
def test_a_shorter_retention_counts_at_once(sqs: Sqs) -> None:
    """For messages that are there already."""
    url = sqs.queue(retention=14 * DAY).url
    sqs.send(url, "1")
    sqs.wait(DAY)
    sqs.client.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "86400"})
    assert sqs.receive(url) == []


def moved_late(sqs: Sqs, *, fifo: bool) -> QueuePair:
    """Let a message move to its dead-letter queue a day after it was sent, of two."""
    pair = sqs.queue(fifo=fifo, retention=2 * DAY, max_receive_count=1)
    if fifo:
        sqs.send(pair.url, "1")
    else:
        sqs.client.send_message(QueueUrl=pair.url, MessageBody="1")
    sqs.wait(DAY)
    sqs.hide(pair.url, sqs.receive(pair.url)[0], 0)
    assert sqs.receive(pair.url) == []
    return pair


@in_time
def test_a_fifo_dead_letter_has_its_whole_retention(sqs: Sqs) -> None:
    """The move resets the enqueue time."""
    pair = moved_late(sqs, fifo=True)
    assert pair.dead_letter_url
    sqs.wait(2 * DAY - 1)
    assert sqs.receive(pair.dead_letter_url, VisibilityTimeout=0)
    sqs.wait(1)
    assert sqs.receive(pair.dead_letter_url) == []


@in_time
def test_a_standard_dead_letter_ages_on(sqs: Sqs) -> None:
    """The move keeps the enqueue time."""
    pair = moved_late(sqs, fifo=False)
    assert pair.dead_letter_url
    sqs.wait(DAY - 1)
    assert sqs.receive(pair.dead_letter_url, VisibilityTimeout=0)
    sqs.wait(1)
    assert sqs.receive(pair.dead_letter_url) == []


@differs(moto="the source is not named")
def test_a_dead_letter_counts_its_receives_on(sqs: Sqs) -> None:
    """ApproximateReceiveCount is of all queues; the source is named."""
    pair = sqs.queue(max_receive_count=2)
    assert pair.dead_letter_url
    sqs.send(pair.url, "1")
    for _ in range(2):
        sqs.hide(pair.url, sqs.receive(pair.url)[0], 0)
    assert sqs.receive(pair.url) == []
    attributes = sqs.receive(pair.dead_letter_url)[0]["Attributes"]
    assert attributes["ApproximateReceiveCount"] == "3"
    assert attributes.get("DeadLetterQueueSourceArn") == pair.arn


def test_a_group_goes_on_behind_a_dead_letter(sqs: Sqs) -> None:
    """Order has a gap: what the library must never cause in an outage."""
    pair = sqs.queue(max_receive_count=1)
    sqs.send(pair.url, "1")
    sqs.send(pair.url, "2")
    sqs.hide(pair.url, sqs.receive(pair.url, most=1)[0], 0)
    assert [message["Body"] for message in sqs.await_messages(pair.url)] == ["2"]


def redriven(sqs: Sqs, pair: QueuePair) -> list[dict[str, Any]]:
    """Move what is in the dead-letter queue back; receive it."""
    sqs.client.start_message_move_task(SourceArn=arn_of(sqs, pair.dead_letter_url))
    return sqs.await_messages(pair.url)


@differs(moto="no StartMessageMoveTask", ministack="no StartMessageMoveTask")
def test_a_redriven_message_is_a_new_one(sqs: Sqs) -> None:
    """With a new id, a higher sequence number, and no receives."""
    pair = sqs.queue(max_receive_count=1)
    sent = sqs.send(pair.url, "1")
    sqs.hide(pair.url, sqs.receive(pair.url)[0], 0)
    assert sqs.receive(pair.url) == []
    newer = sqs.send(pair.url, "2")
    first, second = redriven(sqs, pair)
    assert (first["Body"], second["Body"]) == ("2", "1")
    assert second["MessageId"] != sent["MessageId"]
    assert int(second["Attributes"]["SequenceNumber"]) > int(newer["SequenceNumber"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "1"
    assert pair.dead_letter_url
    assert depth(sqs.client, pair.dead_letter_url) == 0


@differs(moto="no StartMessageMoveTask", ministack="no StartMessageMoveTask")
def test_a_letter_that_was_sent_does_not_move_back(sqs: Sqs) -> None:
    """SQS knows no source of it: the task needs a destination."""
    pair = sqs.queue()
    assert pair.dead_letter_url
    sqs.send(pair.dead_letter_url, "sent")
    source = arn_of(sqs, pair.dead_letter_url)
    sqs.client.start_message_move_task(SourceArn=source)
    [task] = sqs.client.list_message_move_tasks(SourceArn=source)["Results"]
    assert task["Status"] == "FAILED"
    sqs.client.start_message_move_task(SourceArn=source, DestinationArn=pair.arn)
    assert sqs.bodies(pair.url) == ["sent"]
    tasks = sqs.client.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]
    assert [task["Status"] for task in tasks] == ["COMPLETED", "FAILED"]


@differs(moto="no StartMessageMoveTask", ministack="no StartMessageMoveTask")
def test_only_dead_letter_queues_move_back(sqs: Sqs) -> None:
    """Other queues are refused, and those that are not there."""
    arn = sqs.queue().arn
    with refused("InvalidParameterValue"):
        sqs.client.start_message_move_task(SourceArn=arn)
    with refused("ResourceNotFoundException"):
        sqs.client.start_message_move_task(SourceArn=f"{arn[:-5]}-none.fifo")
