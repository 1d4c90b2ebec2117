"""A model of a MySQL server: committed rows, transactions, row locks, and sessions that end.

It is READ COMMITTED with a buffer of writes for each transaction. A statement locks each row that
it writes and waits for a lock at most a second. Statements run on although their client has given
up; a session that finds its client gone rolls back.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.mysql import preflight
from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.inbox import Inbox
from tests.simulation.history import Commit, History, Written
from tests.simulation.sessions import LOST, Answer, Key, ServerSession, Transaction, Work
from tests.simulation.sql import Insert, Select, assign, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from tests.simulation.scheduler import Scheduler
    from tests.simulation.sql import Row
    from tests.simulation.tables import TableModel

LOCK_WAIT = 1.0


class Server:
    """The database server.

    Args:
        scheduler: its time.
        tables: its tables.
        history: where commits are noted.
    """

    def __init__(
        self, scheduler: Scheduler, tables: Iterable[TableModel], history: History
    ) -> None:
        self._scheduler = scheduler
        self._history = history
        self.tables = {table.name: table for table in tables}
        self.up = True
        self.read_only = False
        self.missing: set[str] = set()
        """Tables that are not there for the time being."""
        self.sessions: list[ServerSession] = []
        self._holders: dict[Key, ServerSession] = {}
        self._numbers = itertools.count(1)

    def connect(self, *, autocommit: bool, idle_limit: float) -> ServerSession:
        """Open a session.

        Raises:
            ServerError: the server is down.
        """
        if not self.up:
            raise ServerError(2003, None, "Can't connect to MySQL server ([Errno 111] refused)")
        session = ServerSession(next(self._numbers), autocommit, idle_limit)
        self.sessions.append(session)
        self._grow_idle(session)
        return session

    def inbox_ids(self) -> frozenset[str]:
        """Give the deduplication ids that are remembered."""
        return frozenset(map(str, self.tables[Inbox().table].rows))

    def stop(self) -> None:
        """Shut down: every transaction is rolled back, every client is told."""
        self.up = False
        for session in list(self.sessions):
            self.end(session)

    def start(self) -> None:
        """Come up again."""
        self.up = True

    def client_closed(self, session: ServerSession) -> None:
        """Take in that a client is gone; a statement under way runs on."""
        session.client_gone = True
        if session.work is None:
            self.end(session)

    def end(self, session: ServerSession) -> None:
        """End a session: roll back, let its locks go, drop its connection."""
        if not session.alive:
            return
        session.alive = False
        self.sessions.remove(session)
        self._stop_waiting(session)
        session.work = None
        self._roll_back(session)
        if session.reply is not None:
            session.reply(LOST)

    def receive(  # noqa: PLR0913 - all that a request says
        self,
        session: ServerSession,
        sql: str,
        arguments: Sequence[object] = (),
        *,
        asked_at: float,
        owner: int,
        reply: Callable[[Answer], None],
    ) -> None:
        """Begin a statement; `reply` is called once with what comes of it."""
        if not session.alive:
            reply(LOST)
            return
        session.asked_at, session.owner = asked_at, owner
        session.reply = reply
        session.work = self._work(session, sql, arguments)
        self._advance(session)

    def deadlock(self, session: ServerSession) -> ServerError:
        """Choose a session as a deadlock's victim: its transaction is rolled back."""
        self._roll_back(session)
        return ServerError(1213, "40001", "Deadlock found when trying to get lock")

    def refuse_commit(self, session: ServerSession) -> ServerError:
        """Fail a commit: what it would have committed is gone."""
        self._roll_back(session)
        return ServerError(1180, "HY000", "Got error 5 during COMMIT")

    def _advance(self, session: ServerSession, error: ServerError | None = None) -> None:
        """Go on with a statement as far as locks let it."""
        work = session.work
        if work is None:
            return
        self._stop_waiting(session)
        try:
            wanted = work.throw(error) if error is not None else next(work)
        except StopIteration as stop:
            self._finish(session, stop.value)
        except ServerError as raised:
            if session.autocommit and not session.begun:
                self._roll_back(session)
            self._finish(session, raised)
        else:
            session.waiting_for = wanted
            if self._closes_a_circle(session, wanted):
                self._advance(session, self.deadlock(session))
                return
            timed_out = ServerError(1205, "HY000", "Lock wait timeout exceeded")
            session.waiting = self._scheduler.after(
                LOCK_WAIT, lambda: self._advance(session, timed_out)
            )

    def _finish(self, session: ServerSession, answer: Answer) -> None:
        session.work = None
        reply, session.reply = session.reply, None
        if session.client_gone:
            self.end(session)
        else:
            self._grow_idle(session)
        if reply is not None:
            reply(answer)

    def _stop_waiting(self, session: ServerSession) -> None:
        session.waiting_for = None
        if session.waiting is not None:
            session.waiting.called_off = True
            session.waiting = None
        if session.idle is not None:
            session.idle.called_off = True
            session.idle = None

    def _grow_idle(self, session: ServerSession) -> None:
        session.idle = self._scheduler.after(session.idle_limit, lambda: self.end(session))

    def _closes_a_circle(self, session: ServerSession, wanted: Key | None) -> bool:
        while wanted is not None and (holder := self._holders.get(wanted)) is not None:
            if holder is session:
                return True
            wanted = holder.waiting_for
        return False

    def _work(self, session: ServerSession, sql: str, arguments: Sequence[object]) -> Work:
        if sql == preflight.COLUMNS_SQL:
            name = str(arguments[1])
            return [] if name in self.missing else self.tables[name].described()
        if sql == preflight.INDEX_SQL:
            return self.tables[str(arguments[1])].indexes()
        if sql in _CONTROL:
            _CONTROL[sql](self, session)
            return 0
        statement = parse(sql)
        if statement.table in self.missing:
            raise ServerError(1146, "42S02", f"Table 'model.{statement.table}' doesn't exist")
        if isinstance(statement, Select):
            return self._select(session, statement)
        if self.read_only:
            text = "The MySQL server is running with the --read-only option"
            raise ServerError(1290, "HY000", text)
        changed = yield from self._insert(session, statement)
        if session.autocommit and not session.begun:
            self._commit(session, "autocommit")
        return changed

    def _select(self, session: ServerSession, statement: Select) -> list[tuple[Any, ...]]:
        table = self.tables[statement.table]
        rows = {(table.name, key): row for key, row in table.rows.items()}
        rows |= {k: row for k, row in session.transaction.rows.items() if k[0] == table.name}
        found = [row for row in rows.values() if statement.condition(row, row)]
        return [(table.read(row, statement.column),) for row in found]

    def _insert(self, session: ServerSession, statement: Insert) -> Generator[Key, None, int]:
        """Write rows; those before a refused one are undone, their locks stay."""
        table = self.tables[statement.table]
        transaction = session.transaction
        mine: dict[Key, Row] = {}
        written: list[Written] = []
        affected = 0

        def stored(key: Key) -> Row | None:
            committed = table.rows.get(key[1])
            return mine.get(key) or transaction.rows.get(key) or committed

        for new in statement.rows:
            key = (table.name, new[table.key])
            yield from self._lock(session, key)
            row = stored(key)
            if row is not None and statement.update is None:
                self._unlock_last(
                    session
                )  # InnoDB keeps a shared lock, which stops no other reader
                raise ServerError(1062, "23000", f"Duplicate entry for key '{table.name}.PRIMARY'")
            after = new if row is None else assign(row, new, statement.update or ())
            if (refusal := table.check(new)) is not None:
                raise refusal
            if after[table.key] is None:
                raise ServerError(1048, "23000", f"Column '{table.key}' cannot be null")
            if after != row:
                yield from self._check_unique(session, table, after, mine, is_new=row is None)
                affected += 1 if row is None else 2
            mine[key] = after
            if table.name in self._history.kinds:
                written.append(Written(table.name, new[table.key], new, row, after))
        transaction.rows |= mine
        transaction.written += written
        return affected

    def _check_unique(
        self,
        session: ServerSession,
        table: TableModel,
        row: Row,
        mine: dict[Key, Row],
        *,
        is_new: bool,
    ) -> Generator[Key, None, None]:
        """Refuse a value that another row has.

        A new row meets that one by ON DUPLICATE KEY UPDATE, whose first assignment then fails.
        """
        value = None if table.unique is None else row[table.unique]
        if table.unique is None or value is None:
            return
        index = f"{table.name}.{table.unique}"
        yield from self._lock(session, (index, value))
        theirs = {k: r[table.unique] for k, r in table.rows.items()}
        written = {**session.transaction.rows, **mine}
        theirs |= {k[1]: r[table.unique] for k, r in written.items() if k[0] == table.name}
        if any(v == value and k != row[table.key] for k, v in theirs.items()):
            if is_new:
                raise ServerError(1048, "23000", f"Column '{table.key}' cannot be null")
            raise ServerError(1062, "23000", f"Duplicate entry for key '{index}'")

    def _lock(self, session: ServerSession, key: Key) -> Generator[Key, None, None]:
        while (holder := self._holders.get(key)) is not None:
            if holder is session:
                return
            yield key
        self._holders[key] = session
        session.transaction.locks.append(key)

    def _unlock_last(self, session: ServerSession) -> None:
        del self._holders[session.transaction.locks.pop()]

    def _begin(self, session: ServerSession) -> None:
        session.begun = True

    def _mark(self, session: ServerSession) -> None:
        session.transaction.marked = True

    def _unmark(self, session: ServerSession) -> None:
        if not session.transaction.marked:
            raise ServerError(1305, "42000", "SAVEPOINT durable_ingest does not exist")

    def _commit(self, session: ServerSession, how: str = "commit") -> None:
        transaction = session.transaction
        for (name, key), row in transaction.rows.items():
            self.tables[name].rows[key] = row
        if transaction.written:
            self._history.commits.append(
                Commit(
                    time=self._scheduler.now,
                    invocation=session.owner,
                    how=how,
                    asked_at=session.asked_at,
                    written=tuple(transaction.written),
                )
            )
        self._roll_back(session)

    def _roll_back(self, session: ServerSession) -> None:
        """End a transaction; the writes of one that was not committed are gone."""
        locks = session.transaction.locks
        session.transaction = Transaction()
        session.begun = False
        for key in locks:
            del self._holders[key]
        freed = set(locks)
        for other in [s for s in self.sessions if s.waiting_for in freed]:
            self._scheduler.after(0.0, lambda other=other: self._retry(other))  # type: ignore[misc]

    def _retry(self, session: ServerSession) -> None:
        if session.alive and session.waiting_for is not None:
            self._advance(session)


_CONTROL: Final[dict[str, Callable[[Server, ServerSession], None]]] = {
    "BEGIN": Server._begin,
    "COMMIT": Server._commit,
    "ROLLBACK": Server._roll_back,
    "SAVEPOINT durable_ingest": Server._mark,
    "RELEASE SAVEPOINT durable_ingest": Server._unmark,
}
