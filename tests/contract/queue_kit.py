"""What the queue's cases share: the emulators, the calls that the cases are made of."""

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from durable_ingest.testing import (
    MemoryQueueServer,
    MemoryQueueService,
    QueuePair,
    QueueService,
    eventually,
)
from durable_ingest.testing.queue_service import create_queue, make_client, make_session
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

EMULATORS = ("memory", "memory_server", "ministack", "moto")
MIB = 1_048_576
_names = itertools.count(1)
_session = functools.cache(make_session)  # it reads SQS' model, which takes its time


def _marks(emulator: str, reasons: Mapping[str, str]) -> list[pytest.MarkDecorator]:
    if emulator not in reasons:
        return []
    kinds = (AssertionError, ClientError, NotImplementedError, pytest.fail.Exception)
    return [pytest.mark.xfail(reason=f"{emulator}: {reasons[emulator]}", raises=kinds)]


def differs(**reasons: str) -> pytest.MarkDecorator:
    """Run the case on every emulator; on these it is known to fail, for the reason given."""
    cases = [pytest.param(name, marks=_marks(name, reasons)) for name in EMULATORS]
    return pytest.mark.parametrize("sqs", cases, indirect=True)


@dataclass(frozen=True)
class Case:
    """A value that a case is run with, and the emulators on which it then fails."""

    name: str
    value: Any
    reasons: Mapping[str, str]


def case(name: str, value: Any, **reasons: str) -> Case:  # noqa: ANN401
    """Make a case."""
    return Case(name, value, reasons)


def each(argument: str, *cases: Case) -> pytest.MarkDecorator:
    """Run with each value on every emulator."""
    params = [
        pytest.param(
            emulator, c.value, marks=_marks(emulator, c.reasons), id=f"{emulator}-{c.name}"
        )
        for emulator in EMULATORS
        for c in cases
    ]
    return pytest.mark.parametrize(("sqs", argument), params, indirect=["sqs"])


in_time = pytest.mark.parametrize("sqs", ["memory", "memory_server"], indirect=True)
"""Run the case where time can be passed at will."""


@dataclass
class Sqs:
    """One emulator and its queues, with the calls that the cases are made of."""

    client: "SQSClient"
    clock: VirtualClock | None = None
    """What passes the time of a queue in memory; None where time passes by itself."""
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def queue(self, **settings: Any) -> QueuePair:  # noqa: ANN401  create_queue's own
        """Create an empty queue."""
        return create_queue(self.client, f"case-{next(_names)}", **settings)

    def send(self, url: str, body: str = "x", group: str = "a", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send one message; its deduplication id is fresh unless given."""
        more = {"MessageDeduplicationId": f"dedup-{next(self._ids)}"} | more
        return dict(
            self.client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)
        )

    def send_batch(self, url: str, *bodies: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send one batch to the group `a`; entry ids count from 0."""
        entries: list[Any] = [
            {
                "Id": str(n),
                "MessageBody": body,
                "MessageGroupId": "a",
                "MessageDeduplicationId": f"dedup-{next(self._ids)}",
            }
            | more
            for n, body in enumerate(bodies)
        ]
        return dict(self.client.send_message_batch(QueueUrl=url, Entries=entries))

    def receive(self, url: str, most: int = 10, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Receive once, without waiting, with all attributes."""
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            **more,
        )
        return [dict(message) for message in answer.get("Messages", [])]

    def bodies(self, url: str, most: int = 10) -> list[str]:
        """Receive once; only the bodies."""
        return [message["Body"] for message in self.receive(url, most)]

    def wait(self, seconds: float) -> None:
        """Let time pass; for cases marked `in_time`."""
        assert self.clock is not None
        self.clock.sleep(seconds)

    def await_messages(self, url: str) -> list[dict[str, Any]]:
        """Receive until something comes: a visibility timeout of a second has to end first."""
        if self.clock is not None:
            self.clock.sleep(1.0)
            return self.receive(url)
        return eventually(lambda: self.receive(url), within=5.0, every=0.05, what="a message")

    def delete(self, url: str, message: dict[str, Any]) -> None:
        """Delete a received message."""
        self.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, url: str, message: dict[str, Any], seconds: int) -> None:
        """Change a received message's visibility timeout."""
        self.client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


@pytest.fixture(params=EMULATORS)
def sqs_fixture(request: pytest.FixtureRequest) -> Iterator[Sqs]:
    """Give each emulator in turn; a module names it `sqs`."""
    if request.param == "memory":
        clock = VirtualClock()
        service = MemoryQueueService(clock.now, wait=clock.sleep)
        yield Sqs(service.client(), clock)
    elif request.param == "memory_server":
        clock = VirtualClock()
        with (
            MemoryQueueServer(clock.now, wait=clock.sleep) as server,
            contextlib.closing(make_client(server.endpoint_url, session=_session())) as client,
        ):
            yield Sqs(client, clock)
    elif request.param == "ministack":
        local: QueueService = request.getfixturevalue("queue_service")
        with contextlib.closing(local.client()) as client:
            yield Sqs(client)
    else:
        with mock_aws(), contextlib.closing(make_client(session=_session())) as client:
            yield Sqs(client)


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Expect an error of one of these codes; SQS puts a namespace before some."""
    with pytest.raises(ClientError) as caught:
        yield
    code = caught.value.response["Error"]["Code"].rpartition(".")[2]
    assert code in codes
