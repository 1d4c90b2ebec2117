"""The one session of a drainer: connect, keep, replace, remember that the database was away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.backoff import FAIL_FAST
from durable_ingest.errors import DatabaseUnavailableError, MisconfiguredError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.connection import Connection
    from durable_ingest.mysql.cutoff import Cutoff
    from durable_ingest.mysql.session import Session
    from durable_ingest.mysql.target import MySQL
    from durable_ingest.ports import RememberingTable, RetryPolicy
    from durable_ingest.rows import Row

OLDEST_CONNECTION: Final = 600.0
"""Seconds after which a connection is replaced, so that a changed address or password is seen."""
IDLE_FOR: Final = 30.0
"""Seconds after which a connection is tried before it is used: a network forgets idle ones without
a word, and a statement on such a one would wait for `read_timeout`."""
ANSWERS_WITHIN: Final = 1.0
"""Seconds that a trial may take."""

_MOST_SLOW: Final = 1000


class SessionKeeper:
    """Keeps one session between calls: replaced when it is old, idle without an answer, or lost."""

    def __init__(  # noqa: PLR0913 - each by name
        self,
        target: MySQL,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        *,
        inbox: RememberingTable | None = None,
        connect: Callable[..., Connection] | None = None,
    ) -> None:
        self._target = target
        self._inbox = None if inbox is None else inbox.table
        self._open = connect
        guarded = all(contract.guard_column is not None for contract in contracts)
        self._autocommit = guarded and inbox is None
        self.clock = clock
        self.retry = retry
        self._session: Session | None = None
        self._opened_at = self._used_at = 0.0
        self._down_at: float | None = None
        self.repeats = 0
        """How often a transaction or a connection was tried again."""
        self.slow: set[bytes] = set()
        """Messages whose commands took a connection down: they come last, by themselves."""

    def close(self) -> None:
        """End the session."""
        self.drop(politely=True)

    def drop(self, *, politely: bool = False) -> None:
        """Give the session up."""
        if self._session is not None:
            self._session.connection.close(politely=politely)
            self._session = None

    @property
    def session(self) -> Session | None:
        """The session, if there is one."""
        return self._session

    @property
    def patience(self) -> float:
        """Seconds to wait out an outage; none just after one was seen."""
        if self._down_at is None or self.clock.monotonic() - self._down_at > FAIL_FAST:
            return self.retry.patience
        return 0.0

    def connect(self, deadline: Deadline, cutoff: Cutoff) -> Session:
        """Open a session.

        Raises:
            RefusedError: it did not come about.
        """
        # Loaded with the first connection, not for a cold start; what judges errors not with the
        # first error, which may be that no file can be opened.
        from durable_ingest.mysql.connection import Connection, ServerError  # noqa: PLC0415
        from durable_ingest.mysql.faults import classify  # noqa: PLC0415
        from durable_ingest.mysql.refused import RefusedError  # noqa: PLC0415
        from durable_ingest.mysql.session import Session  # noqa: PLC0415
        from durable_ingest.rows import Fault, Refusal  # noqa: PLC0415

        opens = self._open or Connection.open
        try:
            connection = opens(self._target, autocommit=self._autocommit, deadline=deadline)
        except ServerError as error:
            fault = classify(error.code, error.sqlstate, error.text)
            if fault is not Fault.MISCONFIGURED:  # nothing is the fault of a row yet
                fault = Fault.UNAVAILABLE
            refusal = Refusal(fault, error.reason(), error.code, error.sqlstate)
            raise RefusedError(refusal) from error
        except DatabaseUnavailableError as error:
            raise RefusedError(Refusal(Fault.UNAVAILABLE, str(error))) from error
        except MisconfiguredError as error:
            raise RefusedError(Refusal(Fault.MISCONFIGURED, str(error))) from error
        cutoff.guard(connection.line)
        self._session = Session(connection, self._inbox)
        self._opened_at = self._used_at = self.clock.monotonic()
        return self._session

    def remember_slow(self, row: Row) -> None:
        """Write a row last from now on; not without end, since others may store it."""
        if len(self.slow) >= _MOST_SLOW:
            self.slow.clear()
        self.slow.add(row.identity)

    def forget_slow(self, rows: Sequence[Row]) -> None:
        """Write rows in their turn again: they are stored."""
        if self.slow:
            self.slow.difference_update(row.identity for row in rows)

    def went_down(self) -> None:
        """Remember that the database is away."""
        self._down_at = self.clock.monotonic()

    def came_up(self) -> None:
        """Forget an outage."""
        self._down_at = None

    def _check_session(self, deadline: Deadline) -> None:
        """Give an old session up, and an idle one to which nobody answers any more."""
        if self._session is None:
            return
        now = self.clock.monotonic()
        if now - self._opened_at > OLDEST_CONNECTION:
            self.close()
        elif now - self._used_at > IDLE_FOR and not self._answers(self._session, deadline):
            self.drop()

    def _answers(self, session: Session, deadline: Deadline) -> bool:
        try:
            return session.connection.answers(deadline.sooner_of(ANSWERS_WITHIN))
        except BaseException:
            self.drop()  # an answer may be on its way, and would be taken for the next one
            raise
