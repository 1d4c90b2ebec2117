"""Commands that take longer than there is time, on a connection that counts it."""

from typing import Any

from pydantic import BaseModel

from durable_ingest import Command, MySQL, Retry
from durable_ingest.deadline import Deadline
from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.store import MySQLStore
from durable_ingest.rows import NO_TIME, Fault, Refusal, Row
from tests.records import delivered
from tests.virtual_clock import VirtualClock


class Work(BaseModel):
    """Something that takes time."""

    name: str
    seconds: float


WORK = Command("work", Work, group="name", apply=lambda _cursor, _record: None)


class Line:
    """Nothing to cut."""

    def cut(self) -> None:
        """Do nothing."""


class CountedConnection:
    """Plays `Connection`: a command takes its seconds, and is cut where the time is over."""

    dialect = "VALUES()"
    max_packet = 1_000_000
    autocommit = False
    line = Line()

    def __init__(self, clock: VirtualClock, stored: set[str], over: float, longest: float) -> None:
        self._clock = clock
        self._stored = stored
        self._open: set[str] = set()
        self._over = over
        self._longest = longest

    def execute(self, sql: str) -> int:
        """Know COMMIT, and what undoes."""
        if sql == "COMMIT":
            self._stored |= self._open
        if sql in ("COMMIT", "ROLLBACK"):
            self._open = set()
        return 0

    def apply(self, _command: object, record: Work, **_: Any) -> None:  # noqa: ANN401 - Connection's
        """Take the record's time, but not more than an answer may."""
        took = min(record.seconds, self._longest, self._over - self._clock.elapsed)
        self._clock.elapsed += took
        if took < record.seconds:
            raise ServerError(2013, None, "Lost connection")
        self._open.add(record.name)

    def answers(self, _deadline: Deadline) -> bool:
        """Be there."""
        return True

    def close(self, *, politely: bool = True) -> None:
        """Roll back."""
        del politely
        self._open = set()


class Deliveries:
    """One environment to which a batch is delivered again and again."""

    def __init__(self, *seconds: float, longest: float = 10.0) -> None:
        self.clock = VirtualClock()
        self.stored: set[str] = set()
        self._over = 0.0
        self._rows = [self._row(n, duration) for n, duration in enumerate(seconds)]

        def connect(*_: object, **__: object) -> Any:  # noqa: ANN401 - plays a Connection
            return CountedConnection(self.clock, self.stored, self._over, longest)

        self._store = MySQLStore(
            MySQL("mysql://u:p@db/d"), [WORK], self.clock, Retry(patience=0.0), connect=connect
        )

    @staticmethod
    def _row(index: int, seconds: float) -> Row:
        record = Work(name=str(index), seconds=seconds)
        present = frozenset({"name", "seconds"})
        return Row(
            index=index,
            contract=WORK,
            record=record,
            present=present,
            group=str(index),
            message=delivered(index),
        )

    def deliver(self, time: float) -> dict[int, Refusal | None]:
        """Write what is not stored yet, with so much time; the environment was away before."""
        self._store.drop()
        self._over = self.clock.elapsed + time
        left = [row for row in self._rows if row.group not in self.stored]
        return self._store.write(left, Deadline.after(self.clock, time))


def test_commands_that_together_take_too_long_are_stored_in_the_end() -> None:
    """A few with each delivery, since each that was cut comes last and alone."""
    batch = Deliveries(*[0.12] * 10)
    for _ in range(13):
        batch.deliver(0.5)
    assert len(batch.stored) == 10


def test_one_that_always_takes_too_long_holds_up_nobody() -> None:
    """It waits for something of its own: that is no outage."""
    batch = Deliveries(0.1, 60.0, 0.1, longest=1.0)
    first = batch.deliver(30.0)
    assert batch.stored == {"0", "2"}
    assert first[1] is not None
    assert first[1].fault is Fault.UNKNOWN
    alone = batch.deliver(30.0)[1]
    assert alone is not None
    assert (alone.fault, alone.code) == (Fault.UNKNOWN, 2013)


def test_one_that_has_no_time_left_says_so() -> None:
    """The function needs more, the database is not away."""
    batch = Deliveries(0.1, 60.0)
    assert batch.deliver(2.0)[1] == NO_TIME
