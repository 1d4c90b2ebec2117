"""The event source mapping of the testing kernel deletes exactly what Lambda's would delete."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from durable_ingest.testing import (
    EventSource,
    Handler,
    Invocation,
    LambdaContext,
    QueuePair,
    QueueService,
    eventually,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.queue


@pytest.fixture
def client(queue_service: QueueService) -> "Iterator[SQSClient]":
    """A client of the local SQS."""
    with closing(queue_service.client()) as client:
        yield client


def send(client: "SQSClient", queue: QueuePair, *bodies: str, group: str = "") -> None:
    """Send each body; its first letter is its group unless one is given."""
    for body in bodies:
        client.send_message(
            QueueUrl=queue.url,
            MessageBody=body,
            MessageGroupId=group or body[0],
            MessageDeduplicationId=body,
            MessageAttributes={"ingest.name": {"DataType": "String", "StringValue": "customers"}},
        )


def answering(answer: Callable[[list[str]], object]) -> Callable[[], Handler]:
    """Make environments whose handler answers by the batch's message ids."""

    def handler(event: dict[str, Any], context: LambdaContext) -> object:
        del context
        return answer([record["messageId"] for record in event["Records"]])

    return lambda: handler


def failed(*ids: object) -> dict[str, object]:
    """A partial batch response."""
    return {"batchItemFailures": [{"itemIdentifier": name} for name in ids]}


def crash(ids: list[str]) -> object:
    """Raise, as a handler does."""
    del ids
    message = "database down"
    raise RuntimeError(message)


def leave(ids: list[str]) -> object:
    """End the process, as a handler should not."""
    del ids
    raise SystemExit(1)


def deleted(client: "SQSClient", queue: QueuePair, **settings: Any) -> tuple[list[str], Invocation]:  # noqa: ANN401
    """Invoke once with a, b and c waiting; return the bodies that were deleted."""
    send(client, queue, "a1", "b1", "c1")
    invocation = EventSource(client, queue.url, **settings).step()
    assert invocation is not None
    bodies = {record["messageId"]: record["body"] for record in invocation.event["Records"]}
    assert sorted(bodies.values()) == ["a1", "b1", "c1"]
    return sorted(bodies[name] for name in invocation.deleted), invocation


ALL = ["a1", "b1", "c1"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(lambda _: None, ALL, id="none"),
        pytest.param(lambda _: {}, ALL, id="empty"),
        pytest.param(lambda _: "", ALL, id="empty-text"),
        pytest.param(lambda _: {"batchItemFailures": []}, ALL, id="no-failures"),
        pytest.param(lambda _: {"batchItemFailures": None}, ALL, id="null-failures"),
        pytest.param(lambda _: {"statusCode": 200}, ALL, id="another-object"),
        pytest.param(lambda ids: failed(ids[1]), ["a1", "c1"], id="one-failed"),
        pytest.param(lambda ids: failed(ids[1], ids[1]), ["a1", "c1"], id="one-failed-twice"),
        pytest.param(lambda ids: failed(*ids), [], id="all-failed"),
        pytest.param(lambda ids: failed(ids[0], "unknown"), [], id="unknown-id"),
        pytest.param(lambda _: failed(""), [], id="empty-id"),
        pytest.param(lambda _: failed(None), [], id="null-id"),
        pytest.param(lambda ids: {"batchItemFailures": [{"id": ids[0]}]}, [], id="wrong-key"),
        pytest.param(lambda ids: {"batchItemFailures": [ids[0]]}, [], id="bare-id"),
        pytest.param(lambda ids: {"batchItemFailures": ids[0]}, [], id="no-list"),
        pytest.param(lambda _: ["ok"], [], id="list"),
        pytest.param(lambda _: "ok", [], id="text"),
        pytest.param(lambda _: 0, [], id="number"),
        pytest.param(lambda _: object(), [], id="no-json"),
        pytest.param(crash, [], id="exception"),
        pytest.param(leave, [], id="exit"),
    ],
)
def test_with_reports_the_named_stay(
    client: "SQSClient",
    queue: QueuePair,
    answer: Callable[[list[str]], object],
    expected: list[str],
) -> None:
    """With ReportBatchItemFailures each shape of answer deletes what the facts say."""
    bodies, invocation = deleted(
        client, queue, environment=answering(answer), report_batch_item_failures=True
    )
    assert bodies == expected
    assert not invocation.timed_out


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(lambda _: None, ALL, id="none"),
        pytest.param(lambda ids: failed(*ids), ALL, id="all-failed"),
        pytest.param(lambda _: failed("unknown"), ALL, id="unknown-id"),
        pytest.param(lambda _: "ok", ALL, id="text"),
        pytest.param(lambda _: object(), [], id="no-json"),
        pytest.param(crash, [], id="exception"),
    ],
)
def test_without_reports_any_answer_deletes_all(
    client: "SQSClient",
    queue: QueuePair,
    answer: Callable[[list[str]], object],
    expected: list[str],
) -> None:
    """Without ReportBatchItemFailures only a failed invocation keeps messages."""
    bodies, _ = deleted(client, queue, environment=answering(answer))
    assert bodies == expected


def test_what_is_deleted_is_gone_and_the_rest_returns(
    client: "SQSClient", make_queue: Callable[..., QueuePair]
) -> None:
    """The queue agrees with the invocation's record; a failed message comes again."""
    queue = make_queue(visibility_timeout=1)
    send(client, queue, "a1", "b1")
    source = EventSource(
        client,
        queue.url,
        answering(lambda ids: failed(ids[0])),
        report_batch_item_failures=True,
    )
    first = source.step()
    assert first is not None
    assert source.step() is None
    again = eventually(source.step, within=5, every=0.05, what="the failed message")
    assert [record["messageId"] for record in again.event["Records"]] == [
        first.event["Records"][0]["messageId"]
    ]
    assert again.event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


def test_an_exception_is_kept_with_the_invocation(client: "SQSClient", queue: QueuePair) -> None:
    """Tests can see why an invocation failed; the environment serves the next one."""
    made: list[int] = []

    def environment() -> Handler:
        made.append(1)
        return answering(crash)()

    send(client, queue, "a1", "b1")
    source = EventSource(client, queue.url, environment, batch_size=1)
    for _ in range(2):
        invocation = source.step()
        assert invocation is not None
        assert str(invocation.error) == "database down"
    assert made == [1]


def test_an_environment_that_does_not_start_fails_the_batch(
    client: "SQSClient", queue: QueuePair
) -> None:
    """An import error of the handler's module deletes nothing and is tried anew."""

    def environment() -> Handler:
        message = "no module named handler"
        raise ImportError(message)

    send(client, queue, "a1")
    invocation = EventSource(client, queue.url, environment).step()
    assert invocation is not None
    assert isinstance(invocation.error, ImportError)
    assert invocation.deleted == ()


def test_a_late_answer_is_a_timeout(client: "SQSClient", queue: QueuePair) -> None:
    """Nothing is deleted, and the environment is replaced; an environment in time is kept."""
    made: list[int] = []

    def environment() -> Handler:
        number = len(made)
        made.append(number)

        def handler(event: dict[str, Any], context: LambdaContext) -> None:
            del event
            if number == 0:
                eventually(lambda: context.get_remaining_time_in_millis() == 0, every=0.001)

        return handler

    send(client, queue, "a1", "b1", "c1")
    source = EventSource(client, queue.url, environment, batch_size=1, function_timeout=0.5)
    steps = [source.step() for _ in range(3)]
    assert [(step.timed_out, len(step.deleted)) for step in steps if step] == [
        (True, 0),
        (False, 1),
        (False, 1),
    ]
    assert made == [0, 1]


def test_an_event_has_lambdas_shape(client: "SQSClient", queue: QueuePair) -> None:
    """Names are in lower camel case; attributes are complete; the handler's copy is its own."""

    def handler(event: dict[str, Any], context: LambdaContext) -> None:
        assert context.get_remaining_time_in_millis() > 0
        event.clear()

    send(client, queue, "a1")
    invocation = EventSource(client, queue.url, lambda: handler).step()
    assert invocation is not None
    assert invocation.error is None
    (record,) = invocation.event["Records"]
    assert record["body"] == "a1"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == queue.arn
    assert record["awsRegion"] == "eu-west-1"
    assert record["messageAttributes"] == {
        "ingest.name": {
            "stringValue": "customers",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        }
    }
    assert record["attributes"]["MessageGroupId"] == "a"
    assert record["attributes"]["MessageDeduplicationId"] == "a1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {
        "SequenceNumber",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    } <= record["attributes"].keys()


def test_a_batch_has_at_most_ten(client: "SQSClient", queue: QueuePair) -> None:
    """The default batch is ten; more is refused at construction."""
    send(client, queue, *(f"a{n:02}" for n in range(12)))
    source = EventSource(client, queue.url, answering(lambda _: None))
    sizes = [len(step.deleted) if (step := source.step()) else 0 for _ in range(3)]
    assert sizes == [10, 2, 0]
    with pytest.raises(ValueError, match="batch_size"):
        EventSource(client, queue.url, answering(lambda _: None), batch_size=11)


def test_groups_run_at_once_each_in_order(client: "SQSClient", queue: QueuePair) -> None:
    """Two pollers serve two groups at the same time, each from an environment of its own."""
    meeting = threading.Barrier(2, timeout=10)
    seen: list[str] = []
    environments: list[int] = []

    def environment() -> Handler:
        environments.append(1)
        met: list[int] = []

        def handler(event: dict[str, Any], context: LambdaContext) -> None:
            del context
            if not met:
                met.append(meeting.wait())
            seen.extend(record["body"] for record in event["Records"])

        return handler

    send(client, queue, "a1", "b1", "a2", "b2", "a3", "b3")
    with EventSource(client, queue.url, environment, batch_size=1, concurrency=2):
        eventually(lambda: len(seen) == 6, what="six messages")
    assert [body for body in seen if body[0] == "a"] == ["a1", "a2", "a3"]
    assert [body for body in seen if body[0] == "b"] == ["b1", "b2", "b3"]
    assert len(environments) == 2


def test_pollers_tell_of_each_invocation_and_start_again(
    client: "SQSClient", queue: QueuePair
) -> None:
    """A stopped source leaves the queue alone; started again, it goes on."""
    told: list[Invocation] = []
    source = EventSource(client, queue.url, answering(lambda _: None), on_invocation=told.append)
    source.start()
    with pytest.raises(RuntimeError, match="runs already"):
        source.start()
    send(client, queue, "a1")
    eventually(lambda: told, what="the first invocation")
    source.stop()
    send(client, queue, "a2")
    source.start()
    eventually(lambda: len(told) == 2, what="the second invocation")
    source.stop()
    assert [invocation.event["Records"][0]["body"] for invocation in told] == ["a1", "a2"]


class Flaky:
    """A client whose calls of one name fail the first few times."""

    def __init__(self, client: "SQSClient", name: str, failures: int) -> None:
        self._client = client
        self._name = name
        self.failures = failures

    def __getattr__(self, name: str) -> object:
        """Pass on, but count down the failures."""
        if name == self._name and self.failures:
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="http://sqs")
        return getattr(self._client, name)


@pytest.mark.parametrize("name", ["receive_message", "get_queue_attributes"])
def test_pollers_survive_an_outage_of_sqs(client: "SQSClient", queue: QueuePair, name: str) -> None:
    """After failing receives the message is served."""
    told: list[Invocation] = []
    flaky = Flaky(client, name, 3)
    send(client, queue, "a1")
    with EventSource(flaky, queue.url, answering(lambda _: None), on_invocation=told.append):
        eventually(lambda: told, what="the invocation")
    assert flaky.failures == 0
    assert len(told[0].deleted) == 1


def test_a_failed_delete_lets_the_message_return(
    client: "SQSClient", make_queue: Callable[..., QueuePair]
) -> None:
    """At least once: what could not be deleted is served again."""
    queue = make_queue(visibility_timeout=1)
    send(client, queue, "a1")
    source = EventSource(
        Flaky(client, "delete_message_batch", 1), queue.url, answering(lambda _: None)
    )
    first = source.step()
    assert first is not None
    assert first.deleted == ()
    again = eventually(source.step, within=5, every=0.05, what="the message again")
    assert again.deleted == (first.event["Records"][0]["messageId"],)


def test_a_failed_receive_of_a_step_is_the_callers(client: "SQSClient", queue: QueuePair) -> None:
    """A single step hides nothing."""
    source = EventSource(Flaky(client, "receive_message", 1), queue.url, answering(lambda _: None))
    with pytest.raises(EndpointConnectionError):
        source.step()
    assert source.step() is None


def test_the_depth_counts_what_waits_and_what_is_in_flight(
    client: "SQSClient", queue: QueuePair, queue_service: QueueService
) -> None:
    """An in-flight message still counts; a deleted one does not."""
    send(client, queue, "a1", "a2", "b1")
    client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=1)
    assert queue_service.depth(queue.url) == 3
    EventSource(client, queue.url, answering(lambda _: None)).step()
    assert queue_service.depth(queue.url) == 2
