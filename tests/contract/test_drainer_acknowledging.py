"""What the drainer itself tells SQS about a batch that is not settled as a whole."""

from collections.abc import Mapping
from typing import Any

import pytest

from durable_ingest.errors import BatchHeldError
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import (
    KINDS,
    MODES,
    TOO_LONG,
    MeddlingClient,
    World,
    handled,
    item,
)

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

DELETE = "delete_message_batch"
HIDE = "change_message_visibility_batch"
SEND = "send_message_batch"


@pytest.fixture
def client(world: World) -> MeddlingClient:
    """A client that remembers and can be told to fail."""
    return MeddlingClient(world.client)


def send(world: World, *words: str) -> dict[str, Any]:
    """Send "A" for a good row of group A, "Ax" for a bad one; each has a row of its own."""
    for place, word in enumerate(words):
        note = f"n{place}" + (TOO_LONG if word.endswith("x") else "")
        world.send(item(place, note, place), group=word[0])
    event = world.receive()
    assert len(event["Records"]) == len(words)
    return event


def places(event: Mapping[str, Any], entries: list[dict[str, Any]]) -> list[int]:
    """Tell which messages these entries of a batch call are for."""
    handles = [record["receiptHandle"] for record in event["Records"]]
    return [handles.index(entry["ReceiptHandle"]) for entry in entries]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_call_where_everything_is_settled(
    world: World, client: MeddlingClient, kind: str, mode: str
) -> None:
    """Lambda deletes the batch by itself."""
    drainer = world.drainer(world.table(kind), client=client, acknowledge=mode)
    outcome = handled(drainer, send(world, "A", "A", "B"))
    assert outcome.answer == {"batchItemFailures": []}
    assert client.calls == []


@pytest.mark.parametrize("mode", MODES)
def test_only_the_dead_letters_are_sent_where_the_rest_is_settled(
    world: World, client: MeddlingClient, mode: str
) -> None:
    """A dead letter that is confirmed counts as settled."""
    drainer = world.drainer(world.table(), client=client, acknowledge=mode)
    outcome = handled(drainer, send(world, "A", "Ax", "Bx"))
    assert outcome.answer == {"batchItemFailures": []}
    assert {name for name, _ in client.calls} == {SEND}


@pytest.mark.parametrize("kind", ["plain", "sequence"])
def test_settled_messages_are_deleted_in_their_groups_order(
    world: World, client: MeddlingClient, kind: str
) -> None:
    """A group's next delete is asked for in a later call than the one before it."""
    drainer = world.drainer(world.table(kind), client=client, dead_letters=False)
    event = send(world, "A", "B", "A", "A", "Cx", "B")
    outcome = handled(drainer, event)
    assert isinstance(outcome.error, BatchHeldError)
    deletes = [places(event, entries) for name, entries in client.calls if name == DELETE]
    assert sorted(place for call in deletes for place in call) == [0, 1, 2, 3, 5]
    for group in ([0, 2, 3], [1, 5]):
        calls = [n for place in group for n, call in enumerate(deletes) if place in call]
        assert calls == sorted(set(calls)), "one call each, in order"
    assert world.come_back(event) == [4]


@pytest.mark.parametrize("how", ["one entry", "the call"])
@pytest.mark.parametrize("kind", ["plain", "sequence"])
def test_nothing_is_deleted_behind_a_delete_that_was_not_confirmed(
    world: World, client: MeddlingClient, kind: str, how: str
) -> None:
    """Were the newer one gone and the older delivered again, the older would win."""
    drainer = world.drainer(world.table(kind), client=client, dead_letters=False)
    event = send(world, "A", "B", "A", "A", "Cx", "B")
    second = event["Records"][2]["receiptHandle"]
    if how == "one entry":
        client.refuses = lambda operation, entry: (
            operation == DELETE and entry["ReceiptHandle"] == second
        )
        left = [2, 3, 4]
    else:
        client.down.add(DELETE)
        left = [0, 1, 2, 3, 4, 5]
    outcome = handled(drainer, event)
    assert outcome.held == [4]
    asked = places(event, client.entries(DELETE))
    assert asked == sorted(set(asked)), "none twice"
    assert 3 not in asked
    assert world.come_back(event) == left


def test_messages_behind_an_unconfirmed_delete_come_again_to_the_same_result(
    world: World, client: MeddlingClient
) -> None:
    """A plain table, too: what was not deleted comes again in order."""
    drainer = world.drainer(world.table(), client=client, dead_letters=False)
    world.send(item(1, "old"), group="A")
    world.send(item(1, "new"), group="A")
    world.send(item(2, TOO_LONG), group="B")
    client.refuses = lambda operation, _entry: operation == DELETE
    first = world.receive()
    assert handled(drainer, first).held == [2]
    client.refuses = lambda _operation, _entry: False
    world.unhide(first)
    again = world.receive()
    assert [r["messageId"] for r in again["Records"]] == [r["messageId"] for r in first["Records"]]
    assert handled(drainer, again).held == [2]
    assert world.rows() == {1: "new"}
    assert world.come_back(again) == [2]


def test_report_names_what_is_held_and_deletes_nothing(
    world: World, client: MeddlingClient
) -> None:
    """Lambda deletes the others, once, in its own way."""
    drainer = world.drainer(world.table(), client=client, dead_letters=False, acknowledge="report")
    event = send(world, "A", "Bx", "A", "B")
    outcome = handled(drainer, event)
    held = [event["Records"][n]["messageId"] for n in (1, 3)]
    assert outcome.answer == {"batchItemFailures": [{"itemIdentifier": name} for name in held]}
    assert client.entries(DELETE) == []


@pytest.mark.parametrize("mode", MODES)
def test_it_raises_where_nothing_is_settled(
    world: World, client: MeddlingClient, mode: str
) -> None:
    """So that Lambda counts errors and slows its poller down; nothing is deleted."""
    drainer = world.drainer(world.table(), client=client, dead_letters=False, acknowledge=mode)
    event = send(world, "Ax", "A", "Bx")
    outcome = handled(drainer, event)
    assert outcome.error is not None
    assert set(outcome.error.held) == {record["messageId"] for record in event["Records"]}
    assert client.entries(DELETE) == []


@pytest.mark.parametrize("mode", MODES)
def test_sqs_down_while_holding_changes_nothing_else(
    world: World, client: MeddlingClient, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is stored stays stored, what is held stays held; the failure is in the log."""
    client.down |= {DELETE, HIDE, SEND}
    drainer = world.drainer(world.table(), client=client, acknowledge=mode)
    event = send(world, "A", "Bx", "B")
    outcome = handled(drainer, event)
    assert outcome.held == [1, 2]
    assert (outcome.error is not None) == (mode == "delete")
    assert world.rows() == {0: "n0"}
    assert world.come_back(event) == [0, 1, 2], "Lambda was told nothing yet"
    assert any(record.levelname == "ERROR" for record in caplog.records)
