"""A dead letter, read: what it copies, why it is one, what goes back of it."""

import json
from typing import Any

import pytest

from durable_ingest.answers import QueueFacts, SendFailure
from durable_ingest.letter import Letter
from durable_ingest.outgoing import MAX_MESSAGE
from durable_ingest.rows import Fault, Refusal
from durable_ingest.sqs_letters import SqsLetterQueue
from tests.letters_kit import Post


def received(post: Post) -> list[Letter]:
    """Receive the letters."""
    answer = post.letters().receive(120, post.clock.unique())
    assert isinstance(answer, list)
    return answer


def text(value: str) -> dict[str, str]:
    """Write an attribute."""
    return {"DataType": "String", "StringValue": value}


def put(post: Post, body: str = "{}", group: str = "g", **attributes: Any) -> Letter:  # noqa: ANN401
    """Put a letter straight into the dead-letter queue."""
    post.send(body, group, post.dead_url, **attributes)
    return received(post)[-1]


def test_a_drainers_letter() -> None:
    """It has the first message's id, sequence number and identity, and says why."""
    post = Post()
    post.send({"item_id": 1}, "g", ingest_name="plain")
    [given] = post.received()
    post.clock.elapsed += 50
    post.bury(given, Refusal(Fault.DEPENDENT, "no parent", 1452, "23000", "plain"))
    [letter] = received(post)
    assert (letter.origin, letter.group_id, letter.body) == (given.id, "g", given.body)
    assert letter.sequence == given.sequence
    assert letter.message.identity == given.identity
    assert (letter.name, letter.fault, letter.moved) == ("plain", "dependent", False)
    assert letter.explanation["code"] == 1452
    assert letter.dead_since == post.clock.now()


def test_a_letter_that_sqs_moved() -> None:
    """Its first id is its deduplication id; a sequence number and a reason it has not."""
    post = Post(max_receive_count=1)
    number = post.send({"item_id": 1}, "g", ingest_name="sequence")
    post.move()
    [letter] = received(post)
    assert (letter.origin, letter.fault, letter.moved) == (number, "moved", True)
    assert (letter.sequence, letter.explanation) == (None, {})


def test_a_reason_that_is_older_than_the_move_counts_no_more() -> None:
    """A redrive by SQS itself keeps the attribute."""
    post = Post(max_receive_count=1)
    post.send({}, "g", ingest_dead=json.dumps({"fault": "rejected"}), ingest_sequence="7")
    post.move()
    [letter] = received(post)
    assert (letter.fault, letter.explanation, letter.sequence) == ("moved", {}, 7)


@pytest.mark.parametrize(
    "dead", ["no JSON", "[]", '{"fault": 1}', "[" * 5000, "1" * 5000, '"text"', "null"]
)
def test_a_reason_that_cannot_be_read(dead: str) -> None:
    """Somebody else wrote it."""
    assert put(Post(), ingest_dead=dead).fault == "unexplained"


def test_what_goes_back() -> None:
    """Body, group and attributes of every type, less the reason."""
    binary = {"DataType": "Binary.own", "BinaryValue": b"\x00\xff"}
    number = {"DataType": "Number", "StringValue": "1"}
    post = Post()
    letter = put(
        post,
        "body",
        "g",
        ingest_name="plain",
        ingest_dead="{}",
        ingest_sequence="5",
        ingest_bytes="base64",
        own_b=binary,
        own_n=number,
    )
    resend = letter.resend()
    assert resend is not None
    assert (resend.body, resend.group_id) == ("body", "g")
    assert resend.attributes == {
        "ingest.name": text("plain"),
        "ingest.sequence": text("5"),
        "ingest.bytes": text("base64"),
        "own.b": binary,
        "own.n": number,
        "ingest.dedup": text(letter.message.identity.hex()),
    }


def test_the_deduplication_id_is_the_letters_own() -> None:
    """So that sending it again is harmless, and another letter of the same message is not lost."""
    post = Post()
    first, second = put(post).resend(), put(post, group="h").resend()
    assert first
    assert second
    assert len(first.dedup_id) == 64
    assert first.dedup_id != second.dedup_id


def test_an_identity_is_kept_for_a_message_that_gave_none() -> None:
    """By its first id, since SQS gives it another on its way back."""
    post = Post(max_receive_count=1)
    post.send({"item_id": 1}, "g", ingest_name="command")
    post.move()
    [letter] = received(post)
    resend = letter.resend()
    assert resend is not None
    assert post.target().resend([resend]) == [None]
    [again] = post.received()
    assert again.id != letter.origin
    assert again.identity == letter.message.identity


def test_others_attributes_give_way_to_the_identity() -> None:
    """SQS takes ten attributes and 1 MiB."""
    post = Post()
    ten = put(post, ingest_name="plain", **{f"own{n}": "x" for n in range(9)}).resend()
    assert ten is not None
    assert {*ten.attributes} == {"ingest.name", "ingest.dedup"}
    large = put(post, "x" * (MAX_MESSAGE - 200), "h", own="y" * 150).resend()
    assert large is not None
    assert {*large.attributes} == {"ingest.dedup"}
    assert large.size <= MAX_MESSAGE


def test_a_letter_without_room_for_its_identity_does_not_go() -> None:
    """An inbox would take it for another."""
    post = Post()
    assert put(post, "x" * (MAX_MESSAGE - 50)).resend() is None
    full = {f"ingest_{n}": "x" for n in range(10)}
    assert put(post, "x", "h", **full).resend() is None


def test_a_message_of_a_standard_queue() -> None:
    """Its letter's group is its message id, and it has none of its own."""
    post = Post()
    post.send("{}", "g")
    [given] = post.received()
    post.bury(given.changed(group_id=None))
    [letter] = received(post)
    assert letter.group_id == letter.origin == given.id
    assert letter.message.group_id is None


class Odd:
    """A client of something that is not quite SQS."""

    def get_queue_attributes(self, **_: object) -> dict[str, object]:
        """Leave out what was asked for."""
        return {"Attributes": {}}

    def receive_message(self, **_: object) -> dict[str, object]:
        """Leave out the attributes."""
        return {"Messages": [{"MessageId": "1", "ReceiptHandle": "h", "Body": "{}"}]}

    def delete_message_batch(self, **_: object) -> dict[str, object]:
        """Say nothing."""
        return {}


def test_answers_that_cannot_be_read() -> None:
    """They are failures, not exceptions."""
    queue = SqsLetterQueue(Odd(), "https://sqs.test/odd.fifo", 1.0)
    unreadable = SendFailure("Unreadable", retryable=False, in_doubt=False)
    assert queue.facts() == unreadable
    assert queue.receive(120, "attempt") == unreadable
    assert queue.delete(["h"]) == [SendFailure("NotAnswered", retryable=True, in_doubt=True)]


def test_a_queue_that_gives_no_date() -> None:
    """Then the operator's clock counts."""

    class Dateless(Odd):
        def get_queue_attributes(self, **_: object) -> dict[str, object]:
            """Give no headers."""
            numbers = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            return {"Attributes": {"QueueArn": "arn", **dict.fromkeys(numbers, "2")}}

    facts = SqsLetterQueue(Dateless(), "https://sqs.test/odd.fifo", 1.0).facts()
    assert facts == QueueFacts("arn", None, there=4, hidden=2, told_at=None)
