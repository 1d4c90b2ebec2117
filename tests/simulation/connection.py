"""The drainer's end of a connection to the model server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

from durable_ingest.mysql.connection import IDLE_SECONDS, IDLE_SECONDS_IN_TRANSACTION, ServerError
from tests.simulation.sessions import LOST, Answer, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.upsert import Dialect
    from tests.simulation.database import Server
    from tests.simulation.faults import Faults, Process
    from tests.simulation.scheduler import Scheduler
    from tests.simulation.sessions import ServerSession

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0
_NEVER = float("inf")
_REFUSALS = (
    ServerError(2003, None, "Can't connect to MySQL server (refused)"),
    ServerError(1040, "08004", "Too many connections"),
    ServerError(1045, "28000", "Access denied for user 'app'"),
    ServerError(2013, None, "Lost connection to MySQL server during the handshake"),
)


class Line:
    """Stands for a socket that a timer cuts."""

    def __init__(self) -> None:
        self.cut_at = _NEVER


class Cutoff:
    """Cuts the guarded line at the deadline, in virtual time."""

    def __init__(self, deadline: Deadline) -> None:
        self._at = deadline.at
        self._line: Line | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.cut_at = _NEVER

    def guard(self, line: Line) -> None:
        """Cut this line at the deadline."""
        self._line = line
        line.cut_at = self._at


class Cursor:
    """What a command is given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, arguments: Sequence[object]) -> int:
        """Run a statement."""
        return self._connection.execute(sql % tuple(map(self._connection.literal, arguments)))


class Connection:
    """Does what `mysql.connection.Connection` does, on a model server."""

    def __init__(  # noqa: PLR0913 - each of them
        self,
        server: Server,
        scheduler: Scheduler,
        faults: Faults,
        process: Process,
        *,
        autocommit: bool,
        deadline: Deadline,
        dialect: Dialect,
    ) -> None:
        self._server = server
        self._scheduler = scheduler
        self._faults = faults
        self._process = process
        self.autocommit = autocommit
        self.line = Line()
        self.line.cut_at = deadline.at
        self.dialect = dialect
        self.max_packet = 1_000_000
        self._broken = False
        self._arrived = 0.0
        """When the last packet reaches the server."""
        self._session = self._open(deadline)
        process.connections.append(self)

    def execute(self, sql: str) -> int:
        """Run a statement."""
        answer = self._ask(sql)
        return answer if isinstance(answer, int) else len(answer)

    def query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""
        answer = self._ask(sql, arguments)
        return [] if isinstance(answer, int) else answer

    def apply(
        self,
        command: Callable[[Any, Any], None],
        record: object,
        *,
        dooms: Callable[[ServerError], bool],
    ) -> None:
        """Run a command; this model's commands catch no errors."""
        del dooms
        command(Cursor(self), record)

    def literal(self, value: object) -> str:
        """Write a value as Python does; a sequence number as what its column takes it for."""
        if isinstance(value, bytes):
            return repr(value.hex())
        is_sequence = isinstance(value, str) and value.isdigit()
        return str(value) if is_sequence else repr(value)

    def close(self, *, politely: bool = True) -> None:
        """Close the socket."""
        del politely
        self._broken = True
        if not self._process.dead:
            self._process.connections.remove(self)
            self.vanish()

    def vanish(self) -> None:
        """Let the server learn that the client is gone, if anything gets through to it."""
        self._arrived = max(self._arrived, self._scheduler.now + self._faults.latency())
        if self._arrived < _NEVER:
            self._scheduler.at(self._arrived, lambda: self._server.client_closed(self._session))

    def _open(self, deadline: Deadline) -> ServerSession:
        limit = min(deadline.at, self._scheduler.now + CONNECT_TIMEOUT)
        self._faults.point(self._process)
        if self._faults.strikes("connect-lost"):
            self._scheduler.park(limit)
            raise ServerError(2003, None, "Can't connect to MySQL server (timed out)")
        self._scheduler.sleep(self._faults.latency())
        if self._faults.strikes("refused"):
            raise self._scheduler.random.choice(_REFUSALS)
        session = self._server.connect(
            autocommit=self.autocommit,
            idle_limit=IDLE_SECONDS if self.autocommit else IDLE_SECONDS_IN_TRANSACTION,
        )
        self._scheduler.sleep(self._faults.latency())
        return session

    def _ask(self, sql: str, arguments: Sequence[object] = ()) -> Rows | int:
        self._faults.point(self._process)
        if self._broken:
            raise ServerError(2006, None, "MySQL server has gone away")
        scheduler = self._scheduler
        limit = min(scheduler.now + READ_TIMEOUT, self.line.cut_at)
        if limit <= scheduler.now:  # a pause outlasted the deadline: timer and statement race
            if scheduler.random.random() < 0.5:
                self._broken = True
                raise LOST
            limit = scheduler.now + self._faults.latency()
        answers: list[Answer] = []
        actor = scheduler.current

        def take(answer: Answer) -> None:
            answers.append(answer)
            scheduler.wake(actor)

        self._send(sql, arguments, take)
        scheduler.park(limit)
        self._faults.point(self._process)
        answer = answers[0] if answers else LOST
        if isinstance(answer, ServerError):
            if answer.code == LOST.code:
                self._broken = True
            raise answer
        return answer

    def _send(self, sql: str, arguments: Sequence[object], take: Callable[[Answer], None]) -> None:
        """Let a statement reach the server, or not, and its answer come back, or not."""
        faults, scheduler = self._faults, self._scheduler
        there, back = faults.latency(), faults.latency()
        kind, answer = ("commit", "commit-answer") if sql == "COMMIT" else ("request", "answer")
        if faults.strikes(f"{kind}-swallowed"):
            self._arrived = _NEVER
            return
        failure = self._failure(kind)
        if failure is not None:
            scheduler.after(there + back, lambda: take(failure()))
            return
        there = faults.long() if faults.strikes(f"{kind}-late") else there
        back = faults.long() if faults.strikes(f"{answer}-late") else back
        lost = faults.strikes(f"{answer}-lost")
        asked_at, owner = scheduler.now, self._process.invocation

        def reply(given: Answer) -> None:
            scheduler.after(back, lambda: take(LOST if lost else given))

        def arrive() -> None:
            self._server.receive(
                self._session,
                sql,
                arguments,
                asked_at=asked_at,
                owner=0 if owner is None else owner.number,
                reply=reply,
            )

        self._arrived = max(self._arrived, scheduler.now + there)
        scheduler.at(self._arrived, arrive)

    def _failure(self, kind: str) -> Callable[[], Answer] | None:
        """Choose an error for a statement that is not carried out."""
        if self._faults.strikes(f"{kind}-lost"):
            return lambda: LOST
        if kind == "commit":
            refused = self._faults.strikes("commit-refused")
            return partial(self._server.refuse_commit, self._session) if refused else None
        if self._faults.strikes("deadlock"):
            return partial(self._server.deadlock, self._session)
        if self._faults.strikes("lock-wait"):
            return lambda: ServerError(1205, "HY000", "Lock wait timeout exceeded")
        return None
