"""How a drainer makes its SQS clients, and reads SQS' answers."""

import socket
from typing import Any

import pytest

from durable_ingest.answers import SendFailure
from durable_ingest.aws import call, entry_failure
from durable_ingest.deadline import Deadline
from durable_ingest.message import message
from durable_ingest.mysql import dial
from durable_ingest.mysql.preflight import problems, read_facts
from durable_ingest.testing import sqs_record
from durable_ingest.wiring import DrainerQueues
from tests.records import CUSTOMERS
from tests.virtual_clock import VirtualClock

ARN = "arn:aws:sqs:eu-west-1:123456789012:q.fifo"
DEAD = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo"


@pytest.mark.parametrize("first", [0.001, 0.0, 0.5])
def test_a_short_call_leaves_no_short_client_behind(
    monkeypatch: pytest.MonkeyPatch, first: float
) -> None:
    """The time-outs are fixed when a client is made: each limit has its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    queues = DrainerQueues(None, DEAD)
    assert queues.queue_of_arn(ARN, first).call_limit == 0.4
    assert queues.queue_of_arn(ARN, 3.0).call_limit == 3.0
    assert queues.dead_letter_queue(2.9).call_limit == 1.0


@pytest.mark.parametrize("code", ["RequestThrottled", "AWS.ThrottlingException", "Throttling"])
def test_a_throttled_entry_may_be_sent_again(code: str) -> None:
    """SQS blames the sender for it, and yet it goes away by itself."""
    assert entry_failure({"Id": "0", "SenderFault": True, "Code": code}).retryable


def test_an_address_that_cannot_be_tried_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with an address of a family that this host does not know, before a good one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        good = (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname())
        bad = (0xFFFF, socket.SOCK_STREAM, 0, "", ("::1", 1, 0, 0))

        def resolve(*_: Any, **__: Any) -> list[Any]:  # noqa: ANN401
            return [bad, good]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        clock = VirtualClock()
        with dial.dial("name.test", 1, Deadline.after(clock, 2)) as connected:
            assert connected.getpeername() == server.getsockname()


def test_a_generated_column_is_named_by_the_preflight() -> None:
    """Writing one fails for every row, with a code that says nothing of the remedy."""
    columns = [
        ("customer_id", "varchar", 36, None, None, None, "NO", None, "", "InnoDB"),
        ("email", "varchar", 99, None, None, None, "YES", None, "STORED GENERATED", "InnoDB"),
    ]
    facts = read_facts(columns, [("PRIMARY", "customer_id", None)])
    assert problems(CUSTOMERS, facts) == [
        "column 'email' of 'customers' is generated; leave it out of the model"
    ]


def test_a_bare_network_error_is_in_doubt() -> None:
    """A client that is not boto3's own may let one through."""

    def broken(**_: object) -> None:
        raise ConnectionResetError

    failure = call(broken)
    assert failure == SendFailure("ConnectionResetError", retryable=True, in_doubt=True)


def test_an_event_may_leave_its_times_out() -> None:
    """Events made by hand often do; such a message counts as new."""
    record = sqs_record("{}", group="a")
    del record["attributes"]["SentTimestamp"]
    del record["attributes"]["ApproximateFirstReceiveTimestamp"]
    read = message(record)
    assert (read.sent, read.first_received) == (None, None)
