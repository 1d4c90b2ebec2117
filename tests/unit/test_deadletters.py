"""A dead letter: the message as it was, and why."""

import json

import pytest

from durable_ingest.answers import SendFailure
from durable_ingest.deadletters import bury, dead_letter
from durable_ingest.deadline import Deadline
from durable_ingest.message import Message
from durable_ingest.outgoing import MAX_MESSAGE, Outgoing
from durable_ingest.receipt import Receipt
from durable_ingest.rows import Fault, Refusal
from tests.model_queue import Answer, ModelQueue
from tests.virtual_clock import VirtualClock

REFUSAL = Refusal(Fault.REJECTED, "column 'name': too long", 1406, "22001", "customers")


def delivered(
    body: str = '{"id":"1"}',
    attributes: dict[str, str] | None = None,
    *,
    group: str | None = "customers:1",
    number: str = "m-1",
) -> Message:
    """Make a message as it was delivered."""
    return Message(
        id=number,
        receipt_handle="h-1",
        body=body,
        group_id=group,
        sequence=18849496460467696128,
        sent=1_700_000_000.5,
        first_received=1_700_000_001.0,
        receive_count=1,
        attributes={"ingest.name": "customers"} if attributes is None else attributes,
    )


def test_a_dead_letter_is_the_message_with_its_reason() -> None:
    """Body, group and attributes stay; the deduplication id is the message id."""
    letter = dead_letter(delivered(), REFUSAL)
    assert (letter.body, letter.group_id, letter.dedup_id) == ('{"id":"1"}', "customers:1", "m-1")
    assert letter.attributes["ingest.name"] == "customers"
    assert letter.attributes["ingest.sequence"] == "18849496460467696128"
    assert json.loads(letter.attributes["ingest.dead"]) == {
        "fault": "rejected",
        "code": 1406,
        "sqlstate": "22001",
        "reason": "column 'name': too long",
        "table": "customers",
        "message_id": "m-1",
        "sequence": "18849496460467696128",
        "sent": 1_700_000_000.5,
    }


def test_an_earlier_death_is_written_over() -> None:
    """A redriven message may die again."""
    letter = dead_letter(delivered(attributes={"ingest.dead": "old", "own": "x"}), REFUSAL)
    assert "1406" in letter.attributes["ingest.dead"]
    assert letter.attributes["own"] == "x"


def test_others_attributes_give_way_to_the_reason() -> None:
    """SQS takes ten."""
    own = {f"own-{n}": "x" for n in range(9)}
    letter = dead_letter(delivered(attributes={**own, "ingest.name": "customers"}), REFUSAL)
    assert set(letter.attributes) == {
        "ingest.name",
        "ingest.dead",
        "ingest.dedup",
        "ingest.sequence",
    }


def test_a_letter_is_known_by_its_messages_identity() -> None:
    """An inbox knows it again after a redrive, also where its sender gave no id."""
    for attributes in ({}, {"ingest.dedup": "own"}, {"ingest.dedup": "ab" * 32}):
        message = delivered(attributes={"ingest.name": "customers", **attributes})
        letter = dead_letter(message, REFUSAL)
        redriven = delivered(attributes=letter.attributes, number="another")
        assert redriven.identity == message.identity
        assert len(message.identity) == 32


def test_a_message_without_room_is_copied_bare() -> None:
    """Better without a reason than not at all; what it says of its own body stays."""
    letter = dead_letter(delivered("x" * MAX_MESSAGE, {}), REFUSAL)
    assert letter.attributes == {}
    assert letter.size == MAX_MESSAGE
    own = {"ingest.bytes": "base64"}
    full = "x" * (MAX_MESSAGE - len("ingest.bytes" + "String" + "base64"))
    assert dead_letter(delivered(full, own), REFUSAL).attributes == own


def test_a_message_without_group_has_its_own() -> None:
    """A dead-letter queue is FIFO."""
    assert dead_letter(delivered(group=None), REFUSAL).group_id == "m-1"


@pytest.mark.parametrize("reason", ['"' * 5000, "\\" * 5000, "\0" * 5000, "\U0001f600" * 5000])
def test_an_explanation_is_at_most_two_kibibytes(reason: str) -> None:
    """As it is written: what JSON escapes takes more room than it has characters."""
    letter = dead_letter(delivered(), Refusal(Fault.REJECTED, reason, table="x" * 129))
    assert len(letter.attributes["ingest.dead"].encode()) <= 2048
    assert json.loads(letter.attributes["ingest.dead"])["fault"] == "rejected"


def letters(*groups: str) -> dict[int, Outgoing]:
    """Make dead letters of groups."""
    made = [dead_letter(delivered(group=g, number=str(n)), REFUSAL) for n, g in enumerate(groups)]
    return dict(enumerate(made))


def test_letters_are_sent_once_each() -> None:
    """A group's in its order; what became of each is said by its place."""
    queue = ModelQueue(
        VirtualClock(), lambda e: Answer.THROTTLED if e.dedup_id == "2" else Answer.STORED
    )
    results = bury(queue, letters("a", "a", "b"), Deadline.after(queue.clock, 9))
    assert isinstance(results[0], Receipt)
    assert isinstance(results[1], Receipt)
    assert isinstance(results[2], SendFailure)
    assert [[e.dedup_id for e in batch] for batch in queue.batches] == [["0", "2"], ["1"]]


def test_no_call_is_made_that_could_end_late() -> None:
    """The messages stay in their queue."""
    queue = ModelQueue(VirtualClock(), takes=[1.0], call_limit=2.0)
    results = bury(queue, letters("a", "a"), Deadline.after(queue.clock, 2.5))
    assert isinstance(results[0], Receipt)
    assert results[1] == SendFailure("NoTimeLeft", retryable=True, in_doubt=False, attempted=False)
    assert len(queue.batches) == 1
