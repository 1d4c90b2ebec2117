"""What the queue's settings allow: real messages of a real queue, a clock that is ahead of it."""

import logging

import pytest

from durable_ingest import MySQL
from durable_ingest.clock import SystemClock
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import MODES, MeddlingClient, World, handled, item, reason

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

HOUR = 3600
LAST_HOURS = 331 * HOUR
"""Later than that a message of 14 days is in its last six hours."""


class LaterClock(SystemClock):
    """The real clock, but ahead."""

    def __init__(self) -> None:
        """Begin without a lead."""
        self.ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return super().now() + self.ahead


@pytest.fixture
def client(world: World) -> MeddlingClient:
    """A client that remembers and can be told to fail."""
    return MeddlingClient(world.client)


@pytest.fixture
def clock() -> LaterClock:
    """A clock that a test puts forward."""
    return LaterClock()


def down() -> MySQL:
    """A server that refuses connections."""
    return MySQL(f"mysql://user:password@127.0.0.1:{free_port()}/db")


@pytest.mark.parametrize("reports", [False, True])
def test_held_messages_expire_in_order_and_the_rest_is_written_later(
    world: World, client: MeddlingClient, clock: LaterClock, *, reports: bool
) -> None:
    """Through an event source mapping: held, then dead-lettered; nothing is left, nothing lost."""
    mode = "report" if reports else "delete"
    drainer = world.drainer(
        kit.contract("plain"), mysql=down(), client=client, acknowledge=mode, clock=clock
    )
    world.send_all([(item(n, f"n{n}"), group) for n, group in enumerate("AABA")])
    first = world.step(drainer, reports=reports)
    assert first.error is not None
    assert world.dead() == []
    world.unhide(first.event)

    clock.ahead = LAST_HOURS
    second = world.step(drainer, reports=reports)
    assert second.error is None
    assert second.answer == {"batchItemFailures": []}
    ids = {record["messageId"]: record["body"] for record in first.event["Records"]}
    letters = world.dead()
    order = [letter for letter in letters if letter["Attributes"]["MessageGroupId"] == "A"]
    assert [letter["Body"] for letter in order] == [
        body for body in ids.values() if '"n2"' not in body
    ]
    assert {reason(letter)["message_id"] for letter in letters} == set(ids)
    head = reason(order[0])
    assert (head["fault"], head["code"]) == ("expiring", 2003)
    assert "unavailable" in head["reason"]
    assert world.come_back(first.event) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_younger_message_behind_is_written_by_the_next_call(
    world: World, client: MeddlingClient, clock: LaterClock, mode: str
) -> None:
    """Its head's copy is safe by then."""
    drainer = world.drainer(world.table(), client=client, acknowledge=mode, clock=clock)
    clock.ahead = LAST_HOURS
    young = int((clock.now() - HOUR) * 1000)
    world.send(item(1, "old"), group="A", ingest_name="unheard_of")
    event = world.receive()
    event["Records"].append(world.record(item(1, "young"), group="A", sent=young))
    assert handled(drainer, event).held == ([1])
    assert world.rows() == {}
    assert [reason(letter)["fault"] for letter in world.dead()] == ["expiring"]
    assert handled(drainer, {"Records": event["Records"][1:]}).held == []
    assert world.rows() == {1: "young"}


def test_the_first_hold_says_what_the_queue_allows(
    world: World, client: MeddlingClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Read from the queue itself, once."""
    caplog.set_level(logging.INFO, "durable_ingest")
    drainer = world.drainer(kit.contract("plain"), mysql=down(), client=client)
    event = {"Records": [world.record(item(1, "x"), group="A")]}
    for _ in range(2):
        assert handled(drainer, event).held == [0]
    said = [text for text in caplog.messages if "outlast" in text]
    name = world.queue.arn.rsplit(":", 1)[1]
    assert len(said) == 1
    assert said[0].startswith(f"queue {name}: a retention of 14 days and a maxReceiveCount of 1000")
    assert [name for name, _ in client.calls].count("get_queue_attributes") == 1


def test_a_queue_of_few_receives_is_hidden_for_longer(
    world: World, client: MeddlingClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Not burnt in a minute; the log says what to set."""
    world.client.set_queue_attributes(
        QueueUrl=world.queue.url,
        Attributes={
            "RedrivePolicy": world.client.get_queue_attributes(
                QueueUrl=world.queue.url, AttributeNames=["RedrivePolicy"]
            )["Attributes"]["RedrivePolicy"].replace("1000", "60")
        },
    )
    drainer = world.drainer(kit.contract("plain"), mysql=down(), client=client)
    event = {"Records": [world.record(item(1, "x"), group="A", receive_count=57)]}
    assert handled(drainer, event).held == [0]
    (entry,) = client.entries("change_message_visibility_batch")
    assert entry["VisibilityTimeout"] == 305
    assert any("set maxReceiveCount to 1000" in text for text in caplog.messages)


@pytest.mark.parametrize("mode", MODES)
def test_settings_that_cannot_be_had_hold_nothing_up(
    world: World, client: MeddlingClient, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is settled is deleted, what is held is hidden, and a warning names the permission."""
    client.down.add("get_queue_attributes")
    drainer = world.drainer(world.table(), client=client, acknowledge=mode, dead_letters=False)
    for place, group in enumerate("AB"):
        world.send(item(place, kit.TOO_LONG if group == "A" else "good"), group=group)
    event = world.receive()
    assert handled(drainer, event).held == [0]
    assert world.rows() == {1: "good"}
    assert len(client.entries("change_message_visibility_batch")) == 1
    assert any("sqs:GetQueueAttributes" in text for text in caplog.messages)
