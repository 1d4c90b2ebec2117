"""What the tests of rolling deploys share: two functions that are deployed at different times.

An `Age` is what a function was built with. Producers and drainers of both ages work on one real
database and on one strict queue in memory, where held messages come back without waiting.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from durable_ingest import Drainer, Enqueuer, Inbox, MySQL, Receipt, Retry
from durable_ingest.clock import SystemClock
from durable_ingest.contract import Contract
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import EventSource, Invocation, MemoryQueueService, QueuePair
from tests.contract.drainer_kit import World

if TYPE_CHECKING:
    from durable_ingest.testing import Handler, StoredMessage

AN_HOUR = 3600.0
"""Longer than a message is hidden after so short a time."""
PASSES = 20
"""In which a queue of these tests is drained, if it ever is."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Age:
    """What a function was built with."""

    contracts: tuple[Contract, ...]
    inbox: Inbox | None = None


@dataclass
class Delivery:
    """What became of the messages of one pass over the queue: their bodies, in order."""

    stored: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    """Body -> why it, or what it is behind, is held."""
    dead: list[str] = field(default_factory=list)

    @property
    def fates(self) -> set[str]:
        """Which of the three there are."""
        named = {"stores": self.stored, "holds": self.held, "rejects": self.dead}
        return {name for name, bodies in named.items() if bodies}


class PutForward(SystemClock):
    """The real clock, with a date that can be put forward."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> float:
        """Give the real date, and so many seconds more."""
        return super().now() + self.by


class Rollout:
    """A database and a queue with functions of several ages."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = PutForward()
        self._service = MemoryQueueService(self._clock.now)
        self._queue: QueuePair = self._service.create_queue(f"rollout-{next(_numbers)}")
        self._drainers: list[Drainer] = []
        self.faults = self._service.faults
        """Orders faults of the queue."""

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as root; give the last one's rows."""
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = self._world.sql(statement)
        return rows

    def create_inbox(self, inbox: Inbox) -> None:
        """Make an inbox's table."""
        inbox.create(MySQL(self._world.url, ssl_mode="DISABLED"))

    def rows(self, table: str = "customers") -> list[dict[str, Any]]:
        """Give a table's rows, by their columns' names, in the order of its first column."""
        names = [name for name, *_ in self.sql(f"SHOW COLUMNS FROM `{table}`")]
        columns = ", ".join(f"`{name}`" for name in names)
        found = self.sql(f"SELECT {columns} FROM `{table}` ORDER BY 1")  # noqa: S608 - quoted
        return [dict(zip(names, row, strict=True)) for row in found]

    def producer(self, age: Age) -> Enqueuer:
        """Deploy a producer."""
        return Enqueuer(self._queue.url, *age.contracts, client=self._service.client())

    def send(self, age: Age, *records: BaseModel) -> list[Receipt]:
        """Send records from a producer of this age, one after the other."""
        producer = self.producer(age)
        return [producer.enqueue(record) for record in records]

    def drainer(self, age: Age) -> "Handler":
        """Deploy a drainer; give its handler, which stays warm between calls."""
        drainer = Drainer(
            MySQL(self._world.desk.drainers.url(self._world.url), ssl_mode="DISABLED"),
            *age.contracts,
            dead_letter_queue_url=self._queue.dead_letter_url,
            inbox=age.inbox,
            retry=Retry(patience=0.3),
            client=self._service.client(),
            clock=self._clock,
        )
        self._drainers.append(drainer)
        return drainer.handle

    def deliver(self, handler: "Handler") -> Delivery:
        """Let hidden messages come back, and call a handler until nothing is visible."""
        self._clock.by += AN_HOUR
        source = EventSource(self._service.client(), self._queue.url, lambda: handler)
        delivery = Delivery()
        buried = len(self.dead())
        while (invocation := source.step()) is not None:
            held = self._held(invocation.error)
            for record in invocation.event["Records"]:
                if record["messageId"] in held:
                    delivery.held[record["body"]] = held[record["messageId"]]
                else:
                    delivery.stored.append(record["body"])
        delivery.dead = [message.body for message in self.dead()[buried:]]
        for body in delivery.dead:
            delivery.stored.remove(body)
        return delivery

    def step(self, handler: "Handler") -> Invocation | None:
        """Call a handler once with what is visible; None if nothing is."""
        source = EventSource(self._service.client(), self._queue.url, lambda: handler)
        invocation = source.step()
        self._held(None if invocation is None else invocation.error)
        return invocation

    def finish(self, handler: "Handler") -> None:
        """Let the drainer that is left empty the queue, dead letters redriven into it."""
        self.redrive()
        for _ in range(PASSES):
            delivery = self.deliver(handler)
            if not self.waiting():
                break
        assert not self.waiting(), delivery.held
        assert not self.dead()

    def waiting(self) -> list[str]:
        """Give the bodies that are in the queue, in order."""
        return [message.body for message in self._service.stored(self._queue.url)]

    def dead(self) -> "list[StoredMessage]":
        """Give the dead letters, in order."""
        assert self._queue.dead_letter_url
        return self._service.stored(self._queue.dead_letter_url)

    def redrive(self) -> None:
        """Move the dead letters back, as SQS' own redrive does where it is told where to."""
        self._clock.by += AN_HOUR
        client = self._service.client()
        assert self._queue.dead_letter_url
        attributes = client.get_queue_attributes(
            QueueUrl=self._queue.dead_letter_url, AttributeNames=["QueueArn"]
        )
        client.start_message_move_task(
            SourceArn=attributes["Attributes"]["QueueArn"], DestinationArn=self._queue.arn
        )

    def close(self) -> None:
        """Close the drainers' connections."""
        for drainer in self._drainers:
            drainer._store.close()

    @staticmethod
    def _held(error: BaseException | None) -> Mapping[str, str]:
        if error is None:
            return {}
        assert isinstance(error, BatchHeldError), error
        return error.held


@pytest.fixture
def rollout_fixture(world: World) -> Iterator[Rollout]:
    """Give an empty database and an empty queue; a module names it `rollout`."""
    with closing(Rollout(world)) as rollout:
        yield rollout
