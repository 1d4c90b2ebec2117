"""A poller on the strict queue in memory, a model of a table, and virtual time."""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from durable_ingest import Drainer, Retry
from durable_ingest.rows import NO_TIME, Fault, Refusal
from durable_ingest.testing import MemoryQueueService
from tests.records import CUSTOMERS
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from random import Random

    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.report import BatchReport, PollReport
    from durable_ingest.rows import Row

T = TypeVar("T")
AWAY = Refusal(Fault.UNAVAILABLE, "the server refuses connections", 2003, everywhere=True)
NO_LOGIN = Refusal(Fault.MISCONFIGURED, "the password is wrong", 1045, everywhere=True)
LOCKED = Refusal(Fault.CONTENDED, "a lock was waited for in vain", 1205, table="customers")
REJECTED = Refusal(Fault.REJECTED, "too long", 1406, "22001", "customers")
DEPENDENT = Refusal(Fault.DEPENDENT, "no parent", 1452, "23000", "customers")


class Inline:
    """Workers that carry each task out at once."""

    def __init__(self, count: int) -> None:
        self.count = count

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Carry it out."""
        future: Future[T] = Future()
        try:
            future.set_result(task())
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Everything is done."""
        del seconds
        assert all(future.done() for future in futures)

    def close(self) -> None:
        """There are no threads."""


class _Lazy(Future[T]):
    """A future that is carried out when its result is asked for, if it was not before."""

    def __init__(self, task: Callable[[], T]) -> None:
        super().__init__()
        self._task = task

    def carry_out(self) -> None:
        """Do the work, once."""
        if self.done():
            return
        try:
            self.set_result(self._task())
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> T:
        """Carry it out."""
        self.carry_out()
        return super().result(timeout)


class Shuffled:
    """Workers whose tasks are carried out one by one, in an order that a seed decides.

    Args:
        random: the seed's.
        pause: called after each task.
    """

    def __init__(self, random: Random, pause: Callable[[], object]) -> None:
        self._random = random
        self._pause = pause
        self._open: list[_Lazy[Any]] = []

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Keep it for later."""
        lazy = _Lazy(task)
        self._open.append(lazy)
        return lazy

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Carry out one or two of those that are open."""
        del futures, seconds
        for _ in range(self._random.choice((1, 1, 2))):
            self._open = [lazy for lazy in self._open if not lazy.done()]
            if self._open:
                self._random.choice(self._open).carry_out()
                self._pause()

    def close(self) -> None:
        """Carry out what is open: a thread would."""
        for lazy in self._open:
            lazy.carry_out()


@dataclass
class Server:
    """One table, and every write of it, in order."""

    journal: list[tuple[str, int]] = field(default_factory=list)
    """Key and number of each write."""
    away: Refusal | None = None
    """Why nobody can write."""

    @property
    def rows(self) -> dict[str, int]:
        """What is stored in the end."""
        return dict(self.journal)

    def written(self) -> list[int]:
        """Numbers in the order in which they were first written."""
        return list(dict.fromkeys(number for _, number in self.journal))


@dataclass
class PolledStore:
    """Implements `ports.Database` and `ports.Store` over a server; keeps its time."""

    server: Server
    clock: VirtualClock
    refuse: Callable[[Row], Refusal | None] = lambda _row: None
    seconds: Callable[[Sequence[Row]], float] = lambda _rows: 0.01
    """What a transaction takes."""
    before: Callable[[Sequence[Row]], None] = lambda _rows: None
    """Called when one begins."""
    login: Refusal | None = None
    repeats: int = 0
    batches: list[list[int]] = field(default_factory=list)
    """The numbers of each call."""
    reached: int = 0

    def open(self, contracts: Sequence[Contract], clock: Any, *_: object) -> PolledStore:  # noqa: ANN401
        """Give itself."""
        assert contracts
        assert clock is self.clock
        return self

    def write(self, rows: Sequence[Row], deadline: Deadline) -> dict[int, Refusal | None]:
        """Write all that is not refused in one transaction, if it ends in time."""
        self.before(rows)
        self.batches.append([number_of(row) for row in rows])
        away = self.server.away or self.login
        if away is not None:
            return {row.index: away for row in rows}
        seconds = self.seconds(rows)
        if not deadline.allows(seconds):
            self.clock.elapsed += max(deadline.remaining(), 0.0)
            return {row.index: NO_TIME for row in rows}
        self.clock.elapsed += seconds
        results: dict[int, Refusal | None] = {}
        stuck: set[str] = set()
        for row in rows:
            if row.group in stuck:
                continue
            results[row.index] = refusal = self.refuse(row)
            if refusal is not None:
                stuck.add(row.group)
            else:
                self.server.journal.append((key_of(row), number_of(row)))
        return results

    def reach(self, deadline: Deadline) -> Refusal | None:
        """Log in."""
        del deadline
        self.reached += 1
        down = self.server.away or self.login
        return None if down is not None and "read-only" in down.reason else down

    def close(self) -> None:
        """Nothing is open."""


def key_of(row: Row) -> str:
    """Give the row's key."""
    return str(getattr(row.record, "customer_id", ""))


def number_of(row: Row) -> int:
    """Give the number that it was sent with."""
    return int(getattr(row.record, "email", 0))


class Stop:
    """Says when to end: once a condition holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def is_set(self) -> bool:
        """Ask it."""
        return self._condition()


class Shore:
    """A queue, a table and a drainer that polls, in virtual time."""

    def __init__(self, *, fifo: bool = True, limit: int = 120_000, **settings: int) -> None:
        self.clock = VirtualClock()
        self.service = MemoryQueueService(
            self.clock.now, wait=self.clock.sleep, in_flight_limit=limit
        )
        self.pair = self.service.create_queue("writes", fifo=fifo, **settings)
        self.dead_letters = self.pair.dead_letter_url if fifo else None
        self.client: Any = self.service.client()
        self.server = Server()
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.reports: list[BatchReport] = []
        self.store = PolledStore(self.server, self.clock)
        self.workers: Callable[[int], Any] = Inline
        self.contracts: tuple[Contract, ...] = (CUSTOMERS,)
        self.more: dict[str, Any] = {}
        self._sent = 0
        self.restart()
        self.service.faults.fail_calls(RuntimeError, self._note)

    def restart(self) -> None:
        """Begin anew, as a container does."""
        self.drainer = self.drainer_of(self.store)

    def drainer_of(self, store: PolledStore) -> Drainer:
        """Make a drainer on the queue."""
        drainer = Drainer(
            store,
            *self.contracts,
            dead_letter_queue_url=self.dead_letters,
            client=self.client,
            retry=Retry(reserve=1.0),
            on_report=self.reports.append,
            clock=self.clock,
            **self.more,
        )
        drainer._workers = lambda count: self.workers(count)  # noqa: PLW0108 - it may change
        return drainer

    def send(self, group: str, count: int = 1, body: str | None = None) -> list[int]:
        """Send messages of a group, numbered from 1 on; give their numbers."""
        numbers = []
        for _ in range(count):
            self._sent += 1
            text = json.dumps({"customer_id": group, "email": str(self._sent)})
            more: dict[str, Any] = {"MessageGroupId": group}
            if self.pair.url.endswith(".fifo"):
                more["MessageDeduplicationId"] = f"d{self._sent}"
            self.client.send_message(
                QueueUrl=self.pair.url, MessageBody=text if body is None else body, **more
            )
            numbers.append(self._sent)
        return numbers

    def poll(self, **wishes: Any) -> PollReport:  # noqa: ANN401
        """Poll until the queue is empty, unless told otherwise."""
        if not wishes.keys() & {"stop", "within", "until_empty"}:
            wishes["until_empty"] = True
        return self.drainer.poll(self.pair.url, **wishes)

    def poll_for(self, seconds: float, **wishes: Any) -> PollReport:  # noqa: ANN401
        """Poll for so long."""
        end = self.clock.elapsed + seconds
        return self.poll(stop=Stop(lambda: self.clock.elapsed >= end), **wishes)

    def delay(self, elapse: Callable[[], object]) -> None:
        """Let something happen once, when the first messages have just been received."""
        done: list[bool] = []
        shore = self

        class Delayed(Inline):
            def submit(self, task: Callable[[], T]) -> Future[T]:
                future = super().submit(task)
                if not done and shore.in_flight:
                    done.append(True)
                    elapse()
                return future

        self.workers = Delayed

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.elapsed += seconds

    @property
    def depth(self) -> int:
        """Messages in the queue."""
        return self.service.depth(self.pair.url)

    @property
    def in_flight(self) -> int:
        """Those that are hidden."""
        return sum(message.in_flight for message in self.service.stored(self.pair.url))

    @property
    def dead(self) -> list[int]:
        """Numbers of the dead letters, in order."""
        letters = self.service.stored(str(self.pair.dead_letter_url))
        return [int(json.loads(letter.body)["email"]) for letter in letters]

    def most_receives(self) -> int:
        """How often a message that is still there was received at most."""
        return max((m.receives for m in self.service.stored(self.pair.url)), default=0)

    def count(self, operation: str) -> int:
        """How many calls of an operation there were."""
        return sum(name == operation for name, _ in self.calls)

    def _note(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        self.calls.append((operation, arguments))
        return False


def in_order(server: Server, sent: Mapping[str, Sequence[int]]) -> None:
    """See that each group's messages were first written in their order, and the newest stays."""
    first: dict[str, list[int]] = defaultdict(list)
    for key, number in server.journal:
        if number not in first[key]:
            first[key].append(number)
    for key, numbers in sent.items():
        assert first[key] == [n for n in numbers if n in first[key]], key
        if numbers:
            assert server.rows[key] == max(first[key]), key
