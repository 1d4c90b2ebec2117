"""One call's rows: retry what may be retried, split to find the guilty row, keep the order."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from durable_ingest.backoff import retrying
from durable_ingest.contract import Command
from durable_ingest.mysql.refused import RefusedError
from durable_ingest.rows import NO_TIME, Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.cutoff import Cutoff
    from durable_ingest.mysql.keeping import SessionKeeper
    from durable_ingest.mysql.session import Session
    from durable_ingest.rows import Row

_READ_ONLY_PAUSE: Final = 0.25
_LOCK_WAIT: Final = 1205
_MOST_LOCK_WAITS: Final = 5
"""Lock waits that one call sits out: enough to narrow one locked row down among ten."""
_LOST: Final = frozenset({0, 1038, 1105, 1317, 1927, 1969, 2006, 2013, 2055, 3024, 4031, 4082})
"""Codes of an outage that a single row can cause as well, by what it makes the server do."""
_INDEX: Final = attrgetter("index")


class _DownError(Exception):
    """No usable connection, and no time or patience left to get one."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class _CulpritError(Exception):
    """A row's command was running when the connection was lost: it waits, the others go on."""

    def __init__(self, row: Row, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.row = row
        self.refusal = refusal


class _NoConnectionError(_DownError):
    """An attempt to connect failed, and another may not."""


class Writing:
    """One call of `MySQLStore.write`."""

    def __init__(
        self, keeper: SessionKeeper, rows: Sequence[Row], deadline: Deadline, cutoff: Cutoff
    ) -> None:
        self._keeper = keeper
        self._rows = rows
        self._deadline = deadline
        self._cutoff = cutoff
        self._results: dict[int, Refusal | None] = {}
        self._stuck: set[str] = set()
        self._suspects: list[tuple[Row, Session, int, Refusal]] = []
        self._patience: Deadline | None = None
        self._lock_waits = 0

    def run(self) -> dict[int, Refusal | None]:
        """Write what can be written; say what became of each row that was tried."""
        known = self._keeper.slow
        slow = {row.group for row in self._rows if row.identity in known} if known else set()
        try:
            self._part([row for row in self._rows if row.group not in slow])
            for row in self._rows:
                if row.group in slow:
                    self._part([row])
        except _DownError as error:
            refusal = error.refusal
            if refusal != NO_TIME:
                refusal = refusal.changed(everywhere=True)
            for row in self._rows:
                self._results.setdefault(row.index, refusal)
        self._judge_suspects()
        return self._results

    def _part(self, rows: Sequence[Row]) -> None:
        """Write rows; where one is refused, write each half by itself, in order."""
        rows = [row for row in rows if row.group not in self._stuck]
        if not rows:
            return
        try:
            refusal = self._try(rows)
        except _CulpritError as error:
            self._keeper.remember_slow(error.row)
            self._refuse(error.row, self._not_an_outage(error.refusal))
            self._part(rows)
            return
        if refusal is None:
            self._results |= dict.fromkeys(map(_INDEX, rows))
            self._keeper.forget_slow(rows)
        elif self._lock_waits >= _MOST_LOCK_WAITS and refusal.code == _LOCK_WAIT:
            for row in rows:
                self._refuse(row, refusal)
        elif refusal.fault is Fault.MISCONFIGURED and refusal.table is not None:
            for row in rows:
                if row.contract.name == refusal.table:
                    self._refuse(row, refusal)
            self._part([row for row in rows if row.contract.name != refusal.table])
        elif len(rows) > 1:
            middle = len(rows) // 2
            self._part(rows[:middle])
            self._part(rows[middle:])
        else:
            self._settle_alone(rows[0], self._second_opinion(rows[0], refusal))

    def _second_opinion(self, row: Row, refusal: Refusal) -> Refusal | None:
        """Try a row that seems to blame again: its table's columns may have changed meanwhile."""
        session = self._keeper.session
        seems_to_blame = refusal.fault in (Fault.REJECTED, Fault.UNKNOWN)
        if isinstance(row.contract, Command) or not seems_to_blame or session is None:
            return refusal
        session.forget(row.contract.name)
        return self._try([row])

    def _not_an_outage(self, refusal: Refusal) -> Refusal:
        """Say what a command that took the connection down by its length waits for."""
        return NO_TIME if self._deadline.passed() else refusal.changed(fault=Fault.UNKNOWN)

    def _refuse(self, row: Row, refusal: Refusal) -> None:
        if row.group not in self._stuck:
            self._results[row.index] = refusal
            self._stuck.add(row.group)

    def _settle_alone(self, row: Row, refusal: Refusal | None) -> None:
        session = self._keeper.session
        if refusal is None:
            self._results[row.index] = None
            return
        the_rows_own = (Fault.REJECTED, Fault.DEPENDENT, Fault.UNKNOWN)
        if session is not None and refusal.fault in the_rows_own and session.shows_stale(row):
            self._results[row.index] = None
            return
        is_command = isinstance(row.contract, Command)
        if is_command and refusal.fault is Fault.UNAVAILABLE:
            refusal = self._not_an_outage(refusal)  # two fresh connections went down with it
        if refusal.fault is Fault.UNKNOWN and session is not None and not is_command:
            before = session.changed[row.contract.name]
            self._suspects.append((row, session, before, refusal))
        self._refuse(row, refusal)

    def _judge_suspects(self) -> None:
        """Reject for an unknown error where rows before and after it changed the same table.

        Not before it was met once more: what the server alone was to blame for has gone by then,
        or comes and goes.
        """
        for row, session, before, refusal in self._suspects:
            after = session.changed[row.contract.name]
            if self._keeper.session is not session or not 0 < before < after:
                continue
            if self._deadline.passed():
                return
            try:
                again = self._try([row])
            except _DownError:
                return
            if again is None:
                self._results[row.index] = None
            elif self._keeper.session is session and again.code == refusal.code:
                self._results[row.index] = refusal.changed(fault=Fault.REJECTED)

    def _try(self, rows: Sequence[Row]) -> Refusal | None:
        """Write rows in one transaction, again where that can help; None once committed.

        A transaction that takes a good connection down twice is not an outage: it is split like
        a refused one, and the row that does it waits alone.
        """
        contended = lost = 0
        while True:
            session = self._keeper.session
            fresh = session is None
            session = session or self._connect()
            try:
                session.write(rows, self._deadline)
            except RefusedError as error:
                refusal = error.refusal
                if error.lost:
                    self._keeper.drop()
                    if error.culprit is not None and len(rows) > 1:
                        raise _CulpritError(error.culprit, refusal) from error
                    lost += fresh and refusal.code in _LOST
                    if lost > 1:
                        return refusal
                    self._before_another_connection(refusal, fresh=fresh)
                    self._keeper.repeats += 1
                    continue
                self._undo(session, refusal)
                if error.everywhere:
                    raise _DownError(refusal) from error
                contended += refusal.fault is Fault.CONTENDED
                if not self._worth_repeating(refusal, contended):
                    return refusal
                self._keeper.repeats += 1
                self._pause(contended)
            else:
                self._patience = None
                self._keeper.came_up()
                return None

    def _undo(self, session: Session, refusal: Refusal) -> None:
        if refusal.fault is Fault.MISCONFIGURED:
            session.forget(refusal.table)
        if not session.rollback():
            self._keeper.drop()

    def _worth_repeating(self, refusal: Refusal, times: int) -> bool:
        """Repeat after a deadlock; a lock that was waited for in vain has had its time."""
        if refusal.code == _LOCK_WAIT:
            self._lock_waits += 1
            return False
        return refusal.fault is Fault.CONTENDED and times < self._keeper.retry.attempts

    def _connect(self) -> Session:
        """Connect, waiting out an outage as long as patience and deadline allow."""
        if self._deadline.passed():
            raise _DownError(NO_TIME)
        patience = self._patience or self._deadline.sooner_of(self._keeper.patience)
        self._patience = patience

        def attempt() -> Session:
            try:
                return self._keeper.connect(self._deadline, self._cutoff)
            except RefusedError as error:
                if error.refusal.fault is Fault.UNAVAILABLE:
                    self._keeper.repeats += 1
                    raise _NoConnectionError(error.refusal) from error
                raise _DownError(error.refusal) from error

        try:
            repeat = retrying(self._keeper.clock, patience, on=_NoConnectionError)
            session: Session = repeat(attempt)
        except _NoConnectionError as error:
            self._keeper.went_down()
            raise _DownError(error.refusal) from error
        return session

    def _before_another_connection(self, refusal: Refusal, *, fresh: bool) -> None:
        """Go on at once after a lost or an old connection; wait out a server without writes."""
        if self._deadline.passed():
            raise _DownError(NO_TIME)
        if refusal.code in _LOST or not fresh:
            self._patience = None
            return
        if self._patience is None:
            self._patience = self._deadline.sooner_of(self._keeper.patience)
        if self._patience.passed():
            self._keeper.went_down()
            raise _DownError(refusal)
        self._keeper.clock.sleep(min(_READ_ONLY_PAUSE, max(self._patience.remaining(), 0)))

    def _pause(self, times: int) -> None:
        seconds = 0.02 * 2**times * (0.5 + self._keeper.clock.jitter())
        self._keeper.clock.sleep(min(seconds, max(self._deadline.remaining(), 0)))
