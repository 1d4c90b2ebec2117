"""The strict queue in memory behind HTTP: what boto3's own clients see of it."""

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel

from durable_ingest import Enqueuer, Table
from durable_ingest.answers import SendFailure
from durable_ingest.aws import call, sqs_client
from durable_ingest.testing import EventSource, LambdaContext, MemoryQueueServer, eventually
from durable_ingest.testing.queue_faults import (
    MakeError,
    lost_answer,
    server_fault,
    throttled,
    unreachable,
)
from tests.virtual_clock import VirtualClock


class Customer(BaseModel):
    """A row."""

    customer_id: str
    name: str


CUSTOMERS = Table("customers", Customer, key="customer_id")


class World:
    """A server, a queue on it, and the client that the library makes for it."""

    def __init__(self, server: MemoryQueueServer, clock: VirtualClock) -> None:
        self.server, self.clock, self.service = server, clock, server.service
        self.pair = self.service.create_queue("queue")
        self.url = self.pair.url
        self.client = sqs_client(self.url, connect_timeout=5.0, read_timeout=5.0)

    def message(self, body: str, **more: object) -> dict[str, Any]:
        """Make the parameters of a send, less the queue."""
        return {"MessageBody": body, "MessageGroupId": "a", "MessageDeduplicationId": body, **more}

    def send(self, body: str, **more: object) -> dict[str, Any] | SendFailure:
        """Send a message as the library would, once."""
        return call(self.client.send_message, QueueUrl=self.url, **self.message(body, **more))

    def receive(self) -> list[dict[str, Any]]:
        """Receive once, with all attributes."""
        answer = self.client.receive_message(
            QueueUrl=self.url, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def stored(self) -> list[str]:
        """List the bodies that are stored."""
        return [message.body for message in self.service.stored(self.url)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give an empty queue, and credentials that boto3 asks for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    clock = VirtualClock()
    with MemoryQueueServer(clock.now, wait=clock.sleep, seed=7) as server:
        world = World(server, clock)
        with closing(world.client):
            yield world


def failure_of(answer: object) -> SendFailure:
    """Expect a call to have failed."""
    assert isinstance(answer, SendFailure)
    return answer


def test_records_travel_from_an_enqueuer_to_a_handler(world: World) -> None:
    """Through clients of boto3 alone, the library's own among them; both queues are empty then."""
    customers = [Customer(customer_id=f"c{n}", name="é\ufffe") for n in range(25)]
    receipts = Enqueuer(world.url, CUSTOMERS).enqueue_many(customers)
    seen: list[dict[str, Any]] = []

    def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        seen.extend(event["Records"])
        return {"batchItemFailures": []}

    source = EventSource(world.client, world.url, lambda: handler, report_batch_item_failures=True)
    sizes = [len(step.deleted) for step in iter(source.step, None)]
    assert sizes == [10, 10, 5]
    assert [Customer.model_validate_json(record["body"]) for record in seen] == customers
    assert [record["messageId"] for record in seen] == [r.message_id for r in receipts]
    assert [record["attributes"]["SequenceNumber"] for record in seen] == [
        r.sequence_number for r in receipts
    ]
    assert {record["eventSourceARN"] for record in seen} == {world.pair.arn}
    assert world.stored() == []


def test_a_long_poll_passes_virtual_time(world: World) -> None:
    """As through the client in memory."""
    world.client.receive_message(QueueUrl=world.url, WaitTimeSeconds=20)
    assert world.clock.elapsed == 20


def test_binary_attributes_keep_their_bytes(world: World) -> None:
    """They travel as Base64; an attribute may have the name of that field."""
    attributes = {
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x80"},
        "BinaryValue": {"DataType": "String", "StringValue": "AAAA"},
    }
    world.send("1", MessageAttributes=attributes)
    [message] = world.receive()
    assert message["MessageAttributes"] == attributes
    [stored] = world.service.stored(world.url)
    assert stored.attributes == attributes


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("send_message", {"QueueUrl": "http://127.0.0.1/none", "MessageBody": "x"}),
    ("send_message", {"MessageBody": "x"}),
    ("send_message", {"MessageBody": "\x01", "MessageGroupId": "a"}),
    ("send_message_batch", {"Entries": []}),
    ("delete_message", {"ReceiptHandle": "none"}),
    ("receive_message", {"MaxNumberOfMessages": 11}),
    ("get_queue_attributes", {"AttributeNames": ["Colour"]}),
    ("create_queue", {"QueueName": "queue.fifo", "Attributes": {"FifoQueue": "false"}}),
    ("start_message_move_task", {"SourceArn": "arn:aws:sqs:eu-west-1:000000000000:none"}),
]


@pytest.mark.parametrize(("method", "arguments"), REFUSED)
def test_errors_are_those_of_the_client_in_memory(
    world: World, method: str, arguments: dict[str, Any]
) -> None:
    """Code, the newer protocol's code, text, whose fault it is, and the status."""
    if method not in ("create_queue", "start_message_move_task"):
        arguments = {"QueueUrl": world.url} | arguments
    errors = []
    for client in (world.service.client(), world.client):
        with pytest.raises(ClientError) as caught:
            getattr(client, method)(**arguments)
        metadata = caught.value.response["ResponseMetadata"]
        errors.append((caught.value.response["Error"], metadata["HTTPStatusCode"]))
    assert errors[0] == errors[1]


def test_errors_have_their_classes(world: World) -> None:
    """boto3 makes them of the code that SQS' newer protocol has."""
    with pytest.raises(world.client.exceptions.QueueDoesNotExist):
        world.client.get_queue_url(QueueName="none")


@pytest.mark.parametrize(
    ("method", "arguments", "code", "text"),
    [
        ("list_queue_tags", {}, "UnsupportedOperation", "ListQueueTags"),
        ("send_message", {"MessageBody": "1", "DelaySeconds": 1}, "UnsupportedOperation", "delays"),
        (
            "receive_message",
            {"ReceiveRequestAttemptId": "1", "MessageSystemAttributeNames": ["All"]},
            "InvalidParameterValue",
            "ReceiveRequestAttemptId",
        ),
        (
            "send_message",
            {
                "MessageBody": "1",
                "MessageSystemAttributes": {
                    "AWSTraceHeader": {"DataType": "String", "StringValue": "x"}
                },
            },
            "InvalidParameterValue",
            "Unknown parameter in input: 'MessageSystemAttributes'",
        ),
    ],
)
def test_what_is_not_known_here_is_said(
    world: World, method: str, arguments: dict[str, Any], code: str, text: str
) -> None:
    """By a refusal, which no caller repeats."""
    url = world.service.create_queue("standard", fifo=False).url
    with pytest.raises(ClientError, match=text) as caught:
        getattr(world.client, method)(QueueUrl=url, **arguments)
    assert caught.value.response["Error"]["Code"].endswith(code)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("error", "code", "in_doubt"),
    [
        (throttled, "RequestThrottled", False),
        (server_fault, "InternalError", True),
        (lost_answer, "ConnectionClosedError", True),
        (unreachable, "ConnectionClosedError", True),
        (lambda _: TimeoutError(), "ConnectionClosedError", True),
    ],
)
def test_ordered_faults_strike(
    world: World, error: MakeError, code: str, *, in_doubt: bool
) -> None:
    """An error is answered; no answer closes the connection, and leaves the caller in doubt."""
    with world.service.faults.fail_calls(error, times=1) as fault:
        failure = failure_of(world.send("1"))
        assert (failure.code, failure.retryable, failure.in_doubt) == (code, True, in_doubt)
        assert world.stored() == []
        assert "MessageId" in world.send("1")
    assert fault.hits == 1
    assert world.stored() == ["1"]


def test_a_lost_answer_may_have_its_effect(world: World) -> None:
    """The message is stored; sent again, it is a duplicate."""
    with world.service.faults.fail_calls(lost_answer, effect="done"):
        assert failure_of(world.send("1")).in_doubt
    assert world.stored() == ["1"]
    world.send("1")
    assert world.stored() == ["1"]


def test_single_entries_fail(world: World) -> None:
    """As ordered, with their codes."""
    entries = [{"Id": body, **world.message(body)} for body in "12"]
    with world.service.faults.fail_entries(lambda _, entry: entry["Id"] == "2", code="Broken"):
        answer = world.client.send_message_batch(QueueUrl=world.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1"]
    assert answer["Failed"] == [{"Id": "2", "SenderFault": False, "Code": "Broken", "Message": ""}]
    assert world.stored() == ["1"]


def test_a_fault_that_is_wrong_itself_is_reported(world: World) -> None:
    """Its author sees what it raised, instead of a connection cut for no reason."""

    def strikes(_operation: str, arguments: Any) -> bool:  # noqa: ANN401
        return bool(arguments["Colour"])

    with (
        world.service.faults.fail_calls(throttled, strikes),
        pytest.raises(ClientError, match="KeyError: 'Colour'"),
    ):
        world.client.list_queues()


def test_a_closed_server_is_out_of_reach_and_comes_back(world: World) -> None:
    """Nothing was done for sure; its queues, their URLs and messages are kept."""
    world.send("1")
    world.server.close()
    failure = failure_of(world.send("2"))
    assert (failure.code, failure.in_doubt) == ("EndpointConnectionError", False)
    world.server.close()
    world.server.start()
    world.send("3")
    assert world.stored() == ["1", "3"]
    with pytest.raises(RuntimeError, match="runs already"):
        world.server.start()


def raw(world: World, body: str, target: str = "AmazonSQS.ListQueues") -> http.client.HTTPResponse:
    """Post by hand; a client of Python's own keeps a connection open where it may."""
    with closing(http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=5)) as line:
        line.request("POST", "/", body, {"X-Amz-Target": target})
        answer = line.getresponse()
        assert line.sock is None
        answer.read()
    return answer


def test_no_connection_stays_open(world: World) -> None:
    """So a client that nobody closes leaks no socket into a test that takes warnings for errors."""
    answer = raw(world, "{}")
    assert (answer.status, answer.headers["Connection"]) == (200, "close")


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '{"QueueNamePrefix": 1}'])
def test_a_request_that_no_client_of_boto3_sends_is_answered(world: World, body: str) -> None:
    """With an error; the server goes on."""
    assert raw(world, body).status >= 400
    assert raw(world, "{}").status == 200


def requests_under_way() -> list[threading.Thread]:
    """List the server's threads, one for each connection."""
    return [t for t in threading.enumerate() if "process_request_thread" in t.name]


def test_a_client_that_goes_away_is_passed_over(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed, and the server goes on."""
    with socket.create_connection(("127.0.0.1", world.server.port), timeout=5) as line:
        line.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert world.client.list_queues()["QueueUrls"]
    eventually(lambda: not requests_under_way(), within=5, what="the end of the request")
    assert capfd.readouterr() == ("", "")


def test_the_server_listens_on_loopback_alone(world: World) -> None:
    """Nobody else on the network sees a test's queue."""
    assert world.server._listening is not None
    assert world.server._listening[0].server_address == ("127.0.0.1", world.server.port)
    assert world.url == f"http://127.0.0.1:{world.server.port}/000000000000/queue.fifo"
