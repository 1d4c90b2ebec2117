"""The faults that can be ordered of the queue in memory, and what the library makes of them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from durable_ingest.answers import SendFailure
from durable_ingest.aws import call
from durable_ingest.testing import MemoryQueueService
from durable_ingest.testing.queue_faults import (
    MakeError,
    lost_answer,
    server_fault,
    throttled,
    unreachable,
)
from tests.virtual_clock import VirtualClock


class World:
    """A queue whose faults a test orders."""

    def __init__(self) -> None:
        """Create it."""
        self.service = MemoryQueueService(VirtualClock().now)
        self.faults = self.service.faults
        self.client: Any = self.service.client()
        self.url = self.service.create_queue("queue").url

    def send(self, *bodies: str) -> dict[str, Any]:
        """Send a batch; entry ids count from 0."""
        entries = [
            {"Id": str(n), "MessageBody": b, "MessageGroupId": b, "MessageDeduplicationId": b}
            for n, b in enumerate(bodies)
        ]
        answer: dict[str, Any] = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        return answer

    def stored(self) -> list[str]:
        """List the bodies that are stored."""
        return [message.body for message in self.service.stored(self.url)]


@pytest.fixture
def world() -> World:
    """Give an empty queue."""
    return World()


@pytest.mark.parametrize(
    ("error", "kind", "in_doubt"),
    [
        (throttled, ClientError, False),
        (server_fault, ClientError, True),
        (lost_answer, ReadTimeoutError, True),
        (unreachable, EndpointConnectionError, False),
    ],
)
def test_the_library_takes_each_for_what_it_is(
    world: World, error: MakeError, kind: type[Exception], *, in_doubt: bool
) -> None:
    """All are worth another try; whether something was done is in doubt, or not."""
    world.faults.fail_calls(error, times=2)
    with pytest.raises(kind):
        world.client.list_queues()
    failure = call(world.client.list_queues)
    assert isinstance(failure, SendFailure)
    assert (failure.retryable, failure.in_doubt) == (True, in_doubt)
    assert world.client.list_queues()["QueueUrls"]


def test_a_call_fails_without_an_effect(world: World) -> None:
    """As when SQS was not reached."""
    fault = world.faults.fail_calls(unreachable, times=1)
    with pytest.raises(EndpointConnectionError):
        world.send("1")
    assert world.stored() == []
    assert fault.hits == 1
    world.send("1")
    assert fault.hits == 1


def test_an_answer_is_lost(world: World) -> None:
    """The call was carried out: sent again, the message is a duplicate."""
    world.faults.fail_calls(lost_answer, effect="done", times=1)
    with pytest.raises(ReadTimeoutError):
        world.send("1")
    assert world.stored() == ["1"]
    assert world.send("1")["Successful"]
    assert world.stored() == ["1"]


def test_a_call_is_carried_out_late(world: World) -> None:
    """After its caller gave it up, when the test says so; nobody hears of a refusal."""
    world.faults.fail_calls(lost_answer, effect="late", times=2)
    entries = [{"Id": "0", "MessageBody": "1", "MessageGroupId": "a"}]
    with pytest.raises(ReadTimeoutError):
        world.client.send_message_batch(QueueUrl="https://nowhere.invalid", Entries=entries)
    with pytest.raises(ReadTimeoutError):
        world.send("1")
    assert world.stored() == []
    assert world.service.carry_out_late() == 2
    assert world.stored() == ["1"]
    assert world.service.carry_out_late() == 0


def test_calls_are_chosen(world: World) -> None:
    """By operation and arguments; the fault that was ordered first strikes."""

    def deletes(operation: str, arguments: Any) -> bool:  # noqa: ANN401
        return operation == "DeleteMessageBatch" and arguments["QueueUrl"] == world.url

    world.faults.fail_calls(throttled, deletes)
    world.faults.fail_calls(server_fault, deletes)
    world.send("1")
    [message] = world.client.receive_message(QueueUrl=world.url)["Messages"]
    entries = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    with pytest.raises(ClientError, match="RequestThrottled"):
        world.client.delete_message_batch(QueueUrl=world.url, Entries=entries)
    world.faults.clear()
    world.client.delete_message_batch(QueueUrl=world.url, Entries=entries)
    assert world.stored() == []


@pytest.mark.parametrize("done", [False, True])
def test_an_entry_fails(world: World, *, done: bool) -> None:
    """Alone, with or without its effect."""
    fault = world.faults.fail_entries(
        lambda operation, entry: (operation, entry["Id"]) == ("SendMessageBatch", "1"), done=done
    )
    answer = world.send("0", "1", "2")
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "2"]
    assert answer["Failed"] == [
        {"Id": "1", "SenderFault": False, "Code": "InternalError", "Message": ""}
    ]
    assert world.stored() == (["0", "1", "2"] if done else ["0", "2"])
    fault.end()
    assert "Failed" not in world.send("0", "1", "2")


def test_all_entries_fail_so_often(world: World) -> None:
    """With the code that was ordered."""
    world.faults.fail_entries(code="RequestThrottled", sender_fault=True, times=3)
    answer = world.send("0", "1")
    assert "Successful" not in answer
    assert {(e["Code"], e["SenderFault"]) for e in answer["Failed"]} == {("RequestThrottled", True)}
    assert [entry["Id"] for entry in world.send("0", "1")["Successful"]] == ["1"]
    world.faults.fail_entries()
    world.faults.clear()
    assert len(world.send("0", "1")["Successful"]) == 2


def test_a_fault_ends_with_its_block(world: World) -> None:
    """Whether the block ends well or not; others go on."""
    with world.faults.fail_entries() as entries, world.faults.fail_calls(throttled, times=1):
        with pytest.raises(ClientError):
            world.send("1")
        assert "Successful" not in world.send("1")
    assert world.send("1")["Successful"]
    assert entries.hits == 1
    with pytest.raises(ClientError, match="RequestThrottled"), world.faults.fail_calls(throttled):
        world.send("2")
    assert world.send("2")["Successful"]
