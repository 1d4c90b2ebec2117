"""Dead letters: what is copied, with what reason, and what is never copied."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import MySQL, Table
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import (
    KINDS,
    MODES,
    TOO_LONG,
    MeddlingClient,
    World,
    handled,
    item,
    reason,
)

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

MIB = 1_048_576
SEND = "send_message_batch"


class Measures(BaseModel):
    """A row whose keys of a mapping come from the sender."""

    measure_id: int
    values: dict[str, int]


def events(*records: dict[str, Any]) -> dict[str, Any]:
    """Make an event."""
    return {"Records": list(records)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_letter_keeps_body_and_group_and_says_why(world: World, kind: str) -> None:
    """Enough to mend it and send it again in its place."""
    drainer = world.drainer(world.table(kind))
    bad = world.record(
        item(1, TOO_LONG),
        group="the:group",
        sent=1_767_225_600_123,
        attributes={"ingest.name": "items", "ingest.dedup": "d" * 64, "trace": "t-1"},
    )
    assert handled(drainer, events(bad)).held == []
    (letter,) = world.dead()
    assert letter["Body"] == bad["body"]
    assert letter["Attributes"]["MessageGroupId"] == "the:group"
    assert letter["Attributes"]["MessageDeduplicationId"] == bad["messageId"]
    attributes = {n: a["StringValue"] for n, a in letter["MessageAttributes"].items()}
    why = attributes.pop("ingest.dead")
    sequence = bad["attributes"]["SequenceNumber"]
    assert attributes == {
        "ingest.name": "items",
        "ingest.dedup": "d" * 64,
        "ingest.sequence": sequence,
        "trace": "t-1",
    }
    assert len(why.encode()) <= 2048
    read = json.loads(why)
    text = read.pop("reason")
    assert "note" in text
    assert "xxx" not in why
    assert read == {
        "fault": "rejected",
        "code": 1406,
        "sqlstate": "22001",
        "table": "items",
        "message_id": bad["messageId"],
        "sequence": sequence,
        "sent": 1_767_225_600.123,
    }


def test_a_redriven_message_keeps_its_first_sequence_number(world: World) -> None:
    """Dead once more, it is still as old as it was; a forged newer one is not believed."""
    drainer = world.drainer(world.table("sequence"))
    records = [
        world.record("no JSON", group="A", attributes={"ingest.sequence": "17"}),
        world.record("no JSON", group="B", sequence=40, attributes={"ingest.sequence": "9" * 30}),
    ]
    assert handled(drainer, events(*records)).held == []
    letters = sorted(world.dead(), key=lambda letter: str(letter["Attributes"]["MessageGroupId"]))
    numbers = [letter["MessageAttributes"]["ingest.sequence"]["StringValue"] for letter in letters]
    assert numbers == ["17", "40"]
    assert [reason(letter)["sequence"] for letter in letters] == ["17", "40"]


def test_a_dead_letter_sent_twice_is_stored_once(world: World) -> None:
    """Its deduplication id is the message id: an answer that was lost costs no copy."""
    drainer = world.drainer(world.table())
    event = events(world.record("no JSON", group="A"))
    for _ in range(2):
        assert handled(drainer, event).held == []
    assert len(world.dead()) == 1


@pytest.mark.parametrize("mode", MODES)
def test_one_entry_that_fails_is_held_with_its_group(world: World, mode: str) -> None:
    """The other dead letters of the same call are confirmed, and their groups go on."""
    client = MeddlingClient(world.client)
    drainer = world.drainer(world.table(), client=client, acknowledge=mode)
    for place, word in enumerate(["Ax", "Bx", "A", "B", "Bx"]):
        note = f"n{place}" + (TOO_LONG if word.endswith("x") else "")
        world.send(item(place, note), group=word[0])
    event = world.receive()
    failing = event["Records"][0]["messageId"]
    client.refuses = lambda operation, entry: (
        operation == SEND and entry["MessageDeduplicationId"] == failing
    )
    assert handled(drainer, event).held == [0, 2]
    assert world.rows() == {3: "n3"}
    dead = [reason(letter)["message_id"] for letter in world.dead()]
    assert dead == [event["Records"][n]["messageId"] for n in (1, 4)]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_behind_a_held_head_is_dead_lettered(world: World, kind: str) -> None:
    """While the database is down a malformed body waits behind a good row of its group."""
    down = MySQL(f"mysql://u:p@127.0.0.1:{free_port()}/db")
    table = world.table(kind)
    event = events(
        world.record(item(1, "n0", 0), group="A"),
        world.record("no JSON", group="A"),
        world.record(item(1, "n2", 2), group="A"),
        world.record(item(2, TOO_LONG), group="B"),
    )
    assert handled(world.drainer(table, mysql=down), event).held == [0, 1, 2, 3]
    assert world.dead() == []

    assert handled(world.drainer(table), event).held == []
    assert world.rows() == {1: "n2"}
    assert {reason(letter)["message_id"] for letter in world.dead()} == {
        event["Records"][n]["messageId"] for n in (1, 3)
    }


def test_a_group_with_many_dead_letters_keeps_their_order(world: World) -> None:
    """In the dead-letter queue they come in the order in which they were sent."""
    drainer = world.drainer(world.table())
    records = [world.record(f"no JSON {n}", group="A") for n in range(6)]
    assert handled(drainer, events(*records)).held == []
    assert [letter["Body"] for letter in world.dead()] == [r["body"] for r in records]


def test_a_message_with_ten_attributes_gets_a_dead_letter(world: World) -> None:
    """SQS takes no more than ten: the library's own come before another producer's."""
    drainer = world.drainer(world.table())
    attributes = {f"theirs{n}": "x" for n in range(9)} | {"ingest.name": "items"}
    bad = world.record("no JSON", group="A", attributes=attributes)
    assert handled(drainer, events(bad)).held == []
    (letter,) = world.dead()
    assert letter["Body"] == "no JSON"
    assert reason(letter)["message_id"] == bad["messageId"]
    assert letter["MessageAttributes"]["ingest.name"]["StringValue"] == "items"
    assert len(letter["MessageAttributes"]) <= 10


@pytest.mark.parametrize("less", [0, 10, 300, 5_000])
def test_a_message_of_nearly_a_mebibyte_gets_a_dead_letter(world: World, less: int) -> None:
    """Where there is no room for a reason, the body alone is safe, and its group goes on."""
    drainer = world.drainer(world.table())
    body = "x" * (MIB - less)
    event = events(world.record(body, group="A"), world.record(item(1, "next"), group="A"))
    assert handled(drainer, event).held == []
    (letter,) = world.dead()
    assert letter["Body"] == body
    assert world.rows() == {1: "next"}
    if less == 5_000:
        assert reason(letter)["fault"] == "rejected"


def test_large_dead_letters_do_not_share_a_call(world: World) -> None:
    """A batch request holds 1 MiB as well."""
    drainer = world.drainer(world.table())
    bodies = [letter * 500_000 for letter in "abcde"]
    records = [world.record(body, group=body[0]) for body in bodies]
    assert handled(drainer, events(*records)).held == []
    assert sorted(letter["Body"] for letter in world.dead()) == bodies


@pytest.mark.parametrize(
    "key",
    ['"' * 2000, "\x01" * 2000, "é" * 2000, "\\" * 2000, "k" * 5000],
    ids=["quotes", "controls", "accents", "backslashes", "letters"],
)
def test_the_reason_stays_within_two_kibibytes(world: World, key: str) -> None:
    """Whatever the body holds: SQS counts every byte of it."""
    world.sql("CREATE TABLE measures (measure_id BIGINT PRIMARY KEY, `values` JSON)")
    drainer = world.drainer(Table("measures", Measures, key="measure_id"))
    bodies = [{"measure_id": n, "values": {key[n:]: "no number"}} for n in range(3)]
    records = [world.record(body, group=f"{n}") for n, body in enumerate(bodies)]
    assert handled(drainer, events(*records)).held == []
    letters = world.dead()
    assert len(letters) == 3
    for letter in letters:
        assert len(letter["MessageAttributes"]["ingest.dead"]["StringValue"].encode()) <= 2048
        assert reason(letter)["fault"] == "rejected"
