"""A connection on which rows of known tables are written, one transaction at a time."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from durable_ingest.contract import Command
from durable_ingest.errors import Reject
from durable_ingest.mysql.commands import BrokenCommandError
from durable_ingest.mysql.connection import Connection, ServerError
from durable_ingest.mysql.refused import RefusedError, refusing
from durable_ingest.mysql.statements import Statements
from durable_ingest.mysql.values import UnreadableError, UnstorableError
from durable_ingest.rows import NO_TIME, Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.once import Once
    from durable_ingest.rows import Row

_Step = tuple[str, "Callable[[Deadline], int]"]
_MARK = "durable_ingest"
_LONG = 1.0  # seconds after which a lost connection is the command's own doing
_KIND = attrgetter("contract", "present")


class Session:
    """Writes transactions, and says why one was refused."""

    def __init__(self, connection: Connection, inbox: str | None = None) -> None:
        self.connection = connection
        self._once: Once | None = None
        if inbox is not None:
            from durable_ingest.mysql.once import Once  # noqa: PLC0415 - most have no inbox

            self._once = Once(connection, inbox)
        self.changed: Counter[str] = Counter()
        """How many transactions of this session have changed rows of each table."""
        self._statements = Statements(connection)

    def write(self, rows: Sequence[Row], deadline: Deadline) -> None:
        """Write rows in one transaction: runs of one contract in arrival order, then COMMIT.

        With an inbox, their messages are remembered first, and those done before are left out.
        Without one, and where every table has a guard, a single statement is autocommitted: an
        abandoned one that lands late changes nothing newer. Any other is only ended by a COMMIT
        that is sent before the deadline.

        Raises:
            RefusedError: nothing is committed, or (`lost`) that is unknown.
        """
        if self._once is not None:
            rows = self._claim(self._once, rows, deadline)
            if not rows:
                return
        steps = self._steps(rows)
        whole = self.connection.autocommit and len(steps) == 1
        if self.connection.autocommit and not whole:
            self._execute("BEGIN", deadline)
        runs_commands = any(isinstance(row.contract, Command) for row in rows)
        if runs_commands:
            self._execute(f"SAVEPOINT {_MARK}", deadline)
        changed = {name for name, step in steps if step(deadline)}
        if runs_commands:
            self._check_transaction(deadline)
        if not whole:
            self._commit(deadline)
        for name in changed:
            self.changed[name] += 1

    def rollback(self) -> bool:
        """Undo an open transaction; False where the session is of no further use."""
        try:
            self.connection.execute("ROLLBACK")
        except ServerError:
            return False
        return True

    def forget(self, table: str | None) -> None:
        """Check a table again before its next rows: its schema is not what it was."""
        self._statements.forget(table)

    def shows_stale(self, row: Row) -> bool:
        """Say whether a committed guard makes a row that cannot be written an old one.

        A sequence that is stored already is this very message's own effect.
        """
        table = row.contract
        if isinstance(table, Command) or table.guard_column is None:
            return False
        if not self._statements.know(table):  # the server failed while it was looked at
            return False
        try:
            found = bool(self.connection.query(self._statements.newer(table, row)))
            self.connection.execute("ROLLBACK")
        except (UnstorableError, UnreadableError, ServerError):
            return False
        return found

    def _claim(self, once: Once, rows: Sequence[Row], deadline: Deadline) -> list[Row]:
        """Remember the rows' messages; whatever is wrong with the inbox is no row's fault."""
        try:
            self._statements.check_inbox(once.table)
            return once.claim(rows, partial(self._request, deadline=deadline))
        except ServerError as error:
            refused = refusing(error, None)
            if refused.refusal.fault in (Fault.UNAVAILABLE, Fault.CONTENDED):
                raise refused from error
            self._statements.forget_all()
            reason = f"the inbox {once.table!r}: {refused.refusal.reason}"
            unusable = Refusal(Fault.MISCONFIGURED, reason, error.code, error.sqlstate)
            raise RefusedError(unusable, everywhere=True) from error

    def _steps(self, rows: Sequence[Row]) -> list[_Step]:
        """Prepare a transaction: an upsert for each run of a table, a call for each command."""
        steps: list[_Step] = []
        for (contract, present), run in groupby(rows, _KIND):
            if isinstance(contract, Command):
                steps += [(contract.name, partial(self._apply, contract, row)) for row in run]
                continue
            self._statements.check(contract)
            steps += [
                (contract.name, partial(self._execute, sql, contract=contract))
                for sql in self._statements.upserts(contract, present, list(run))
            ]
        return steps

    def _apply(self, command: Command, row: Row, deadline: Deadline) -> int:
        """Run a command."""
        if deadline.passed():
            raise RefusedError(NO_TIME, lost=True)
        began = deadline.clock.monotonic()
        try:
            self.connection.apply(command.apply, _copy_of(row.record), dooms=_dooms)
        except ServerError as error:
            refused = refusing(error, command)
            long = deadline.clock.monotonic() - began >= _LONG or deadline.passed()
            culprit = row if long else None
            raise RefusedError(refused.refusal, lost=refused.lost, culprit=culprit) from error
        except Reject as error:
            detail = str(getattr(error, "reason", error))
            refusal = Refusal(Fault.REJECTED, f"{command.name} rejects it", detail=detail)
            raise RefusedError(refusal) from error
        except BrokenCommandError as error:
            reason = f"{command.name}: {error}"
            raise RefusedError(Refusal(Fault.MISCONFIGURED, reason)) from error
        return 1

    def _check_transaction(self, deadline: Deadline) -> None:
        """See that the transaction is still the one in which the messages were remembered.

        A command that catches an error does not know that it may have rolled everything back,
        and neither error packets nor the server's status flags tell.
        """
        try:
            self._request(f"RELEASE SAVEPOINT {_MARK}", deadline)
        except ServerError as error:
            refused = refusing(error, None)
            if refused.refusal.fault is not Fault.UNAVAILABLE:
                reason = "the transaction ended while a command ran"
                refused = RefusedError(Refusal(Fault.CONTENDED, reason, error.code))
            raise refused from error

    def _execute(self, sql: str, deadline: Deadline, contract: Contract | None = None) -> int:
        try:
            return self._request(sql, deadline)
        except ServerError as error:
            raise refusing(error, contract) from error

    def _request(self, sql: str, deadline: Deadline) -> int:
        if deadline.passed():
            raise RefusedError(NO_TIME, lost=True)
        return self.connection.execute(sql)

    def _commit(self, deadline: Deadline) -> None:
        """Commit, or give the session up.

        After a COMMIT that failed, whatever its code, a second one answers OK and the rows are
        gone: the whole transaction has to be done again on another connection.
        """
        try:
            self._execute("COMMIT", deadline)
        except RefusedError as error:
            was = error.refusal
            reason = f"the COMMIT failed: {was.reason}"
            refusal = Refusal(Fault.UNAVAILABLE, reason, was.code, was.sqlstate, was.table)
            raise RefusedError(refusal, lost=True) from error


def _copy_of(record: BaseModel) -> BaseModel:
    """Copy a record for a command, which may change it, and may run again.

    Raises:
        BrokenCommandError: the model's own code failed.
    """
    try:
        return record.model_copy(deep=True)
    except Exception as error:
        problem = f"the model raised {type(error).__name__} while its record was copied"
        raise BrokenCommandError(problem) from error


def _dooms(error: ServerError) -> bool:
    """Say whether a transaction may be lost with a statement, as it is with a deadlock.

    Errors of the row itself (SQLSTATE class 22, data, and 23, constraints) undo the statement.
    """
    return (error.sqlstate or "")[:2] not in ("22", "23")
