"""What the contract suite does not ask of the queue in memory: virtual time, limits, looking in."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from pydantic import BaseModel

from durable_ingest import Enqueuer, Table
from durable_ingest.testing import EventSource, MemoryQueueService, QueuePair
from tests.virtual_clock import VirtualClock

NOW = 1_700_000_000.0


class Queue:
    """A FIFO queue of a service, with the calls that the tests are made of."""

    def __init__(self, clock: VirtualClock, *, fifo: bool = True, **settings: Any) -> None:  # noqa: ANN401
        """Create it; settings are the service's, or create_queue's."""
        own = {"wait", "seed", "in_flight_limit", "look_ahead"}
        of_service = {name: value for name, value in settings.items() if name in own}
        of_queue = {name: value for name, value in settings.items() if name not in own}
        self.service = MemoryQueueService(clock.now, **of_service)
        self.client: Any = self.service.client()
        self.pair = self.service.create_queue("queue", fifo=fifo, **of_queue)
        self.url = self.pair.url
        self._fifo = fifo
        self._sent = 0

    def send(self, body: str = "x", group: str = "a", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send one message."""
        self._sent += 1
        if self._fifo:
            more = {"MessageDeduplicationId": f"d{self._sent}", "MessageGroupId": group} | more
        answer: dict[str, Any] = self.client.send_message(
            QueueUrl=self.url, MessageBody=body, **more
        )
        return answer

    def receive(self, most: int = 10, url: str = "", **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Receive once."""
        answer = self.client.receive_message(
            QueueUrl=url or self.url, MaxNumberOfMessages=most, AttributeNames=["All"], **more
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def bodies(self, most: int = 10) -> list[str]:
        """Receive once; only the bodies."""
        return [message["Body"] for message in self.receive(most)]

    def delete(self, message: dict[str, Any]) -> None:
        """Delete a received message."""
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Read the code of a refusal."""
    return error.value.response["Error"]["Code"]


# Limits


def test_a_full_fifo_queue_gives_nothing(clock: VirtualClock) -> None:
    """At the limit of messages in flight there is no error; below it, no more than fit."""
    queue = Queue(clock, in_flight_limit=3)
    for n in range(5):
        queue.send(str(n), group=str(n))
    first = queue.receive(2)
    assert queue.bodies(2) == ["2"]
    assert queue.receive() == []
    queue.delete(first[0])
    assert queue.bodies() == ["3"]


def test_a_full_standard_queue_refuses(clock: VirtualClock) -> None:
    """With OverLimit."""
    queue = Queue(clock, fifo=False, in_flight_limit=2)
    for n in range(3):
        queue.send(str(n))
    assert len(queue.receive()) == 2
    with pytest.raises(ClientError) as error:
        queue.receive()
    assert code_of(error) == "OverLimit"


def test_a_backlog_hides_what_lies_behind(clock: VirtualClock) -> None:
    """A FIFO queue looks so far from its head, in flight or not, and no further."""
    queue = Queue(clock, look_ahead=3)
    for n in range(3):
        queue.send(f"a{n}", group="a")
    queue.send("b0", group="b")
    queue.send("b1", group="b")
    [head] = queue.receive(1)
    assert head["Body"] == "a0"
    assert queue.receive() == []
    queue.delete(head)
    assert queue.bodies() == ["a1", "a2", "b0"]
    assert queue.receive() == []


def test_what_lies_behind_expires_unseen(clock: VirtualClock) -> None:
    """A message that no receive could find is gone when its time is up."""
    queue = Queue(clock, look_ahead=1, retention=60)
    queue.send("1", group="a")
    queue.send("2", group="b")
    clock.sleep(59)
    queue.send("3", group="c")
    clock.sleep(1)
    assert queue.bodies() == ["3"]
    assert queue.service.tally(queue.url).expired == 2


def test_a_group_whose_head_expired_is_given_once(clock: VirtualClock) -> None:
    """Its next message is its head, and locks it."""
    queue = Queue(clock, retention=60)
    queue.send("1")
    clock.sleep(30)
    queue.send("2")
    clock.sleep(30)
    assert queue.bodies() == ["2"]
    assert queue.bodies() == []


# Time


def test_a_long_poll_passes_no_time(clock: VirtualClock) -> None:
    """Unless it is given a way to wait, it returns at once."""
    queue = Queue(clock)
    assert queue.receive(WaitTimeSeconds=20) == []
    assert clock.elapsed == 0.0


def test_a_long_poll_waits_its_time(clock: VirtualClock) -> None:
    """On the given clock, as long as nothing comes; the queue may say how long."""
    queue = Queue(clock, wait=clock.sleep)
    assert queue.receive(WaitTimeSeconds=20) == []
    assert clock.elapsed == 20.0
    attributes = {"ReceiveMessageWaitTimeSeconds": "7"}
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
    assert queue.receive() == []
    assert clock.elapsed == 27.0


def test_a_long_poll_ends_when_a_message_becomes_visible(clock: VirtualClock) -> None:
    """Not a moment later."""
    queue = Queue(clock, wait=clock.sleep, visibility_timeout=5)
    queue.send("1")
    queue.receive()
    assert [message["Body"] for message in queue.receive(WaitTimeSeconds=20)] == ["1"]
    assert clock.waits == [5.0]


def test_a_long_poll_looks_again_after_each_wait(clock: VirtualClock) -> None:
    """What was sent meanwhile is received, however short the waits are."""
    queue: Queue

    def wait(_seconds: float) -> None:
        clock.sleep(1.0)
        if clock.elapsed == 3.0:
            queue.send("1")

    queue = Queue(clock, wait=wait)
    assert [message["Body"] for message in queue.receive(WaitTimeSeconds=20)] == ["1"]
    assert clock.elapsed == 3.0


def test_a_long_poll_does_not_hang_on_a_clock_that_stands_still(clock: VirtualClock) -> None:
    """It gives up."""
    queue = Queue(clock, wait=lambda _seconds: None)
    assert queue.receive(WaitTimeSeconds=20) == []


@pytest.mark.parametrize("seconds", [-1, 21])
def test_a_long_poll_is_at_most_twenty_seconds(clock: VirtualClock, seconds: int) -> None:
    """Other times are refused."""
    with pytest.raises(ClientError) as error:
        Queue(clock).receive(WaitTimeSeconds=seconds)
    assert code_of(error) == "InvalidParameterValue"


def test_the_next_change_is_known(clock: VirtualClock) -> None:
    """When the next message in flight becomes visible; the settings of today count."""
    queue = Queue(clock, visibility_timeout=30)
    assert queue.service.next_visible_at() is None
    for group in "ab":
        queue.send(group=group)
    first, second = queue.receive()
    assert queue.service.next_visible_at() == NOW + 30
    queue.delete(second)
    queue.client.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=100
    )
    assert queue.service.next_visible_at() == NOW + 100
    clock.sleep(100)
    assert queue.service.next_visible_at() is None


# Looking inside


def test_messages_can_be_seen_without_receiving(clock: VirtualClock) -> None:
    """In the order of sending, with all that a test asserts on."""
    queue = Queue(clock, visibility_timeout=30)
    attribute = {"n": {"DataType": "String", "StringValue": "v"}}
    sent = queue.send("1", "a", MessageDeduplicationId="d", MessageAttributes=attribute)
    queue.send("2", "b")
    queue.receive(1)
    first, second = queue.service.stored(queue.url)
    assert first.message_id == sent["MessageId"]
    assert first.sequence_number == sent["SequenceNumber"]
    assert (first.body, first.group_id, first.dedup_id) == ("1", "a", "d")
    assert first.attributes == attribute
    assert (first.sent_at, first.receives, first.visible_at) == (NOW, 1, NOW + 30)
    assert (first.in_flight, second.in_flight) == (True, False)
    assert (second.receives, second.visible_at) == (0, 0.0)
    clock.sleep(30)
    assert not any(message.in_flight for message in queue.service.stored(queue.url))


def test_the_tally_says_what_became_of_the_messages(clock: VirtualClock) -> None:
    """Each stored message is counted once."""
    queue = Queue(clock, max_receive_count=1, retention=600)
    for n in range(6):
        queue.send(str(n), group=str(n))
    queue.send("0", group="0", MessageDeduplicationId="d1")
    queue.delete(queue.receive(1)[0])
    [again] = queue.receive(1, VisibilityTimeout=0)
    clock.sleep(300)
    queue.send("late", group="late")
    assert again["Body"] not in queue.bodies(1)
    clock.sleep(300)
    tally = queue.service.tally(queue.url)
    assert (tally.stored, tally.duplicates, tally.deleted) == (7, 1, 1)
    assert (tally.dead, tally.expired, tally.purged) == (1, 4, 0)
    assert tally.present == queue.service.depth(queue.url) == 1
    queue.client.purge_queue(QueueUrl=queue.url)
    tally = queue.service.tally(queue.url)
    assert (tally.purged, tally.present) == (1, 0)


def answers(seed: int) -> list[Any]:
    """Send and receive a little; collect what SQS made up."""
    queue = Queue(VirtualClock(), seed=seed)
    sent = [queue.send(group=group) for group in "aab"]
    return [*sent, *queue.receive()]


def test_runs_can_be_repeated() -> None:
    """The same calls get the same ids and handles; another seed gives others."""
    assert answers(1) == answers(1)
    ids = {answer["MessageId"] for answer in answers(1)}
    assert ids.isdisjoint(answer["MessageId"] for answer in answers(2))


def test_a_purge_ends_what_is_in_flight(clock: VirtualClock) -> None:
    """Its visibility timeout ends later without a trace."""
    queue = Queue(clock, visibility_timeout=30)
    queue.send("old")
    [message] = queue.receive(ReceiveRequestAttemptId="attempt")
    queue.client.purge_queue(QueueUrl=queue.url)
    assert queue.receive(ReceiveRequestAttemptId="attempt") == []
    queue.send("new")
    clock.sleep(30)
    assert queue.bodies() == ["new"]
    with pytest.raises(ClientError):
        queue.delete(message)


# What AWS leaves open


def test_sequence_numbers_have_twenty_digits(clock: VirtualClock) -> None:
    """So text that is compared as text goes wrong nowhere, and 64 bits do not hold them."""
    number = Queue(clock).send()["SequenceNumber"]
    assert len(number) == 20
    assert int(number) > 2**64


def test_a_duplicate_is_answered_as_the_first(clock: VirtualClock) -> None:
    """With its message id and sequence number."""
    queue = Queue(clock)
    first, second = (queue.send("1", MessageDeduplicationId="same") for _ in range(2))
    assert first == second


def test_a_delete_may_be_repeated_until_its_handle_expires(clock: VirtualClock) -> None:
    """As a client does whose answer was lost."""
    queue = Queue(clock, visibility_timeout=30)
    queue.send()
    [message] = queue.receive()
    queue.delete(message)
    clock.sleep(29)
    queue.delete(message)
    clock.sleep(1)
    with pytest.raises(ClientError) as error:
        queue.delete(message)
    assert code_of(error) == "InvalidParameterValue"


def test_spent_handles_do_not_pile_up(clock: VirtualClock) -> None:
    """A long run keeps those that may still be used."""
    queue = Queue(clock, visibility_timeout=1)
    for _ in range(1500):
        queue.send()
        queue.delete(queue.receive()[0])
        clock.sleep(1)
    assert len(queue.service._registry.queue(queue.url).messages._spent) <= 1001


def test_a_message_stays_when_its_dead_letter_queue_is_gone(clock: VirtualClock) -> None:
    """It is received on."""
    queue = Queue(clock, max_receive_count=1)
    queue.client.delete_queue(QueueUrl=queue.pair.dead_letter_url)
    queue.send("1")
    for _ in range(3):
        assert queue.receive(VisibilityTimeout=0)


def test_a_move_is_deduplicated_by_the_message_id(clock: VirtualClock) -> None:
    """A consumer that has written the dead letter itself, with that id, makes no second one."""
    queue = Queue(clock, max_receive_count=1)
    sent = queue.send("1")
    queue.receive(VisibilityTimeout=0)
    dead = queue.pair.dead_letter_url
    assert dead
    queue.client.send_message(
        QueueUrl=dead,
        MessageBody="written",
        MessageGroupId="a",
        MessageDeduplicationId=sent["MessageId"],
    )
    assert queue.receive() == []
    assert [message.body for message in queue.service.stored(dead)] == ["written"]
    assert queue.service.tally(dead).duplicates == 1
    assert queue.service.depth(queue.url) == 0


def test_dead_letters_do_not_move_where_they_are(clock: VirtualClock) -> None:
    """The destination is another queue, and of the same type."""
    queue = Queue(clock, max_receive_count=1)
    other = queue.service.create_queue("other", fifo=False)
    answer = queue.client.get_queue_attributes(
        QueueUrl=queue.pair.dead_letter_url, AttributeNames=["QueueArn"]
    )
    source = answer["Attributes"]["QueueArn"]
    for target in (source, other.arn):
        with pytest.raises(ClientError) as error:
            queue.client.start_message_move_task(SourceArn=source, DestinationArn=target)
        assert code_of(error) == "InvalidParameterValue"


# Standard queues


def test_a_standard_queue_has_no_groups(clock: VirtualClock) -> None:
    """A group in flight locks nothing, nothing is deduplicated, and there is no sequence."""
    queue = Queue(clock, fifo=False)
    for _ in range(2):
        assert "SequenceNumber" not in queue.send("1", MessageGroupId="a")
    [first] = queue.receive(1)
    assert queue.bodies() == ["1"]
    assert first["Attributes"]["MessageGroupId"] == "a"
    for more in ({"MessageDeduplicationId": "d"}, {"MessageGroupId": "a b"}):
        with pytest.raises(ClientError) as error:
            queue.send("2", **more)
        assert code_of(error) == "InvalidParameterValue"
    with pytest.raises(ClientError) as error:
        queue.receive(ReceiveRequestAttemptId="attempt")
    assert code_of(error) == "InvalidParameterValue"


def test_a_standard_queue_deletes_by_the_latest_handle(clock: VirtualClock) -> None:
    """Expired or not; by an older one it says yes and deletes nothing."""
    queue = Queue(clock, fifo=False, visibility_timeout=1)
    queue.send("1")
    [first] = queue.receive()
    clock.sleep(1)
    [second] = queue.receive()
    queue.delete(first)
    assert queue.service.depth(queue.url) == 1
    clock.sleep(1)
    queue.delete(second)
    queue.delete(second)
    assert queue.service.depth(queue.url) == 0


def test_a_standard_queue_knows_its_handles(clock: VirtualClock) -> None:
    """Those of another queue are refused."""
    queue = Queue(clock, fifo=False)
    other = queue.service.create_queue("other", fifo=False)
    queue.send()
    [message] = queue.receive()
    with pytest.raises(ClientError) as error:
        queue.client.delete_message(QueueUrl=other.url, ReceiptHandle=message["ReceiptHandle"])
    assert code_of(error) == "ReceiptHandleIsInvalid"


# Settings


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("FifoQueue", "true", "InvalidAttributeName"),
        ("ContentBasedDeduplication", "true", "InvalidAttributeName"),
        ("RedrivePolicy", "{", "InvalidParameterValue"),
        ("RedrivePolicy", '{"maxReceiveCount": 3}', "InvalidParameterValue"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "a", "maxReceiveCount": 0}', "InvalidParam"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "a", "maxReceiveCount": 1001}', "InvalidParam"),
        ("VisibilityTimeout", "thirty", "InvalidAttributeValue"),
    ],
)
def test_settings_that_are_refused(clock: VirtualClock, name: str, value: str, code: str) -> None:
    """FIFO's own on a standard queue, and redrive policies that say nothing."""
    queue = Queue(clock, fifo=False, dead_letter=False)
    with pytest.raises(ClientError) as error:
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={name: value})
    assert code_of(error).startswith(code)


def test_unknown_attributes_cannot_be_read(clock: VirtualClock) -> None:
    """Rather than being left out of the answer."""
    queue = Queue(clock)
    with pytest.raises(ClientError) as error:
        queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["Colour"])
    assert code_of(error) == "InvalidAttributeName"


# As boto3


@pytest.mark.parametrize(
    ("method", "arguments", "text"),
    [
        ("send_message", {"MessageBody": "x"}, "Missing required parameter.*QueueUrl"),
        ("send_message", {"QueueUrl": "q", "MessageBody": 1}, "Invalid type.*MessageBody"),
        ("send_message", {"QueueUrl": "q", "MessageBody": "x", "Body": "y"}, "Unknown.*'Body'"),
        ("send_message_batch", {"QueueUrl": "q", "Entries": [{"Id": "1"}]}, "MessageBody"),
        ("send_message_batch", {"QueueUrl": "q", "Entries": "x"}, "Invalid type.*Entries"),
        ("receive_message", {"QueueUrl": "q", "MaxNumberOfMessages": "1"}, "MaxNumberOfMessages"),
        ("create_queue", {"QueueName": "q", "Attributes": []}, "Invalid type.*Attributes"),
    ],
)
def test_what_boto3_does_not_send_is_refused(
    clock: VirtualClock, method: str, arguments: dict[str, Any], text: str
) -> None:
    """With botocore's error, naming the parameter."""
    with pytest.raises(ParamValidationError, match=text):
        getattr(Queue(clock).client, method)(**arguments)


def test_a_refusal_is_a_client_error(clock: VirtualClock) -> None:
    """Its code has the namespace that boto3 shows; the API reference's name is beside it."""
    with pytest.raises(ClientError, match="ReceiveMessage") as error:
        Queue(clock).receive(url="https://nowhere.invalid/q")
    assert code_of(error) == "AWS.SimpleQueueService.NonExistentQueue"
    assert error.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"  # type: ignore[typeddict-item]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_delays_are_said_to_be_missing(clock: VirtualClock) -> None:
    """Rather than ignored."""
    queue = Queue(clock, fifo=False)
    with pytest.raises(NotImplementedError, match="DelaySeconds"):
        queue.send(DelaySeconds=1)
    with pytest.raises(NotImplementedError, match="DelaySeconds"):
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"DelaySeconds": "1"})


def test_a_client_has_what_boto3s_has(clock: VirtualClock) -> None:
    """Where it points, and a way to close it; its answers belong to the caller."""
    queue = Queue(clock)
    client = queue.client
    assert queue.url.startswith(client.meta.endpoint_url)
    attribute = {"n": {"DataType": "String", "StringValue": "v"}}
    queue.send(MessageAttributes=attribute)
    receive: dict[str, Any] = {"VisibilityTimeout": 0, "MessageAttributeNames": ["All"]}
    [first] = queue.receive(**receive)
    first["MessageAttributes"]["n"]["StringValue"] = "changed"
    [second] = queue.receive(**receive)
    assert second["MessageAttributes"] == attribute
    client.close()
    assert queue.bodies() == ["x"]


def test_botocore_is_loaded_when_something_is_refused() -> None:
    """Not before: a simulation starts at once."""
    code = """
import sys
from durable_ingest.testing import MemoryQueueService
service = MemoryQueueService(lambda: 0.0)
url = service.create_queue("q").url
client = service.client()
client.send_message(
    QueueUrl=url, MessageBody="x", MessageGroupId="a", MessageDeduplicationId="d"
)
message = client.receive_message(QueueUrl=url)["Messages"][0]
client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
print("botocore" in sys.modules)
try:
    client.delete_message(QueueUrl=url, ReceiptHandle="none")
except Exception as error:
    print(type(error).__name__, "botocore" in sys.modules)
"""
    done = subprocess.run(  # noqa: S603  this very interpreter
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["False", "ClientError", "True"]


# With the rest


class Item(BaseModel):
    """A row."""

    item_id: int


def test_an_enqueuer_sends_to_it(clock: VirtualClock) -> None:
    """The library's own sending, on a client of it."""
    queue = Queue(clock)
    enqueuer = Enqueuer(queue.url, Table("items", Item, key="item_id"), client=queue.client)
    receipts = enqueuer.enqueue_many([Item(item_id=n) for n in range(12)])
    stored = queue.service.stored(queue.url)
    assert [message.message_id for message in stored] == [r.message_id for r in receipts]
    assert [message.sequence_number for message in stored] == [r.sequence_number for r in receipts]


def test_an_event_source_polls_it(clock: VirtualClock) -> None:
    """Handlers run on it as on any other queue."""
    queue = Queue(clock)
    for body in "12":
        queue.send(body)
    bodies: list[str] = []

    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        first, second = event["Records"]
        bodies.extend((first["body"], second["body"]))
        return {"batchItemFailures": [{"itemIdentifier": second["messageId"]}]}

    source = EventSource(queue.client, queue.url, lambda: handler, report_batch_item_failures=True)
    assert source.step() is not None
    assert source.step() is None
    assert bodies == ["1", "2"]
    assert [message.body for message in queue.service.stored(queue.url)] == ["2"]


def drain(pair: QueuePair, client: Any, seen: list[str]) -> None:  # noqa: ANN401
    """Receive and delete until the queue is empty."""
    while messages := client.receive_message(QueueUrl=pair.url, MaxNumberOfMessages=3).get(
        "Messages"
    ):
        seen.extend(message["Body"] for message in messages)
        for message in messages:
            client.delete_message(QueueUrl=pair.url, ReceiptHandle=message["ReceiptHandle"])


def test_threads_share_it(clock: VirtualClock) -> None:
    """Each message comes once, to one of them."""
    queue = Queue(clock)
    seen: list[str] = []

    def work(number: int) -> None:
        for n in range(50):
            queue.client.send_message(
                QueueUrl=queue.url,
                MessageBody=f"{number}-{n}",
                MessageGroupId=f"{number}-{n}",
                MessageDeduplicationId=f"{number}-{n}",
            )
        drain(queue.pair, queue.client, seen)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    drain(queue.pair, queue.client, seen)
    assert sorted(seen) == sorted(f"{number}-{n}" for number in range(4) for n in range(50))
